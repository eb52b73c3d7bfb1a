"""The gauges stage."""
