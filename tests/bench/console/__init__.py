"""What the console costs with ten thousand devices."""
