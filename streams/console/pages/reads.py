"""What the pages ask of others: what the topics say now, what was in the past, and why. Their owners fulfil it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from schemas.records import DeadLetter, EnrichedResource, Gauge, Link, PollStatus
from streams.console.why.explained import AskedNumber, Explanation, NotKept


class TopicFacts(NamedTuple):
    """What is known of a topic now."""

    name: str
    records: int  #: read since the start
    per_s: float  #: of late
    last_ms: int | None  #: when its newest record was stored, Unix milliseconds; None: there is none
    stale_since_ms: int | None = None  #: since when it cannot be read; None: it can


class Models(Protocol):
    """What the topics say now; every answer comes from memory."""

    def resources(self) -> Mapping[str, EnrichedResource]:
        """Return every resource, by identity."""
        ...

    def polls(self, identity: str) -> Sequence[PollStatus]:
        """Return the last polls of a resource, the newest last, 50 at most."""
        ...

    def rows(self, identity: str) -> Sequence[Gauge]:
        """Return the newest gauge of each row of each group of a resource."""
        ...

    def busiest(self, count: int) -> Sequence[Gauge]:
        """Return the interfaces that carry most, the first the most."""
        ...

    def links(self) -> Mapping[str, Link]:
        """Return every link, by key."""
        ...

    def dead_letters(self) -> Sequence[DeadLetter]:
        """Return the last dead letters, the newest last."""
        ...

    def topics(self) -> Sequence[TopicFacts]: ...


class RowSeries(NamedTuple):
    """A number of a row over time."""

    resource: str
    group: str
    row: str
    name: str
    unit: str = ""


class Point(NamedTuple):
    at_s: int
    value: float | None  #: in the record's own unit; None: a gap
    why: str = ""  #: of a gap, where it is known


class History(Protocol):
    """What was."""

    def source(self) -> str:
        """Return where it comes from and how far back it reaches, for people."""
        ...

    async def points(self, series: RowSeries, start_s: int, end_s: int, step_s: int) -> Sequence[Point]:
        """Return the series over that time. Raises BackendError while its store is away."""
        ...


class Asker(Protocol):
    """Why a number is what it is."""

    async def why(self, asked: AskedNumber) -> Explanation | NotKept:
        """Raises KafkaError or BackendError while what it needs is away."""
        ...
