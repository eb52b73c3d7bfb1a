"""The sinks stage: what stands in the topics goes to a store outside Kafka, in the store's own form."""
