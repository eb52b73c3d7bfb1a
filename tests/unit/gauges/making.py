"""Polls for tests, with everything that a test does not speak of filled in."""

from collections.abc import Mapping, Sequence
from typing import Any

from schemas.records import CounterColumn, Gauge, GaugeColumn, RawCounters, StateColumn
from streams.gauges.fold.advance import State, advance
from streams.gauges.fold.plan import Rules
from streams.gauges.records.gauge import gauges_of
from streams.gauges.samples.sample import DecodedSample, from_record

T0_S = 1_700_000_000
GBIT = 1_000_000_000


def column(name: str, values: Sequence[int], width: int = 64, unit: str = "octets", **rest: Any) -> CounterColumn:
    signed = [value - 2**64 if value >= 2**63 else value for value in values]
    return CounterColumn(name=name, width=width, unit=unit, values=signed, **rest)


def record(counters: Mapping[str, Sequence[int]] | Sequence[CounterColumn], **rest: Any) -> RawCounters:
    """Return a poll; counters given as a mapping are 64-bit octets, and the clock goes with the slot."""
    columns = list(counters) if not isinstance(counters, Mapping) else [column(*item) for item in counters.items()]
    rows = len(columns[0].values) if columns else 1
    slot = rest.pop("slot", T0_S)
    defaults: dict[str, Any] = {
        "resource": "lab|network|switch|acme|sw1",
        "site": "lab",
        "endpoint": "192.0.2.1",
        "labels": {"rack": "7"},
        "job": "interfaces/acme/60",
        "group": "interface",
        "interval_s": 60,
        "index": [f"Gi0/{row}" for row in range(rows)],
        "slot": slot,
        "polled_at_ms": slot * 1000,
        "uptime_cs": (slot - T0_S) * 100 + 100_000_000,
        "counters": columns,
    }
    return RawCounters(**{**defaults, **rest})


def sample(counters: Mapping[str, Sequence[int]] | Sequence[CounterColumn], **rest: Any) -> DecodedSample:
    return from_record(record(counters, **rest))


def level(name: str, values: Sequence[float], unit: str = "celsius") -> GaugeColumn:
    return GaugeColumn(name=name, unit=unit, values=values)


def state(name: str, values: Sequence[str]) -> StateColumn:
    return StateColumn(name=name, values=values)


def gauges(*samples: DecodedSample, rules: Rules | None = None) -> list[Gauge]:
    """Return the gauges of the last of the samples."""
    known: State | None = None
    step = None
    for one in samples:
        step = advance(known, one, rules or Rules())
        known = step.state
    assert step is not None
    return [] if step.rows is None else gauges_of(step.rows)
