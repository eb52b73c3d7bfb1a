"""What the pages ask of the topics, answered from records that a test has or has read."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from schemas.records import DeadLetter, EnrichedResource, Gauge, Link, PollStatus
from streams.console.models.facts import Point, RowSeries, TopicFacts
from streams.console.why.explained import AskedNumber, Explanation, NotKept, explained
from streams.gauges.fold.plan import Rules


class Records:
    """The last record of each key."""

    def __init__(self) -> None:
        self.known: dict[str, EnrichedResource] = {}
        self.joined: dict[str, Link] = {}
        self.gauges: dict[tuple[str, str, str], Gauge] = {}
        self.statuses: dict[str, list[PollStatus]] = {}
        self.dead: list[DeadLetter] = []
        self.facts: list[TopicFacts] = []

    def add(self, records: Iterable[Any]) -> None:
        for each in records:
            match each:
                case EnrichedResource():
                    self.known[each.resource.identity] = each
                case Gauge():
                    self.gauges[(each.resource, each.group, each.row)] = each
                case PollStatus():
                    self.statuses[each.resource] = [*self.statuses.get(each.resource, []), each][-50:]
                case DeadLetter():
                    self.dead.append(each)
                case _:
                    raise TypeError(each)

    def resources(self) -> Mapping[str, EnrichedResource]:
        return self.known

    def polls(self, identity: str) -> Sequence[PollStatus]:
        return self.statuses.get(identity, [])

    def rows(self, identity: str) -> Sequence[Gauge]:
        return [gauge for key, gauge in self.gauges.items() if key[0] == identity]

    def busiest(self, count: int) -> Sequence[Gauge]:
        carrying = [gauge for gauge in self.gauges.values() if "octets_in" in gauge.gauges]
        return sorted(carrying, key=lambda gauge: -gauge.gauges["octets_in"])[:count]

    def links(self) -> Mapping[str, Link]:
        return self.joined

    def dead_letters(self) -> Sequence[DeadLetter]:
        return self.dead

    def topics(self) -> Sequence[TopicFacts]:
        return self.facts


class Remembered:
    """A history of points that a test gives."""

    def __init__(self, given: Mapping[str, Sequence[Point]]) -> None:
        self._given = given

    def source(self) -> str:
        return "from memory"

    async def points(self, series: RowSeries, start_s: int, end_s: int, step_s: int) -> Sequence[Point]:
        return [point for point in self._given.get(series.name, ()) if start_s <= point.at_s <= end_s]


class Fold:
    """The fold over samples that a test has."""

    def __init__(self, samples: Sequence[Any]) -> None:
        self._samples = samples

    async def why(self, asked: AskedNumber) -> Explanation | NotKept:
        return explained(self._samples, asked, Rules())
