"""The records of the pipeline: Avro schemas, the same as dataclasses, and the errors of every room."""
