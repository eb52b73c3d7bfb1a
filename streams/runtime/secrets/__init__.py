"""Credentials of devices, in Redis."""
