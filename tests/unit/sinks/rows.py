"""Rows for the tests of sinks."""

from typing import Any

from pollers.plugins.batch import Row
from tests.unit.sinks.gauges import gauge


def row(**changes: Any) -> Row:
    """Return the row of a gauge."""
    one = gauge(**changes)
    names = ("site", "resource", "endpoint", "job", "group", "row", "interval_s", "dimensions", "labels", "units")
    return Row(**{name: getattr(one, name) for name in names})
