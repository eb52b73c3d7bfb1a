"""The discovery stage: runs discovery plugins and publishes sightings. `faust -A streams.discovery worker`."""

from streams.runtime.lazy import lazy_app

__getattr__ = lazy_app(__name__)
