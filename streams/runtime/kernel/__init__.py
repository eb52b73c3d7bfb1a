"""The interfaces that stages are written against: partitions, records, tables, effects."""
