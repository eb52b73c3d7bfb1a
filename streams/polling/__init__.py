"""The polling stage: runs every job of every resource at its slot. `faust -A streams.polling worker`."""

from streams.runtime.lazy import lazy_app

__getattr__ = lazy_app(__name__)
