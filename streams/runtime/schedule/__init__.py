"""The schedule of a stage: a leader publishes ticks, and the owners of partitions run them."""
