"""Decodes samples and table entries, and compares the times of two samples."""
