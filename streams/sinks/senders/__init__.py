"""The sinks, one in each file, and the common part of those over HTTP."""
