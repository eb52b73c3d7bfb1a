"""Asks every service how it is, and says what to do: `panoptes doctor`."""
