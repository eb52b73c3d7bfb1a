"""Queries in PromQL by our names, and what a store answers to them."""

import json
import math
from collections.abc import Sequence
from typing import Any, Final

from schemas.errors import BackendError
from streams.console.models.facts import Point, RowSeries
from streams.scheduling.row_filters import parts
from streams.sinks.naming.names import Names

_NAMES: Final = Names()
_SHOWN: Final = 120


def query(series: RowSeries, step_s: int) -> str:
    """Return the query for a series: its mean over each step, so that a long range tells of every sample."""
    name = _NAMES.number(series.group, series.name, series.unit).name
    labels = {"site": parts(series.resource)[0], "device": parts(series.resource)[4], "row": series.row}
    chosen = ",".join(f"{label}={json.dumps(value, ensure_ascii=False)}" for label, value in labels.items())
    return f"avg_over_time({name}{{{chosen}}}[{step_s}s])"


def points(answer: object, series: RowSeries, start_s: int, end_s: int, step_s: int) -> Sequence[Point]:
    """Return a point for every step, in the record's own unit. Raises BackendError for what is no answer."""
    scale = _NAMES.number(series.group, series.name, series.unit).scale
    known: dict[int, float] = {}
    try:
        for each in _matrix(answer):
            for at, value in each["values"]:
                number = float(value) / scale
                if math.isfinite(number):
                    known[int(at)] = number
    except (KeyError, TypeError, ValueError, IndexError) as problem:
        raise BackendError(f"the store's answer is no matrix of PromQL: {str(answer)[:_SHOWN]}") from problem
    return [Point(at, known.get(at)) for at in range(start_s, end_s + 1, step_s)]


def _matrix(answer: Any) -> Any:
    if answer["status"] != "success" or answer["data"]["resultType"] != "matrix":
        raise ValueError
    return answer["data"]["result"]
