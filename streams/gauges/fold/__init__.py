"""The fold from samples to gauges: what may be compared, rates, derived values."""
