"""What whoever runs a worker sees of it: health, metrics, waits."""
