"""A gauge's bytes in parts: what a device's rows share, the row's own, what a group's rows share, what a poll tells."""

import io
import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final, TypedDict, cast

import fastavro

from schemas.codec import Schema, fields_of, parse
from schemas.errors import RecordError

HEADER_BYTES: Final = 5  #: of the Confluent wire format
#: the first fields of the parts behind the head
_BEGINS: Final = ("row", "labels", "slot")
_DAMAGE: Final = (EOFError, ValueError, IndexError, KeyError, TypeError, OverflowError, MemoryError, StopIteration)


class GaugeHead(TypedDict):
    """The first part, as fastavro gives it."""

    site: str
    resource: str
    endpoint: str
    job: str
    group: str


class GaugeRow(TypedDict):
    """The row's own."""

    row: str
    interval_s: int
    dimensions: Mapping[str, str]


class GaugeTail(TypedDict):
    """What the rows of a group have in common."""

    labels: Mapping[str, str]
    units: Mapping[str, str]


class GaugeRest(TypedDict):
    """What a poll tells."""

    slot: int
    time_ms: int
    duration_s: float | None
    gauges: Mapping[str, float]
    states: Mapping[str, str]
    missing: Mapping[str, str]
    confidence: Mapping[str, str]
    counters: Mapping[str, int]


class WholeGauge(GaugeHead, GaugeRow, GaugeTail, GaugeRest):
    """All of it."""


def head_of(value: bytes) -> tuple[GaugeHead, int]:
    """Return the head and where it ends. Raises RecordError, as all of these."""
    datum, end = _read(_HEAD, value, HEADER_BYTES)
    return cast("GaugeHead", datum), end


def row_of(value: bytes, at: int) -> tuple[GaugeRow, int]:
    """Return the row's own fields and where they end."""
    datum, end = _read(_ROW, value, at)
    return cast("GaugeRow", datum), end


def tail_of(value: bytes, at: int) -> tuple[GaugeTail, int]:
    """Return what the group's rows share and where it ends."""
    datum, end = _read(_TAIL, value, at)
    return cast("GaugeTail", datum), end


def rest_of(value: bytes, at: int) -> GaugeRest:
    """Return what the poll tells; more behind it is a fault."""
    datum, end = _read(_REST, value, at)
    if end != len(value):
        raise RecordError(f"a gauge has {len(value) - end} trailing bytes")
    return cast("GaugeRest", datum)


def long_at(value: bytes, at: int) -> tuple[int, int]:
    """Return an Avro long (zigzag, seven bits a byte, the lowest first) and where it ends. Raises RecordError."""
    shift = found = 0
    try:
        while (byte := value[at]) >= 0x80:
            found |= (byte & 0x7F) << shift
            shift += 7
            at += 1
    except IndexError:
        raise RecordError(f"a gauge of {len(value)} bytes ends within a number") from None
    found |= byte << shift
    return (found >> 1) ^ -(found & 1), at + 1


def long_bytes(number: int) -> bytes:
    """Return a number from 0 on as Avro has it."""
    found, left = bytearray(), number << 1
    while left >= 0x80:
        found.append(left & 0x7F | 0x80)
        left >>= 7
    found.append(left)
    return bytes(found)


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


def _parts() -> tuple[Schema, ...]:
    fields = fields_of("gauge")
    names = [field["name"] for field in fields]
    at = [0, *(names.index(begin) for begin in _BEGINS), len(fields)]
    return tuple(_schema(f"Gauge{start}", fields[start:end]) for start, end in pairwise(at))


#: read when this is imported, so that no event loop waits for a disk
_HEAD, _ROW, _TAIL, _REST = _parts()
