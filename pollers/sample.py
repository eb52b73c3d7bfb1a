"""The result of polling one group, before the pipeline adds the resource and the slot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from schemas.records import CounterColumn, DerivedMetric, DimensionColumn, GaugeColumn, MissingCells, StateColumn


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One poll of one group: the part of RawCounters that the plugin fills in. Fields as there."""

    group: str
    polled_at_ms: int
    uptime_cs: int | None = None
    engine_boots: int | None = None
    index: Sequence[str]
    dimensions: Sequence[DimensionColumn] = ()
    counters: Sequence[CounterColumn] = ()
    gauges: Sequence[GaugeColumn] = ()
    states: Sequence[StateColumn] = ()
    line_rates: Sequence[int] = ()
    derived: Sequence[DerivedMetric] = ()
    offsets_ms: Sequence[int] = ()
    discontinuities_cs: Sequence[int] = ()
    missing: Sequence[MissingCells] = ()
    absent: Mapping[str, str] = field(default_factory=dict)
    complete: bool = True
    #: the same object as in an earlier sample of this resource, job and group says that index, dimensions, line_rates
    #: and derived are equal to what they were there: they are then not looked at, and not packed again
    unchanged_since: object | None = None
