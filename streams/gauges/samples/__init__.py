"""What comes in and is remembered: a poll decoded, when it was, and the table's entries."""
