"""What stages are written against: partitions, records, tables, effects."""
