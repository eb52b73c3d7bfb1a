"""The discovery stage."""
