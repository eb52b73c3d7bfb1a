"""Builds PromQL queries and parses the store's answers."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Final, TypedDict

from schemas.errors import BackendError
from streams.console.models.facts import Point, RowSeries
from streams.scheduling.row_filters import parts
from streams.sinks.naming.names import Names

_NAMES: Final = Names()
_SHOWN: Final = 120


class _Series(TypedDict, total=False):
    """One series of an answer."""

    metric: Mapping[str, str]
    value: tuple[float, str]  #: of a vector: when, and what
    values: Sequence[tuple[float, str]]  #: of a matrix


def query(series: RowSeries, step_s: int) -> str:
    """Return the query for a series: its mean over each step, so that long ranges include every sample.

    Without a row it is every row's.
    """
    name = _NAMES.number(series.group, series.name, series.unit).name
    labels = {"site": parts(series.resource)[0], "device": parts(series.resource)[4]}
    labels |= {"row": series.row} if series.row else {}
    chosen = ",".join(f"{label}={json.dumps(value, ensure_ascii=False)}" for label, value in labels.items())
    return f"avg_over_time({name}{{{chosen}}}[{step_s}s])"


def moment_query(group: str, name: str, unit: str, span_s: int) -> str:
    """Return the query for a number of every row: its mean around a time."""
    return f"avg_over_time({_NAMES.number(group, name, unit).name}[{span_s}s])"


def moment(answer: object, group: str, name: str, unit: str) -> Mapping[tuple[str, str, str], float]:
    """Parse the answer: site, device and row -> the number, in the record's unit. Raises BackendError for what is no
    answer.
    """
    scale = _NAMES.number(group, name, unit).scale
    found: dict[tuple[str, str, str], float] = {}
    try:
        for each in _result(answer, "vector"):
            labels, number = each["metric"], float(each["value"][1]) / scale
            if math.isfinite(number):
                found[labels["site"], labels["device"], labels["row"]] = number
    except (KeyError, TypeError, ValueError, IndexError) as problem:
        raise BackendError(f"the store's answer is no vector of PromQL: {str(answer)[:_SHOWN]}") from problem
    return found


def points(answer: object, series: RowSeries, start_s: int, end_s: int, step_s: int) -> Sequence[Point]:
    """Parse the answer: a point for every step, in the record's unit. Raises BackendError for what is no answer."""
    known: dict[int, float] = {}
    for values in _by_row(answer, series).values():
        known |= values
    return [Point(at, known.get(at)) for at in range(start_s, end_s + 1, step_s)]


def points_of_rows(
    answer: object, series: RowSeries, start_s: int, end_s: int, step_s: int
) -> Mapping[str, Sequence[Point]]:
    """Parse the answer: points of each row. Raises BackendError for what is no answer."""
    steps = range(start_s, end_s + 1, step_s)
    return {row: [Point(at, known.get(at)) for at in steps] for row, known in _by_row(answer, series).items()}


def _by_row(answer: object, series: RowSeries) -> Mapping[str, Mapping[int, float]]:
    scale = _NAMES.number(series.group, series.name, series.unit).scale
    found: dict[str, dict[int, float]] = {}
    try:
        for each in _result(answer, "matrix"):
            known = found.setdefault(each["metric"].get("row", ""), {})
            for at, value in each["values"]:
                number = float(value) / scale
                if math.isfinite(number):
                    known[int(at)] = number
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as problem:
        raise BackendError(f"the store's answer is no matrix of PromQL: {str(answer)[:_SHOWN]}") from problem
    return found


def _result(answer: object, kind: str) -> Sequence[_Series]:
    if not isinstance(answer, dict) or answer["status"] != "success" or answer["data"]["resultType"] != kind:
        raise ValueError
    found: Sequence[_Series] = answer["data"]["result"]
    return found
