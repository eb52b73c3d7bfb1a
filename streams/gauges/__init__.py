"""The gauges stage: counters become rates, one record per row. `faust -A streams.gauges worker`."""

from streams.runtime.lazy import lazy_app

__getattr__ = lazy_app(__name__)
