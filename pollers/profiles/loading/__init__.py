"""Loads profiles from YAML files: reads, merges, checks and reloads them when they change."""
