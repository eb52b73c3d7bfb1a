"""Names numbers, states and rows for stores outside Kafka."""
