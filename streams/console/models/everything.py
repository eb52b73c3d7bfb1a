"""All read models behind one interface for pages and API. Every answer comes from memory; times are arguments."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, cast

from schemas.codec import to_avro
from schemas.gauge_parts import WholeGauge
from schemas.records import DeadLetter, EnrichedResource, Gauge, Link, LinkState, PollStatus
from streams.console.models.devices import PollFields, Polls, haystack, slim
from streams.console.models.facts import CurrentProblem, Point, RowSeries, TopicFacts
from streams.console.models.meter import Meter
from streams.console.models.rows import RowStore, StateChange
from streams.console.models.states import DeviceHealth
from streams.pipeline import Topic
from streams.topology.exports import port_of, title_of

#: what is read, in the order in which it is wanted
READ: Final = (Topic.ENRICHED_RESOURCES, Topic.TOPOLOGY, Topic.POLL_STATUS, Topic.GAUGES, Topic.DEAD_LETTERS)
_DEAD_LETTERS: Final = 200
#: what works in part or may be nothing comes after what does not work
_LESSER: Final[Mapping[str, int]] = {"partial": 1, "missed": 1, "one-sided": 2}
_WELL: Final = frozenset({DeviceHealth.GOOD, DeviceHealth.UNKNOWN})


class ReadModels:
    """The present state of all topics."""

    def __init__(self, memory_bytes: int) -> None:
        """`memory_bytes` is how much the numbers of the past may take."""
        self.meters: Final = {topic: Meter(str(topic)) for topic in READ}
        self.changes = 0  #: grows with everything that is news
        self._resources: dict[str, EnrichedResource] = {}
        self._by_id: list[EnrichedResource] | None = None
        self._searched: dict[str, str] = {}
        self._polls: dict[str, Polls] = {}
        self._rows: Final = RowStore(memory_bytes)
        self._links: dict[str, Link] = {}
        self._dead: deque[DeadLetter] = deque(maxlen=_DEAD_LETTERS)

    def resources(self) -> Mapping[str, EnrichedResource]:
        """Return every resource, by identity."""
        return self._resources

    def by_id(self) -> Sequence[EnrichedResource]:
        """Return every resource, by id; sorted when resources have changed, not each time."""
        if self._by_id is None:
            self._by_id = sorted(self._resources.values(), key=_name)
        return self._by_id

    def having(self, text: str) -> Iterator[EnrichedResource]:
        """Yield the resources whose names or facts contain a casefolded text, by id."""
        found = (self._resources[identity] for identity, told in self._searched.items() if text in told)
        return iter(sorted(found, key=_name))

    def named(self, site: str, resource_id: str) -> EnrichedResource | None:
        """Return the resource of a site that has this id, None where there is none."""
        found = (each for each in self._resources.values() if each.resource.resource_id == resource_id)
        return next((each for each in found if each.resource.site == site), None)

    def polls(self, identity: str) -> Sequence[PollStatus]:
        """Return the last polls of a resource, the newest last, 50 at most."""
        return self._polls.get(identity, ())

    def jobs(self, identity: str) -> Sequence[str]:
        """Return the polled jobs."""
        polls = self._polls.get(identity)
        return () if polls is None else polls.jobs()

    def last_poll(self, identity: str) -> PollStatus | None:
        """Return the newest poll of a resource, None where there is none."""
        polls = self._polls.get(identity)
        return None if polls is None else polls.last

    def lateness_ms(self, identity: str) -> int:
        """Return how late the newest poll of a resource was, 0 where there is none."""
        polls = self._polls.get(identity)
        return 0 if polls is None else polls.lateness_ms

    def worker(self, identity: str) -> str:
        """Return who made the newest poll of a resource, empty where there is none."""
        polls = self._polls.get(identity)
        return "" if polls is None else polls.worker

    def health(self, identity: str) -> DeviceHealth:
        """Return the worst state of the newest polls of a resource's jobs."""
        polls = self._polls.get(identity)
        return DeviceHealth.UNKNOWN if polls is None else polls.state

    def rows(self, identity: str) -> Sequence[Gauge]:
        """Return the newest gauge of each row of each group of a resource."""
        return self._rows.of(identity)

    def row(self, identity: str, group: str, row: str) -> Gauge | None:
        """Return the newest gauge of one row, None where there is none."""
        return self._rows.one(identity, group, row)

    def down_since_ms(self, identity: str, group: str, row: str) -> int | None:
        """Return since when a row has been seen in a bad state; None where it is well or was bad from the start."""
        return self._rows.since_ms(identity, group, row)

    def state_changes(self, identity: str, group: str, row: str) -> Sequence[StateChange]:
        """Return the remembered states of a row, oldest first; empty where they have not changed."""
        return self._rows.changes(identity, group, row)

    def busiest(self, count: int) -> Sequence[Gauge]:
        """Return the interfaces with the most traffic, in descending order."""
        return self._rows.busiest(count)

    def erring(self, count: int) -> Sequence[Gauge]:
        """Return the interfaces with the most errors, in descending order."""
        return self._rows.erring(count)

    def points(self, series: RowSeries, start_s: int, end_s: int) -> Sequence[Point]:
        """Return the samples of a series in memory for that time."""
        found = self._rows.points(series.resource, series.group, series.row, series.name)
        return [Point(slot, value) for slot, value in found if start_s <= slot <= end_s]

    def oldest_slot(self) -> int | None:
        """Return the oldest slot in memory, None where there is none."""
        return self._rows.ring.oldest_slot

    def row_count(self) -> int:
        """Return the number of rows."""
        return len(self._rows)

    def links(self) -> Mapping[str, Link]:
        """Return every link, by key."""
        return self._links

    def dead_letters(self) -> Sequence[DeadLetter]:
        """Return the last dead letters, the newest last."""
        return self._dead

    def topics(self) -> Sequence[TopicFacts]:
        """Return the progress of each topic."""
        return [meter.facts() for meter in self.meters.values()]

    def problems(self) -> Sequence[CurrentProblem]:
        """Return present problems: total failures first, then the latest."""
        return sorted(self._problems(), key=lambda each: (_LESSER.get(each.kind, 0), -(each.since_ms or 0), each))

    def _problems(self) -> Iterator[CurrentProblem]:
        for facts in self.topics():
            if facts.stale_since_ms is not None:
                yield CurrentProblem("stale", "", "", "", f"topic {facts.name} cannot be read", facts.stale_since_ms)
        for identity, polls in self._polls.items():
            if polls.state not in _WELL and identity in self._resources and (last := polls.last) is not None:
                since_ms = last.unreachable_since_ms or last.slot * 1000
                yield CurrentProblem(str(polls.state), identity, "", "", last.reason, since_ms)
        for trouble in self._rows.troubles():
            yield CurrentProblem(trouble.word, *trouble[:3], f"{trouble.group} is {trouble.word}", trouble.since_ms)
        for link in self._links.values():
            if link.state is not LinkState.UP:
                near, far = link.ends if link.ends[0].resource else reversed(link.ends)
                reason = f"link to {title_of(far)} {port_of(far)}"
                state = str(link.state).replace("_", "-")
                yield CurrentProblem(state, near.resource, "interface", port_of(near), reason, link.since_ms)

    def take_gauge(self, value: bytes) -> None:
        """Take a gauge written with our own schema. Raises RecordError."""
        self.changes += self._rows.take_bytes(value)

    def take_poll(self, poll: PollFields) -> None:
        """Take a poll, as fastavro's dict."""
        self.changes += self._take_poll(poll)

    def take(self, topic: Topic, key: str, record: object) -> None:
        """Take a record of a topic, None a tombstone; of gauges as fastavro's dict. Repeats are harmless."""
        match topic:
            case Topic.ENRICHED_RESOURCES:
                news = self._take_resource(key, record if isinstance(record, EnrichedResource) else None)
            case Topic.POLL_STATUS if isinstance(record, PollStatus):
                news = self._take_poll(cast("PollFields", to_avro(record)))
            case Topic.GAUGES:
                news = self._rows.take(cast("WholeGauge", record))
            case Topic.TOPOLOGY:
                news = self._links.get(key) != record
                if isinstance(record, Link):
                    self._links[key] = record
                else:
                    self._links.pop(key, None)
            case _ if isinstance(record, DeadLetter):
                news = True
                self._dead.append(record)
            case _:
                news = False
        self.changes += news

    def _take_poll(self, poll: PollFields) -> bool:
        polls = self._polls.get(poll["resource"])
        if polls is None:
            polls = self._polls[poll["resource"]] = Polls()
        return polls.take(poll)

    def _take_resource(self, key: str, record: EnrichedResource | None) -> bool:
        self._by_id = None
        if record is not None:
            self._searched[key] = haystack(record)
            self._resources[key] = slim(record)
            return True
        self._searched.pop(key, None)
        self._rows.forget(key)
        self._polls.pop(key, None)
        return self._resources.pop(key, None) is not None


def _name(each: EnrichedResource) -> tuple[str, str]:
    return each.resource.resource_id, each.resource.site
