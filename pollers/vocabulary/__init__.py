"""The vocabulary: what metrics there are, what they are called and what they mean, as data."""
