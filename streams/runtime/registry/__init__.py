"""Schemas: where their ids come from, and records by them."""
