"""Applies the configured transforms to gauges."""
