"""Everything around the stages: settings, schemas, Kafka, secrets, scheduling, metrics."""
