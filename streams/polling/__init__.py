"""The polling stage."""
