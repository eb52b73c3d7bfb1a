"""Packs RawCounters and PollStatus as Avro bytes, fast (pure).

Avro writes the fields of a record one after the other with nothing in between (Avro 1.12, "Binary Encoding"), and the
schema of RawCounters has first what seldom changes: so the record is a head, kept from the last poll, and what follows.
"""

import io
import json
import struct
import zlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import fastavro

from pollers.plugins.base import Sample
from schemas.binary import END, array_of, array_of_texts, boolean, doubles, long, optional_long, text
from schemas.codec import Schema, canonical_text, parse, to_avro
from schemas.errors import RecordError
from schemas.longs import arrays_of_longs
from schemas.records import CounterColumn, EnrichedResource, GaugeColumn, Job, MissingCells, PollStatus, StateColumn
from streams.polling.results import raw_counters

#: the first field behind the head
TAIL_BEGINS: Final = "slot"
_NAMES_KEPT: Final = 4096


class Head(NamedTuple):
    """The packed first fields of a record."""

    job: str
    group: str
    unchanged_since: object | None  #: of the sample that they were made of
    absent: Mapping[str, str]  #: likewise
    squeezed: bytes  #: by zlib: a sixth of the memory for 8 µs a poll


#: of one resource: one for each job and group, so few that a dict would be larger and no faster
Heads = list[Head]


def _schema_of_head() -> Schema:
    whole = json.loads(canonical_text("raw_counters"))
    names = [field["name"] for field in whole["fields"]]
    return parse(json.dumps({**whole, "fields": whole["fields"][: names.index(TAIL_BEGINS)]}))


def _outcomes() -> dict[str, bytes]:
    fields = {field["name"]: field["type"] for field in json.loads(canonical_text("poll_status"))["fields"]}
    return {symbol: long(number) for number, symbol in enumerate(fields["outcome"]["symbols"])}


_HEAD: Final = _schema_of_head()
_OUTCOMES: Final = _outcomes()
#: what is raised for a value that is not of its field's type
_MISFITS: Final = (ValueError, TypeError, OverflowError, AttributeError, struct.error)


def pack(header: bytes, enriched: EnrichedResource, job: Job, slot: int, sample: Sample, heads: Heads) -> bytes:
    """Return the packed record of a sample with its schema's header; `heads` are those of this very resource.

    Raises RecordError for a sample that is none.
    """
    try:
        return _pack(header, enriched, job, slot, sample, heads)
    except _MISFITS as problem:
        raise RecordError(f"the sample of group {sample.group} cannot be written: {problem}") from problem


def _pack(header: bytes, enriched: EnrichedResource, job: Job, slot: int, sample: Sample, heads: Heads) -> bytes:
    head = _kept_head(heads, job.name, sample)
    if head is None:
        head = _head(enriched, job, slot, sample)
        _keep_head(heads, job.name, sample, head)
    return b"".join((header, head, _tail(sample, slot)))


def _kept_head(heads: Heads, job: str, sample: Sample) -> bytes | None:
    if sample.unchanged_since is not None:
        for kept in heads:
            same = kept.unchanged_since is sample.unchanged_since and kept.absent == sample.absent
            if same and kept.group == sample.group and kept.job == job:
                return zlib.decompress(kept.squeezed)
    return None


def _keep_head(heads: Heads, job: str, sample: Sample, head: bytes) -> None:
    heads[:] = [kept for kept in heads if (kept.job, kept.group) != (job, sample.group)]
    if sample.unchanged_since is not None:
        squeezed = zlib.compress(head, zlib.Z_BEST_COMPRESSION)
        heads.append(Head(job, sample.group, sample.unchanged_since, sample.absent, squeezed))


def _head(enriched: EnrichedResource, job: Job, slot: int, sample: Sample) -> bytes:
    body = io.BytesIO()
    fastavro.schemaless_writer(body, _HEAD, to_avro(raw_counters(enriched, job, slot, sample)))
    return body.getvalue()


def _tail(sample: Sample, slot: int) -> bytes:
    offsets, discontinuities = arrays_of_longs([sample.offsets_ms, sample.discontinuities_cs])
    return b"".join(
        (
            long(slot),
            long(sample.polled_at_ms),
            optional_long(sample.uptime_cs),
            optional_long(sample.engine_boots),
            _counters(sample.counters),
            array_of([_gauge(column) for column in sample.gauges]),
            array_of([_state(column) for column in sample.states]),
            offsets,
            discontinuities,
            array_of([_missing(cells) for cells in sample.missing]),
            boolean(sample.complete),
        )
    )


def _counters(columns: Sequence[CounterColumn]) -> bytes:
    values = arrays_of_longs([column.values for column in columns])
    rows_32 = arrays_of_longs([column.rows_32 for column in columns])
    parts = [
        b"".join((_named(column.name, column.width), narrow, _measured(column.unit, column.scale), packed))
        for column, packed, narrow in zip(columns, values, rows_32, strict=True)
    ]
    return array_of(parts)


@lru_cache(maxsize=_NAMES_KEPT)
def _named(name: str, width: int) -> bytes:
    return text(name) + long(width)


@lru_cache(maxsize=_NAMES_KEPT)
def _measured(unit: str, scale: float) -> bytes:
    return text(unit) + doubles([scale])


@lru_cache(maxsize=_NAMES_KEPT)
def _texts(first: str, second: str) -> bytes:
    return text(first) + text(second)


def _gauge(column: GaugeColumn) -> bytes:
    values = column.values
    block = long(len(values)) + doubles(values) if values else b""
    return b"".join((_texts(column.name, column.unit), block, END))


def _state(column: StateColumn) -> bytes:
    return text(column.name) + array_of_texts(column.values)


def _missing(cells: MissingCells) -> bytes:
    return _texts(cells.column, cells.reason) + arrays_of_longs([cells.rows])[0]


def pack_status(header: bytes, status: PollStatus) -> bytes:
    """Return the packed record of a status with its schema's header.

    Raises ValueError, TypeError, AttributeError, KeyError where a value is not of its field's type.
    """
    return b"".join(
        (
            header,
            text(status.resource),
            text(status.site),
            text(status.endpoint),
            text(status.job),
            long(status.slot),
            long(status.slots),
            long(status.interval_s),
            _OUTCOMES[status.outcome],
            text(status.reason),
            long(status.started_at_ms),
            long(status.lateness_ms),
            long(status.duration_ms),
            long(status.packets_sent),
            long(status.retries),
            long(status.values),
            optional_long(status.unreachable_since_ms),
            text(status.worker),
        )
    )
