"""What the pages ask of others: what the topics say now, what was in the past, and why. Their owners fulfil it."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from schemas.records import DeadLetter, EnrichedResource, Gauge, Link, PollStatus
from streams.console.models.facts import Point, RowSeries, TopicFacts
from streams.console.why.explained import AskedNumber, Explanation, NotKept


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
