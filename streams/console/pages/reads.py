"""The interfaces that pages read from: Kafka, history, and explanations. Their owners fulfil it."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from schemas.records import DeadLetter, RawCounters
from streams.console.models.facts import Point, RowAt, RowSeries
from streams.console.why.explained import AskedNumber, Explanation, NotKept


class GroupLag(NamedTuple):
    group: str
    behind: int  #: records that stand in its topics and are not done


class BrokerFacts(NamedTuple):
    """Kafka's view of the pipeline."""

    kept: Mapping[str, int]  #: topic -> records that stand in it
    groups: Sequence[GroupLag]
    leaders: Mapping[str, str]  #: stage -> who publishes its ticks


class AskedBroker(Protocol):
    """The Kafka queries that pages make."""

    async def facts(self) -> BrokerFacts:
        """Raises BackendError while Kafka is away."""
        ...

    def lately(self) -> BrokerFacts | None:
        """Return what Kafka said last, and have it asked again in the background; None: it has said nothing yet."""
        ...

    async def content(self, letter: DeadLetter) -> str:
        """Return the contents of a dead letter, for people."""
        ...


class History(Protocol):
    """Past values of numbers."""

    def source(self) -> str:
        """Return the name of the source and how far back it reaches, for people."""
        ...

    def away_since_ms(self) -> int | None:
        """Return since when its store cannot be asked, Unix milliseconds; None: it can."""
        ...

    async def points(self, series: RowSeries, start_s: int, end_s: int, step_s: int) -> Sequence[Point]:
        """Return the series for a time range. Raises BackendError while its store is away."""
        ...

    async def of_rows(
        self, series: RowSeries, rows: Collection[str], start_s: int, end_s: int, step_s: int
    ) -> Mapping[str, Sequence[Point]]:
        """Return the series of each of these rows of a device. Raises BackendError while its store is away."""
        ...

    async def moment(self, number: RowSeries, rows: Collection[RowAt], at_s: int) -> Mapping[RowAt, float]:
        """Return the number of each of these rows around a time. Raises BackendError while its store is away."""
        ...


class Asker(Protocol):
    """Explains why a number is what it is."""

    async def why(self, asked: AskedNumber) -> Explanation | NotKept:
        """Raises BackendError while what it needs is away."""
        ...

    async def newest(self, resource: str) -> Sequence[RawCounters]:
        """Return the newest sample of each group of a resource. Raises BackendError while what it needs is away."""
        ...
