"""A gauge's bytes in two parts: the front, which is the same in every poll of a row, and what a poll tells."""

import io
import json
from collections.abc import Mapping, Sequence
from typing import Final, TypedDict, cast

import fastavro

from schemas.codec import Schema, fields_of, parse
from schemas.errors import RecordError

HEADER_BYTES: Final = 5  #: of the Confluent wire format
_BEHIND: Final = "slot"  #: the first field that a poll tells
_DAMAGE: Final = (EOFError, ValueError, IndexError, KeyError, TypeError, OverflowError, MemoryError, StopIteration)


class GaugeFront(TypedDict):
    """The front, as fastavro gives it."""

    site: str
    resource: str
    endpoint: str
    job: str
    group: str
    row: str
    interval_s: int
    dimensions: Mapping[str, str]
    labels: Mapping[str, str]
    units: Mapping[str, str]


class GaugeRest(TypedDict):
    """What is behind it."""

    slot: int
    time_ms: int
    duration_s: float | None
    gauges: Mapping[str, float]
    states: Mapping[str, str]
    missing: Mapping[str, str]
    confidence: Mapping[str, str]
    counters: Mapping[str, int]


class WholeGauge(GaugeFront, GaugeRest):
    """Both."""


def front_of(value: bytes) -> tuple[GaugeFront, int]:
    """Return the fields of the front and where it ends. Raises RecordError."""
    datum, end = _read(_FRONT, value, HEADER_BYTES)
    return cast("GaugeFront", datum), end


def rest_of(value: bytes, at: int) -> GaugeRest:
    """Return the fields behind the front. Raises RecordError, also where more follows."""
    datum, end = _read(_REST, value, at)
    if end != len(value):
        raise RecordError(f"a gauge has {len(value) - end} trailing bytes")
    return cast("GaugeRest", datum)


def _read(schema: Schema, value: bytes, at: int) -> tuple[object, int]:
    body = io.BytesIO(value)
    body.seek(at)
    try:
        datum: object = fastavro.schemaless_reader(body, schema, None)
    except _DAMAGE as problem:
        raise RecordError(f"a gauge of {len(value)} bytes does not fit its schema") from problem
    return datum, body.tell()


def _schema(name: str, fields: Sequence[Schema]) -> Schema:
    return parse(json.dumps({"type": "record", "name": name, "fields": fields}))


def _parts() -> tuple[Schema, Schema]:
    fields = fields_of("gauge")
    at = [field["name"] for field in fields].index(_BEHIND)
    return _schema("GaugeFront", fields[:at]), _schema("GaugeRest", fields[at:])


#: read when this is imported, so that no event loop waits for a disk
_FRONT, _REST = _parts()
