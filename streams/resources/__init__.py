"""The resource manager: merges sightings into one inventory. `faust -A streams.resources worker`."""

from streams.runtime.lazy import lazy_app

__getattr__ = lazy_app(__name__)
