"""What an undisturbed stage makes of records: the same fold, in this process, record by record."""

import io
from collections.abc import Iterable
from typing import Any, NamedTuple

import fastavro

from schemas.codec import from_avro, parsed_schema
from schemas.records import Gauge, RawCounters
from streams.gauges.converter import Converter
from streams.gauges.fold.plan import Rules
from tests.stages.gauges.pipe import Out, Pipe


class Sent(NamedTuple):
    """A gauge, as a consumer finds it."""

    key: bytes
    value: bytes


class _Raw:
    def __init__(self, header: bytes) -> None:
        self.header = header

    def decode(self, value: bytes) -> RawCounters:
        datum: Any = fastavro.schemaless_reader(io.BytesIO(value[5:]), parsed_schema("raw_counters"), None)
        return from_avro(RawCounters, datum)


class _Gauges:
    def __init__(self, header: bytes) -> None:
        self.header = header

    def encode(self, record: Gauge) -> bytes:
        raise NotImplementedError(f"no transform is tested here: {record}")


def undisturbed(pipe: Pipe, records: Iterable[tuple[bytes, bytes]]) -> set[Sent]:
    """Return every gauge that the records lead to."""
    table: dict[bytes, bytes] = {}
    converter = Converter(Rules(), _Raw(pipe.raw_header), _Gauges(pipe.gauge_header), table.get)
    found: set[Sent] = set()
    for key, value in records:
        converted = converter.convert(0, key, value)
        found |= {Sent(key, row) for row in converted.rows}
        if converted.entry is not None:
            table[converted.entry[0]] = converted.entry[1]
    return found


def sent(outs: Iterable[Out]) -> set[Sent]:
    """Return every different gauge of a topic: repeats that are alike byte for byte are one."""
    return {Sent(out.key, out.value) for out in outs}
