"""The objects that a simulated device answers for."""
