"""What configured transforms make of gauges."""
