"""Errors, sorted by how the caller reacts to them, not by where they come from."""


class PanoptesError(Exception):
    """The root of every error that this project raises on purpose."""


class FatalError(PanoptesError):
    """Stop the worker: going on would lose or falsify data."""


class RecordError(PanoptesError):
    """Dead-letter this record: it can never be processed as it is."""


class DeviceError(PanoptesError):
    """Count it and poll again at the next slot."""


class BackendError(PanoptesError):
    """Wait for it: a service that the pipeline needs is away."""
