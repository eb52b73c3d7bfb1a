"""What was: from a store that speaks PromQL."""
