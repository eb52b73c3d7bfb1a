"""The topology stage: which ports are joined, as both ends tell. `faust -A streams.topology worker`."""

from streams.runtime.lazy import lazy_app

__getattr__ = lazy_app(__name__)
