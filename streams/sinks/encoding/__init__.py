"""Encodes blocks for stores: remote write, line protocol, OTLP, lines of JSON, pages to be scraped."""
