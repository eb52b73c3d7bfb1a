"""The discovery plugin that reads a list of devices from a file."""
