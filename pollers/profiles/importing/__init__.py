"""Profiles of other tools as ours, with a report of every construct that was lost."""
