"""The fold from samples to gauges: comparability, rates, derived values."""
