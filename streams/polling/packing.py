"""RawCounters as bytes, what seldom changes of them packed once (pure).

Avro writes the fields of a record one after the other with nothing in between (Avro 1.12, "Binary Encoding"), and the
schema has first what seldom changes: so the record is a head, kept from the last poll, and what follows it.
"""

import io
import json
import struct
import zlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

import fastavro

from pollers.plugins.base import Sample
from schemas.binary import END, arrays_of_longs, long, text
from schemas.codec import Schema, canonical_text, parse, to_avro
from schemas.errors import RecordError
from schemas.records import CounterColumn, EnrichedResource, Job
from streams.polling.results import raw_counters

#: the first field of the tail
TAIL_BEGINS: Final = "slot"
COUNTERS: Final = "counters"
_COLUMNS_KEPT: Final = 4096


class Head(NamedTuple):
    """The first fields of a record, packed, and the very objects that they were made of."""

    made_of: tuple[Sequence[Any], ...]
    squeezed: bytes  #: by zlib: a sixth of the memory for 8 µs a poll


#: of one resource, by job and group
Heads = dict[tuple[str, str], Head]


def _parts() -> tuple[Schema, Schema, Schema]:
    """Return the schemas of the fields before those that change, of these up to the counters, and of what follows."""
    whole = json.loads(canonical_text("raw_counters"))
    fields = whole["fields"]
    names = [field["name"] for field in fields]
    first, second = names.index(TAIL_BEGINS), names.index(COUNTERS)
    parts = (fields[:first], fields[first:second], fields[second + 1 :])
    head, clock, rest = (parse(json.dumps({**whole, "fields": part})) for part in parts)
    return head, clock, rest


_HEAD, _CLOCK, _REST = _parts()
#: what fastavro and numpy raise
_MISFITS: Final = (ValueError, TypeError, OverflowError, AttributeError)


def pack(header: bytes, enriched: EnrichedResource, job: Job, slot: int, sample: Sample, heads: Heads) -> bytes:
    """Return the record of a sample behind the header of its schema; `heads` are those of this very resource.

    Raises RecordError for a sample that is none.
    """
    try:
        return _pack(header, enriched, job, slot, sample, heads)
    except _MISFITS as problem:
        raise RecordError(f"the sample of group {sample.group} cannot be written: {problem}") from problem


def _pack(header: bytes, enriched: EnrichedResource, job: Job, slot: int, sample: Sample, heads: Heads) -> bytes:
    made_of = (sample.index, sample.dimensions, sample.line_rates, sample.derived)
    name = (job.name, sample.group)
    head = heads.get(name)
    # by identity: to compare contents would cost as much as packing them
    if head is None or any(before is not now for before, now in zip(head.made_of, made_of, strict=True)):
        head = heads[name] = Head(made_of, zlib.compress(_head(enriched, job, slot, sample), 1))
    body = io.BytesIO()
    body.write(header)
    body.write(zlib.decompress(head.squeezed))
    fastavro.schemaless_writer(body, _CLOCK, _clock(sample, slot))
    body.write(_counters(sample.counters))
    fastavro.schemaless_writer(body, _REST, _rest(sample))
    return body.getvalue()


def _head(enriched: EnrichedResource, job: Job, slot: int, sample: Sample) -> bytes:
    body = io.BytesIO()
    fastavro.schemaless_writer(body, _HEAD, to_avro(raw_counters(enriched, job, slot, sample)))
    return body.getvalue()


def _clock(sample: Sample, slot: int) -> dict[str, Any]:
    return {
        "slot": slot,
        "polled_at_ms": sample.polled_at_ms,
        "uptime_cs": sample.uptime_cs,
        "engine_boots": sample.engine_boots,
    }


def _counters(columns: Sequence[CounterColumn]) -> bytes:
    """Return the array of counter columns: nine of ten numbers of a poll, so they do not go through fastavro."""
    if not columns:
        return END
    values = arrays_of_longs([column.values for column in columns])
    rows_32 = arrays_of_longs([column.rows_32 for column in columns])
    parts = [long(len(columns))]
    for column, packed, narrow in zip(columns, values, rows_32, strict=True):
        parts += (_named(column.name, column.width), narrow, _measured(column.unit, column.scale), packed)
    parts.append(END)
    return b"".join(parts)


@lru_cache(maxsize=_COLUMNS_KEPT)
def _named(name: str, width: int) -> bytes:
    return text(name) + long(width)


@lru_cache(maxsize=_COLUMNS_KEPT)
def _measured(unit: str, scale: float) -> bytes:
    return text(unit) + struct.pack("<d", scale)


def _rest(sample: Sample) -> dict[str, Any]:
    return {
        "gauges": list(map(to_avro, sample.gauges)),
        "states": list(map(to_avro, sample.states)),
        "offsets_ms": sample.offsets_ms,
        "discontinuities_cs": sample.discontinuities_cs,
        "missing": list(map(to_avro, sample.missing)),
    }
