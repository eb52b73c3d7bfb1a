"""Decodes a Gauge's Avro bytes part by part: its front is the same in every poll of a row, so readers recognise it."""

import io
import json
from collections.abc import Mapping
from typing import Final, TypedDict, cast

import fastavro

from schemas.codec import Schema, fields_of, parse
from schemas.errors import RecordError

HEADER_BYTES: Final = 5  #: of the Confluent wire format
_DAMAGE: Final = (EOFError, ValueError, IndexError, KeyError, TypeError, OverflowError, MemoryError, StopIteration)


class GaugeHead(TypedDict):
    """The first fields, which a group's rows share."""

    site: str
    resource: str
    endpoint: str
    job: str
    group: str


class GaugeOwn(TypedDict):
    """The row's own fields, behind the head."""

    row: str
    interval_s: int
    dimensions: Mapping[str, str]


class GaugeTail(TypedDict):
    """The last fields of the front, which a group's rows share."""

    labels: Mapping[str, str]
    units: Mapping[str, str]


class GaugeFront(GaugeHead, GaugeOwn, GaugeTail):
    """The constant fields of a row, which come first."""


class GaugeWords(TypedDict):
    """The fields behind the numbers."""

    states: Mapping[str, str]
    missing: Mapping[str, str]
    confidence: Mapping[str, str]
    counters: Mapping[str, int]


class GaugeRest(GaugeWords):
    """The fields behind the front."""

    slot: int
    time_ms: int
    duration_s: float | None
    gauges: Mapping[str, float]


class WholeGauge(GaugeFront, GaugeRest):
    """All fields."""


def front_of(value: bytes) -> tuple[GaugeFront, int]:
    """Return the front behind the header, and where it ends. Raises RecordError."""
    datum, end = _read(_FRONT, value, HEADER_BYTES)
    return cast("GaugeFront", datum), end


def head_of(value: bytes) -> tuple[GaugeHead, int]:
    """Return the head behind the header, and where it ends. Raises RecordError."""
    datum, end = _read(_HEAD, value, HEADER_BYTES)
    return cast("GaugeHead", datum), end


def own_of(value: bytes, at: int) -> tuple[GaugeOwn, int]:
    """Return the fields from `row`, which is at `at`, to `dimensions`, and where they end. Raises RecordError."""
    datum, end = _read(_OWN, value, at)
    return cast("GaugeOwn", datum), end


def tail_of(value: bytes, at: int) -> tuple[GaugeTail, int]:
    """Return the fields from `labels`, which is at `at`, to `units`, and where they end. Raises RecordError."""
    datum, end = _read(_TAIL, value, at)
    return cast("GaugeTail", datum), end


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


def rest_of(value: bytes, at: int) -> GaugeRest:
    """Return the fields from `slot`, which is at `at`, to the end. Raises RecordError, also where more follows."""
    datum, end = _read(_REST, value, at)
    if end != len(value):
        raise RecordError(f"a gauge has {len(value) - end} trailing bytes")
    return cast("GaugeRest", datum)


def words_of(octets: bytes) -> GaugeWords:
    """Return the fields from `states` to the end, which these bytes are. Raises RecordError, as `rest_of`."""
    datum, end = _read(_WORDS, octets, 0)
    if end != len(octets):
        raise RecordError(f"a gauge has {len(octets) - end} trailing bytes")
    return cast("GaugeWords", datum)


def _read(schema: Schema, value: bytes, at: int) -> tuple[object, int]:
    body = io.BytesIO(value)
    body.seek(at)
    try:
        datum: object = fastavro.schemaless_reader(body, schema, None)
    except _DAMAGE as problem:
        raise RecordError(f"a gauge of {len(value)} bytes does not fit its schema") from problem
    return datum, body.tell()


def _part(form: type) -> Schema:
    """Return the schema of a part: the fields of its form, which must be neighbours in the schema of gauges."""
    names = form.__annotations__
    places = [place for place, field in enumerate(fields_of("gauge")) if field["name"] in names]
    if len(places) != len(names) or places[-1] - places[0] >= len(places):
        raise RecordError(f"the schema of gauges does not have the fields of {form.__name__} side by side")
    fields = fields_of("gauge")[places[0] : places[-1] + 1]
    return parse(json.dumps({"type": "record", "name": form.__name__, "fields": fields}))


#: read when this is imported, so that no event loop waits for a disk
_FRONT, _REST, _WORDS = _part(GaugeFront), _part(GaugeRest), _part(GaugeWords)
_HEAD, _OWN, _TAIL = _part(GaugeHead), _part(GaugeOwn), _part(GaugeTail)
