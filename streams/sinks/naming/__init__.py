"""What numbers, states and rows are called outside Kafka."""
