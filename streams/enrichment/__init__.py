"""The enrichment stage."""
