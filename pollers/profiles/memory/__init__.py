"""Compact storage of data between polls: known rows and cells, and facts of an enrichment."""
