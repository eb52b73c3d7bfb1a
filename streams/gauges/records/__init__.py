"""Gauges as packed Avro, as objects and as lines of JSON."""
