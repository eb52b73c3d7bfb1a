"""The sinks themselves, one a file, and what those over HTTP have in common."""
