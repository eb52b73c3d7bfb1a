"""The spans of a slot, and their form in OTLP's JSON. Nothing here asks a clock.

A slot of a job of a resource is one trace. Its id, and the ids of its spans, are hashes of what the records say anyway,
so that each stage works them out by itself: no record is changed for it, and none has a header.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

TRACE_BYTES: Final = 16
SPAN_BYTES: Final = 8
_INTERNAL: Final = 1  #: of SpanKind
_ERROR: Final = 2  #: of StatusCode
_NS_PER_MS: Final = 1_000_000
_SHARES: Final = 2**32

Value = str | int


class SlotName(NamedTuple):
    """Which poll it is."""

    resource: str
    job: str
    slot: int  #: Unix seconds


class TraceSpan(NamedTuple):
    of: SlotName
    name: str  #: tick, poll, gauges, sink
    part: str  #: which of several of that name; empty where there is one
    parent: tuple[str, str]  #: name and part; empty: it is the first of its trace
    start_ms: int
    end_ms: int
    attributes: Mapping[str, Value]
    fault: str = ""


def trace_id(of: SlotName) -> bytes:
    """Return the id of a slot's trace."""
    return _hash(of.resource, of.job, str(of.slot))[:TRACE_BYTES]


def span_id(trace: bytes, name: str, part: str) -> bytes:
    """Return the id of one of its spans."""
    return _hash(trace.hex(), name, part)[:SPAN_BYTES]


def is_chosen(resource: bytes, share: float) -> bool:
    """Return whether a resource is among the share whose slots are traced: the same ones in every stage."""
    return int.from_bytes(hashlib.sha256(resource).digest()[:4]) < share * _SHARES


def request(service: str, worker: str, spans: Iterable[TraceSpan]) -> Mapping[str, object]:
    """Return an ExportTraceServiceRequest (opentelemetry-proto, trace/v1), as OTLP writes it in JSON."""
    about = _attributes({"service.name": service, "service.instance.id": worker})
    scope = {"scope": {"name": "panoptes"}, "spans": [_span(span) for span in spans]}
    return {"resourceSpans": [{"resource": {"attributes": about}, "scopeSpans": [scope]}]}


def _span(span: TraceSpan) -> Mapping[str, object]:
    trace = trace_id(span.of)
    name, part = span.parent
    slot: dict[str, Value] = {
        "panoptes.resource": span.of.resource,
        "panoptes.job": span.of.job,
        "panoptes.slot": span.of.slot,
    }
    return {
        "traceId": trace.hex(),
        "spanId": span_id(trace, span.name, span.part).hex(),
        "parentSpanId": span_id(trace, name, part).hex() if name else "",
        "name": span.name,
        "kind": _INTERNAL,
        "startTimeUnixNano": str(span.start_ms * _NS_PER_MS),
        "endTimeUnixNano": str(max(span.start_ms, span.end_ms) * _NS_PER_MS),
        "attributes": _attributes({**slot, **span.attributes}),
        "status": {"code": _ERROR, "message": span.fault} if span.fault else {},
    }


def _attributes(values: Mapping[str, Value]) -> list[Mapping[str, object]]:
    return [
        {"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}
        for key, value in values.items()
    ]


def _hash(*parts: str) -> bytes:
    return hashlib.sha256("\0".join(parts).encode()).digest()
