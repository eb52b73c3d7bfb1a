"""The whole pipeline as real processes on real services."""
