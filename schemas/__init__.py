"""The words of the system: Avro schemas, the same as dataclasses, and the errors every room may raise."""
