"""OpenTelemetry traces: a slot is one, from its tick to the store."""
