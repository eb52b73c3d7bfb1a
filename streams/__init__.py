"""The stages of the pipeline: what flows between Kafka topics, and what runs it."""
