"""Sub-commands that read topics, and move sinks in them."""
