"""Tests of the lab, and of what the pipeline says of it."""
