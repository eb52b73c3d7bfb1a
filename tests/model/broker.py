"""Kafka as the model has it: logs, committed offsets, and a group that is rebalanced eagerly."""

import asyncio
import heapq
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from aiokafka.errors import KafkaConnectionError, MessageSizeTooLargeError

from streams.runtime.kernel.records import Place
from tests.model.clock import Clock

JOIN_WITHIN_S: Final = 60.0
#: a larger record is refused; changelogs take twice as much, for entries that hold a record more than once
MOST_BYTES: Final = 20_000


class Entry(NamedTuple):
    key: bytes | None
    value: bytes | None


@dataclass
class Member:
    """A process in the group, as its coordinator knows it."""

    heard_s: float
    joining: "asyncio.Future[Assignment] | None" = None


class Assignment(NamedTuple):
    member: int
    generation: int
    partitions: frozenset[int]


@dataclass
class Broker:
    """One cluster with one group; whatever it does later it does by the clock."""

    clock: Clock
    partitions: int
    session_s: float
    logs: dict[Place, list[Entry]] = field(default_factory=lambda: defaultdict(list))
    committed: dict[Place, int] = field(default_factory=dict)
    #: called with a place, and the offsets that a commit passes
    on_commit: Callable[[Place, range], None] = lambda _place, _passed: None
    commits_are_lost: bool = False
    latency_s: float = 0.01
    stores: bool = True  #: whether it takes records now
    answers: bool = True  #: whether it says so when it has
    generation: int = 0
    members: dict[int, Member] = field(default_factory=dict)
    _preparing_since_s: float | None = None
    _assigned: dict[int, frozenset[int]] = field(default_factory=dict)
    _names: int = 0
    _later: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _free_s: dict[tuple[int, Place], float] = field(default_factory=dict)

    # by the clock

    def name(self) -> int:
        """Return a number that nothing else has."""
        self._names += 1
        return self._names

    def later(self, at_s: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._later, (at_s, self.name(), do))

    def next_s(self) -> float:
        return self._later[0][0] if self._later else float("inf")

    def run_due(self) -> bool:
        ran = False
        while self._later and self._later[0][0] <= self.clock.now_s:
            heapq.heappop(self._later)[2]()
            ran = True
        return ran

    # logs

    def append(self, place: Place, key: bytes | None, value: bytes | None) -> int:
        self.logs[place].append(Entry(key, value))
        return len(self.logs[place]) - 1

    def values(self, topic: str, key: bytes) -> list[bytes | None]:
        """Return what was ever written under a key, oldest first."""
        return [
            entry.value
            for number in range(self.partitions)
            for entry in self.logs[Place(topic, number)]
            if entry.key == key
        ]

    def compacted(self, topic: str, partition: int) -> dict[bytes, bytes]:
        """Return what is left of a compacted partition in the end."""
        last = {entry.key or b"": entry.value for entry in self.logs[Place(topic, partition)]}
        return {key: value for key, value in last.items() if value is not None}

    def produce(
        self, producer: int, place: Place, entries: Sequence[Entry], answer: Callable[[Exception | None], None]
    ) -> None:
        """Store a batch some time later, after those that the producer sent before it; then answer, or not."""
        at_s = max(self.clock.now_s + self.latency_s, self._free_s.get((producer, place), 0.0))
        self._free_s[producer, place] = at_s
        self.later(at_s, lambda: self._store(place, entries, answer))

    def most_bytes(self, topic: str) -> int:
        return 2 * MOST_BYTES + 1_000 if topic.endswith("-changelog") else MOST_BYTES

    def _store(self, place: Place, entries: Sequence[Entry], answer: Callable[[Exception | None], None]) -> None:
        if not self.stores:
            answer(KafkaConnectionError("the broker is away"))
        elif any(len(entry.value or b"") > self.most_bytes(place.topic) for entry in entries):
            answer(MessageSizeTooLargeError())
        else:
            for entry in entries:
                self.append(place, *entry)
            answer(None if self.answers else KafkaConnectionError("the answer got lost"))

    # the group

    def commit(self, member: int, generation: int, offsets: Mapping[Place, int]) -> bool:
        """Return whether the offsets were taken."""
        if member not in self.members or generation != self.generation or self.commits_are_lost:
            return False
        for place, offset in offsets.items():
            before = self.committed.get(place, 0)
            if offset > before:
                self.on_commit(place, range(before, offset))
            self.committed[place] = offset
        return True

    def enter(self) -> int:
        """Return a new member, which is to join."""
        member = self.name()
        self.members[member] = Member(self.clock.now_s)
        self._prepare()
        return member

    def leave(self, member: int) -> None:
        if self.members.pop(member, None) is not None:
            self._prepare()
            self._complete()

    def heartbeat(self, member: int, generation: int) -> str:
        """Return 'fine', 'rebalance' where the member has to join again, or 'unknown'."""
        if member not in self.members:
            return "unknown"
        self.members[member].heard_s = self.clock.now_s
        return "fine" if self._preparing_since_s is None and generation == self.generation else "rebalance"

    def join(self, member: int, joining: "asyncio.Future[Assignment]") -> None:
        """Resolve the future when every member has joined."""
        self.members[member].joining = joining
        self._complete()

    def rebalance(self) -> None:
        self._prepare()

    def evict_silent(self) -> None:
        """Take partitions from who was not heard of for a session, and from who does not join in time."""
        late = self._preparing_since_s is not None and self.clock.now_s - self._preparing_since_s > JOIN_WITHIN_S
        for name, member in tuple(self.members.items()):
            silent = self.clock.now_s - member.heard_s > self.session_s
            if silent or (late and member.joining is None):
                self.leave(name)

    def _prepare(self) -> None:
        if self._preparing_since_s is None:
            self._preparing_since_s = self.clock.now_s

    def _complete(self) -> None:
        """Hand out the partitions: who had one keeps it, as far as that is even."""
        if self._preparing_since_s is None or any(member.joining is None for member in self.members.values()):
            return
        self._preparing_since_s = None
        self.generation += 1
        self._assigned = _even(tuple(self.members), self._assigned, self.partitions)
        for name, member in self.members.items():
            joining, member.joining = member.joining, None
            if joining is not None and not joining.done():
                joining.set_result(Assignment(name, self.generation, self._assigned[name]))


def _even(members: Sequence[int], before: Mapping[int, frozenset[int]], partitions: int) -> dict[int, frozenset[int]]:
    if not members:
        return {}
    each, more = divmod(partitions, len(members))
    room = {name: each + (nth < more) for nth, name in enumerate(members)}
    now = {name: set(sorted(before.get(name, ()))[: room[name]]) for name in members}
    for partition in set(range(partitions)).difference(*now.values()):
        next(now[name] for name in members if len(now[name]) < room[name]).add(partition)
    return {name: frozenset(numbers) for name, numbers in now.items()}
