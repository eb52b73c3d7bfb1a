"""The topology stage: finds out which ports are connected, from what both ends report. `faust -A streams.topology
worker`.
"""

from streams.runtime.lazy import lazy_app

__getattr__ = lazy_app(__name__)
