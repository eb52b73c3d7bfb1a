"""Delivery to a store: progress of batches, rejected series, and a sink's offsets."""
