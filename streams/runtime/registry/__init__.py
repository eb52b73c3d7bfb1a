"""Schemas: clients of the schema registry, and encoding of records by schema id."""
