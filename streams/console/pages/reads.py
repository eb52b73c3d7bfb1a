"""What the pages ask of others: what was in the past, and why. Their owners fulfil it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from streams.console.models.facts import Point, RowAt, RowSeries
from streams.console.why.explained import AskedNumber, Explanation, NotKept


class History(Protocol):
    """What was."""

    def source(self) -> str:
        """Return where it comes from and how far back it reaches, for people."""
        ...

    async def points(self, series: RowSeries, start_s: int, end_s: int, step_s: int) -> Sequence[Point]:
        """Return the series over that time. Raises BackendError while its store is away."""
        ...

    async def moment(self, number: RowSeries, rows: Collection[RowAt], at_s: int) -> Mapping[RowAt, float]:
        """Return the number of each of these rows around a time. Raises BackendError while its store is away."""
        ...


class Asker(Protocol):
    """Why a number is what it is."""

    async def why(self, asked: AskedNumber) -> Explanation | NotKept:
        """Raises KafkaError or BackendError while what it needs is away."""
        ...
