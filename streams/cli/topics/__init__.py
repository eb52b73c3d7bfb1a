"""Sub-commands that say what topics hold, and where sinks stand in them."""
