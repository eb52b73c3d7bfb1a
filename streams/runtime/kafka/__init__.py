"""Kafka for the stages: sending, reading, topics."""
