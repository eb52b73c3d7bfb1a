"""The configuration: read, checked, documented."""
