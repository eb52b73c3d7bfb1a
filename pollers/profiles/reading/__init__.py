"""Polls a device by a profile: sends the requests, and turns the answers into samples."""
