"""The types that the check reads: records of the pipeline, and the simulator's own account."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict


class GaugeForm(TypedDict):
    """The fields of a gauge that the check reads."""

    resource: str
    job: str
    group: str
    slot: int
    row: str
    time_ms: int
    duration_s: float | None
    gauges: Mapping[str, float]
    states: Mapping[str, str]
    dimensions: Mapping[str, str]
    missing: Mapping[str, str]


class StatusForm(TypedDict):
    """The fields of a poll's status that the check reads."""

    resource: str
    slot: int
    outcome: str
    reason: str


class PortForm(TypedDict):
    """An interface of a simulated device."""

    name: str
    alias: str
    mtu: int
    admin_up: bool
    oper_up: bool


class DeviceForm(TypedDict):
    """A simulated device."""

    id: str
    role: str
    counters_64: bool
    interfaces: Sequence[PortForm]
    rows: Sequence[Sequence[str]]  #: group and row of each that is no interface


class FleetForm(TypedDict):
    """All simulated devices."""

    epoch_s: float
    devices: Sequence[DeviceForm]


class TruthForm(TypedDict, total=False):
    """The truth about one gauge: of an interface or, from `levels` on, of another row."""

    rates: Mapping[str, float | None]  #: each second; None where counting restarted
    restarts: Sequence[float]  #: Unix seconds
    before: Mapping[str, int]
    after: Mapping[str, int]
    levels: Mapping[str, float]
    states: Mapping[str, str]


class Lateness(TypedDict):
    gauges: int
    p50_ms: float | None
    p99_ms: float | None


class FiguresForm(TypedDict):
    """All measurements of a check."""

    rates_agreed: int
    rates_disagreed: int
    worst_error: float | None
    p99_error: float | None
    levels_agreed: int
    gauges: int
    repeats: int
    gauges_per_s: float | None
    wraps_right: int
    absent_reasons: Mapping[str, int]
    restarts: Mapping[str, int]
    outcomes: Mapping[str, Mapping[str, int]]
    strangers: Mapping[str, int]
    lateness: Mapping[str, Lateness]
    first_gauge_ms: float | None
    watched_s: float
    problems: Sequence[str]
    stored: NotRequired[int]  #: rates that the store has too, where one was asked
    stored_wanted: NotRequired[int]
