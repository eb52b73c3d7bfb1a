"""A gauge's bytes in two parts: the front, which is the same in every poll of a row, and what a poll tells."""

import io
from collections.abc import Sequence
from typing import Final

import fastavro
import fastavro.schema

from schemas.codec import Schema, fields_of
from schemas.errors import RecordError

HEADER_BYTES: Final = 5  #: of the Confluent wire format
_BEHIND: Final = "slot"  #: the first field that a poll tells
_DAMAGE: Final = (EOFError, ValueError, IndexError, KeyError, TypeError, OverflowError, MemoryError, StopIteration)


def front_of(value: bytes) -> tuple[dict[str, object], int]:
    """Return the fields of the front and where it ends. Raises RecordError."""
    return _read(_FRONT, value, HEADER_BYTES)


def rest_of(value: bytes, at: int) -> dict[str, object]:
    """Return the fields behind the front. Raises RecordError, also where more follows."""
    datum, end = _read(_REST, value, at)
    if end != len(value):
        raise RecordError(f"a gauge has {len(value) - end} trailing bytes")
    return datum


def _read(schema: Schema, value: bytes, at: int) -> tuple[dict[str, object], int]:
    body = io.BytesIO(value)
    body.seek(at)
    try:
        datum: dict[str, object] = fastavro.schemaless_reader(body, schema, None)
    except _DAMAGE as problem:
        raise RecordError(f"a gauge of {len(value)} bytes does not fit its schema") from problem
    return datum, body.tell()


def _schema(name: str, fields: Sequence[object]) -> Schema:
    return fastavro.schema.parse_schema({"type": "record", "name": name, "fields": fields}, named_schemas={})


def _parts() -> tuple[Schema, Schema]:
    fields = fields_of("gauge")
    at = [field["name"] for field in fields].index(_BEHIND)
    return _schema("GaugeFront", fields[:at]), _schema("GaugeRest", fields[at:])


#: read when this is imported, so that no event loop waits for a disk
_FRONT, _REST = _parts()
