"""Kafka as the stages use it: sending, reading, topics."""
