"""Imports profiles of other tools, with a report of every construct that was lost."""
