"""The vocabulary: the names and meanings of metrics, as data."""
