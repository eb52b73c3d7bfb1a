"""Plugins: the five Protocols (base), how plugins are found (registry), and one file for each built-in plugin."""
