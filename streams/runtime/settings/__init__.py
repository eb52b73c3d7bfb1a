"""Reads, checks and documents the configuration."""
