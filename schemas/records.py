"""The records of every topic as frozen dataclasses: the same names, order and meaning as `schemas/avro/*.avsc`.

Units and edge cases are documented once, in the schemas' `doc` fields; tests hold the two in step.
"""

import enum
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

LABEL_NAME: Final = re.compile(r"^[^\d\W]\w*\Z")
DEFAULT_TTL_S: Final = 604_800
IDENTITY_SEPARATOR: Final = "|"
#: the one zone of those who have no other
DEFAULT_ZONE: Final = ""
#: what `Resource.identifiers` may name
IDENTIFIERS: Final = ("engine_id", "chassis_id", "base_mac", "serial", "sys_name")
#: identifier of a resource that has been renamed: its former identities
FORMERLY: Final = "formerly"
FORMERLY_BETWEEN: Final = "; "


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    site: str
    resource_class: str
    resource_subclass: str
    resource_type: str
    resource_id: str
    endpoint: str
    plugins: Sequence[str]
    first_seen_ms: int
    last_seen_ms: int
    ttl_s: int = DEFAULT_TTL_S
    labels: Mapping[str, str] = field(default_factory=dict)
    identifiers: Mapping[str, str] = field(default_factory=dict)
    addresses: Sequence[str] = ()
    zone: str = DEFAULT_ZONE

    @property
    def identity(self) -> str:
        """Return `site|class|subclass|type|id`, the Kafka key of everything about this resource."""
        return IDENTITY_SEPARATOR.join(
            (self.site, self.resource_class, self.resource_subclass, self.resource_type, self.resource_id)
        )

    @property
    def former_identities(self) -> Sequence[str]:
        """Return the identities that the resource had before it was renamed; sections may still see it under them."""
        return tuple(filter(None, self.identifiers.get(FORMERLY, "").split(FORMERLY_BETWEEN)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfollowed:
    heard_by: str
    row: str
    system_name: str
    chassis_id: str
    addresses: Sequence[str]
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoveryRun:
    section: str
    zone: str = DEFAULT_ZONE
    interval_s: int
    started_at_ms: int
    ended_at_ms: int
    resources: int
    problems: int
    failed: str = ""
    unfollowed: Sequence[Unfollowed] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrichment:
    plugin: str
    collected_at_ms: int
    ttl_s: int
    facts: Mapping[str, str] = field(default_factory=dict)
    rows: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    plugin: str
    profile: str
    interval_s: int

    @property
    def name(self) -> str:
        """Return `plugin/profile/interval_s`, as it stands in RawCounters, Gauge and PollStatus."""
        return f"{self.plugin}/{self.profile}/{self.interval_s}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrichedResource:
    resource: Resource
    enrichments: Mapping[str, Enrichment]
    jobs: Sequence[Job]
    jobs_since_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DimensionColumn:
    name: str
    values: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterColumn:
    name: str
    width: int
    rows_32: Sequence[int] = ()
    unit: str
    scale: float = 1.0
    values: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class GaugeColumn:
    name: str
    unit: str
    values: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class StateColumn:
    name: str
    values: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivedMetric:
    name: str
    unit: str
    expr: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingCells:
    column: str
    reason: str
    rows: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class RawCounters:
    resource: str
    site: str
    endpoint: str
    labels: Mapping[str, str]
    job: str
    group: str
    interval_s: int
    index: Sequence[str]
    dimensions: Sequence[DimensionColumn] = ()
    line_rates: Sequence[int] = ()
    derived: Sequence[DerivedMetric] = ()
    absent: Mapping[str, str] = field(default_factory=dict)
    slot: int
    polled_at_ms: int
    uptime_cs: int | None = None
    engine_boots: int | None = None
    counters: Sequence[CounterColumn] = ()
    gauges: Sequence[GaugeColumn] = ()
    states: Sequence[StateColumn] = ()
    offsets_ms: Sequence[int] = ()
    discontinuities_cs: Sequence[int] = ()
    missing: Sequence[MissingCells] = ()
    complete: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    site: str
    resource: str
    endpoint: str
    job: str
    group: str
    row: str
    interval_s: int
    dimensions: Mapping[str, str]
    labels: Mapping[str, str]
    units: Mapping[str, str] = field(default_factory=dict)
    slot: int
    time_ms: int
    duration_s: float | None
    gauges: Mapping[str, float]
    states: Mapping[str, str]
    missing: Mapping[str, str]
    confidence: Mapping[str, str]
    counters: Mapping[str, int]


class Outcome(enum.StrEnum):
    """The result of a poll; also the label of its metric."""

    SUCCESS = "SUCCESS"
    PARTIAL = "PARTIAL"  #: some values are missing; the reason says which
    TIMEOUT = "TIMEOUT"  #: no answer: device down, filtered, or community refused
    AUTH = "AUTH"  #: the device itself said so: a v3 report or authorizationError
    UNREACHABLE = "UNREACHABLE"  #: silent for some time: only probed until it answers
    MISSED = "MISSED"  #: the slot was not polled at its time
    INTERNAL = "INTERNAL"  #: a fault of ours; the reason names it


@dataclass(frozen=True, slots=True, kw_only=True)
class PollStatus:
    resource: str
    site: str
    endpoint: str
    job: str
    slot: int
    slots: int = 1
    interval_s: int
    outcome: Outcome
    reason: str
    started_at_ms: int
    lateness_ms: int
    duration_ms: int
    packets_sent: int
    retries: int
    values: int
    unreachable_since_ms: int | None = None
    worker: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    stage: str
    slot: int
    gap_from: int | None = None
    partition: int
    epoch: int
    leader: str
    published_at_ms: int


class LinkState(enum.StrEnum):
    """The present state of a link."""

    UP = "up"  #: both ends say so
    ONE_SIDED = "one_sided"  #: only one end says so
    DOWN = "down"  #: the port at one end carries nothing
    GONE = "gone"  #: neither end says so any more


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkEnd:
    resource: str = ""
    row: str = ""
    chassis_id: str = ""
    port_id: str = ""
    port_description: str = ""
    system_name: str = ""
    addresses: Sequence[str] = ()
    says: Sequence[str] = ()
    oper_state: str = ""
    speed_bits_per_s: int | None = None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    ends: Sequence[LinkEnd]
    state: LinkState
    since_ms: int
    speed_bits_per_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    stage: str
    reason: str
    error: str
    topic: str
    partition: int
    offset: int
    at_ms: int
    key: bytes | None
    value: bytes | None
