"""What the pages ask of history and of the fold, answered from what a test has."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from streams.console.api.lookups import Sources
from streams.console.history.memory import MemoryHistory
from streams.console.models import ReadModels
from streams.console.models.facts import Point, RowAt, RowSeries
from streams.console.why.explained import AskedNumber, Explanation, NotKept, explained
from streams.gauges.fold.plan import Rules


def sources(models: ReadModels) -> Sources:
    """Return what the API asks, with nothing but models."""
    return Sources(models, MemoryHistory(models), Fold([]))


class Remembered:
    """A history of points that a test gives."""

    def __init__(self, given: Mapping[str, Sequence[Point]]) -> None:
        self._given = given

    def source(self) -> str:
        return "from memory"

    def away_since_ms(self) -> int | None:
        return None

    async def points(self, series: RowSeries, start_s: int, end_s: int, step_s: int) -> Sequence[Point]:
        return [point for point in self._given.get(series.name, ()) if start_s <= point.at_s <= end_s]

    async def of_rows(
        self, series: RowSeries, rows: Collection[str], start_s: int, end_s: int, step_s: int
    ) -> Mapping[str, Sequence[Point]]:
        return {row: await self.points(series, start_s, end_s, step_s) for row in rows}

    async def moment(self, number: RowSeries, rows: Collection[RowAt], at_s: int) -> Mapping[RowAt, float]:
        known = [point.value for point in self._given.get(number.name, ()) if point.at_s <= at_s and point.value]
        return {row: known[-1] for row in rows if known}


class Fold:
    """The fold over samples that a test has."""

    def __init__(self, samples: Sequence[Any]) -> None:
        self._samples = samples

    async def why(self, asked: AskedNumber) -> Explanation | NotKept:
        return explained(self._samples, asked, Rules())

    async def newest(self, resource: str) -> Sequence[Any]:
        return [each for each in self._samples if each.resource == resource][-1:]
