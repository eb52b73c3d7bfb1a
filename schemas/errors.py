"""Errors, sorted by how the caller reacts to them."""


class PanoptesError(Exception):
    """The base class of all errors that this project raises on purpose."""


class FatalError(PanoptesError):
    """Stop the worker: continuing would lose or falsify data."""


class RecordError(PanoptesError):
    """Dead-letter this record: it can never be processed as it is."""


class DeviceError(PanoptesError):
    """Count it, and poll again at the next slot."""


class BackendError(PanoptesError):
    """Wait: a service that the pipeline needs is away."""
