"""Plugins: the five Protocols (base), how they are found (registry), and one file per built-in."""
