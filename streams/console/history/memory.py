"""History from the console's own memory, for when there is no store."""

from collections.abc import Collection, Mapping, Sequence

from streams.console.models import ReadModels
from streams.console.models.facts import AROUND_S, Point, RowAt, RowSeries


class MemoryHistory:
    """History from the models' memory."""

    def __init__(self, models: ReadModels) -> None:
        self._models = models

    def source(self) -> str:
        """Return the name of the source and how far back it reaches, for people."""
        oldest = self._models.oldest_slot()
        newest = max((each.last_ms or 0 for each in self._models.topics()), default=0) // 1000
        reach = "nothing yet" if oldest is None else f"the last {max(0, newest - oldest) // 60} minutes"
        return f"from memory, which has {reach}; [console] store_url names a store for more"

    def away_since_ms(self) -> int | None:
        return None

    async def points(self, series: RowSeries, start_s: int, end_s: int, step_s: int) -> Sequence[Point]:
        """Return the mean of each step, aligned to multiples of the step; None where there are no samples."""
        start_s -= start_s % step_s
        found: dict[int, list[float]] = {}
        for point in self._models.points(series, start_s, end_s + step_s):
            if point.value is not None:
                found.setdefault(point.at_s - point.at_s % step_s, []).append(point.value)
        return [
            Point(at, sum(found[at]) / len(found[at]) if at in found else None)
            for at in range(start_s, end_s + 1, step_s)
        ]

    async def of_rows(
        self, series: RowSeries, rows: Collection[str], start_s: int, end_s: int, step_s: int
    ) -> Mapping[str, Sequence[Point]]:
        """Return the series of each of these rows."""
        return {row: await self.points(series._replace(row=row), start_s, end_s, step_s) for row in rows}

    async def moment(self, number: RowSeries, rows: Collection[RowAt], at_s: int) -> Mapping[RowAt, float]:
        """Return the number of each of these rows around a time, if memory reaches back so far."""
        found = {}
        for identity, row in rows:
            series = RowSeries(identity, number.group, row, number.name)
            values = [point.value for point in self._models.points(series, at_s - AROUND_S, at_s)]
            known = [value for value in values if value is not None]
            if known:
                found[identity, row] = sum(known) / len(known)
        return found
