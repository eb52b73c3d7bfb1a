"""Plugins: the four Protocols (base), how they are found (registry), and one file per built-in."""
