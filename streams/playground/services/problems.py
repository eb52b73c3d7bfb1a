"""Errors of the local services, in words for the person at the terminal."""


class StackProblem(Exception):
    """A service cannot be started, reached or stopped; the message says which, why, and what to do."""
