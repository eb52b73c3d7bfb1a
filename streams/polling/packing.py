"""RawCounters as bytes, what seldom changes of them packed once (pure).

Avro writes the fields of a record one after the other with nothing in between (Avro 1.12, "Binary Encoding"), and the
schema has first what seldom changes: so the record is a head, kept from the last poll, and a tail.
"""

import io
import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import fastavro

from pollers.plugins.base import Sample
from schemas.codec import Schema, canonical_text, parse, to_avro
from schemas.records import EnrichedResource, Job
from streams.polling.results import raw_counters

#: the first field of the tail
TAIL_BEGINS: Final = "slot"


class Head(NamedTuple):
    """The first fields of a record, packed, and the very objects that they were made of."""

    made_of: tuple[Sequence[Any], ...]
    packed: bytes


#: of one resource, by job and group
Heads = dict[tuple[str, str], Head]


def _halves() -> tuple[Schema, Schema]:
    whole = json.loads(canonical_text("raw_counters"))
    fields = whole["fields"]
    at = [field["name"] for field in fields].index(TAIL_BEGINS)
    return parse(json.dumps({**whole, "fields": fields[:at]})), parse(json.dumps({**whole, "fields": fields[at:]}))


_HEAD, _TAIL = _halves()


def pack(header: bytes, enriched: EnrichedResource, job: Job, slot: int, sample: Sample, heads: Heads) -> bytes:
    """Return the record of a sample behind the header of its schema; `heads` are those of this very resource.

    Raises ValueError, TypeError for a sample that is none.
    """
    made_of = (sample.index, sample.dimensions, sample.line_rates, sample.derived)
    name = (job.name, sample.group)
    head = heads.get(name)
    # by identity: to compare contents would cost as much as packing them
    if head is None or any(before is not now for before, now in zip(head.made_of, made_of, strict=True)):
        head = heads[name] = Head(made_of, _head(enriched, job, slot, sample))
    body = io.BytesIO()
    body.write(header)
    body.write(head.packed)
    fastavro.schemaless_writer(body, _TAIL, _tail(sample, slot))
    return body.getvalue()


def _head(enriched: EnrichedResource, job: Job, slot: int, sample: Sample) -> bytes:
    body = io.BytesIO()
    fastavro.schemaless_writer(body, _HEAD, to_avro(raw_counters(enriched, job, slot, sample)))
    return body.getvalue()


def _tail(sample: Sample, slot: int) -> dict[str, Any]:
    return {
        "slot": slot,
        "polled_at_ms": sample.polled_at_ms,
        "uptime_cs": sample.uptime_cs,
        "engine_boots": sample.engine_boots,
        "counters": list(map(to_avro, sample.counters)),
        "gauges": list(map(to_avro, sample.gauges)),
        "states": list(map(to_avro, sample.states)),
        "offsets_ms": sample.offsets_ms,
        "discontinuities_cs": sample.discontinuities_cs,
        "missing": list(map(to_avro, sample.missing)),
    }
