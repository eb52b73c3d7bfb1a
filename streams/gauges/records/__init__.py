"""What goes out: gauges as packed Avro, as objects, as lines of JSON."""
