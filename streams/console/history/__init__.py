"""Past values of numbers: from a store with PromQL, or from memory."""
