"""Explains why a number is what it is, or absent, by running the fold again over `raw-counters`."""
