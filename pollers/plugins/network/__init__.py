"""Enrichment plugins that find out how devices are joined, addressed and built."""
