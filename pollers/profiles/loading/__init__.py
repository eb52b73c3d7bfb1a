"""Profiles from YAML files: read, merged, checked, and followed while their files change."""
