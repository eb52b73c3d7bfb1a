"""Gauges for the tests of sinks, and the general way from them to bytes and back."""

import io
from typing import Any, Final

import fastavro

from schemas.codec import from_avro, parsed_schema, to_avro
from schemas.errors import RecordError
from schemas.records import Gauge

HEADER: Final = b"\0\0\0\0\1"
IDENTITY: Final = "fra1|network|switch|cisco|sw1.fra1"
UNITS: Final = "units" in Gauge.__dataclass_fields__


def gauge(**changes: Any) -> Gauge:
    """Return a gauge of an interface, with these fields in the place of its own."""
    fields: dict[str, Any] = {
        "site": "fra1",
        "resource": IDENTITY,
        "endpoint": "192.0.2.1",
        "job": "interfaces/cisco-ios/60",
        "group": "interface",
        "row": "Gi0/1",
        "interval_s": 60,
        "dimensions": {"name": "Gi0/1", "alias": "to the core", "if_index": "10101"},
        "labels": {"rack": "r7"},
        "slot": 1_700_000_040,
        "time_ms": 1_700_000_040_120,
        "duration_s": 60.02,
        "gauges": {"octets_in": 1.25e6, "errors_in": 0.0},
        "states": {"oper_state": "up"},
        "missing": {},
        "confidence": {},
        "counters": {},
        **changes,
    }
    if UNITS:
        fields.setdefault("units", {"octets_in": "octets/s", "errors_in": "packets/s"})
    return Gauge(**fields)


def encode(record: Gauge) -> bytes:
    """Return the record as fastavro writes it."""
    body = io.BytesIO()
    body.write(HEADER)
    fastavro.schemaless_writer(body, parsed_schema("gauge"), to_avro(record))
    return body.getvalue()


def decode(value: bytes) -> Gauge:
    """Return the record as fastavro reads it. Raises RecordError."""
    body = io.BytesIO(value)
    body.seek(len(HEADER))
    try:
        record = from_avro(Gauge, fastavro.schemaless_reader(body, parsed_schema("gauge"), None))
    except (
        EOFError,
        ValueError,
        IndexError,
        KeyError,
        TypeError,
        OverflowError,
        MemoryError,
        StopIteration,
    ) as problem:
        raise RecordError("no gauge") from problem
    if body.tell() != len(value):
        raise RecordError("trailing bytes")
    return record
