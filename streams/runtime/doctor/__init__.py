"""Checks every service, and says what to do: `panoptes doctor`."""
