"""State and operations of one device: channel, memory, and explanations of its silence; no I/O."""
