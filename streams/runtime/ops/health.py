"""Decides whether a worker is alive and ready; pure, so that the rules can be tested without a worker."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeVar


class Stuck(NamedTuple):
    """A partition that could not be started yet."""

    why: str
    since_s: float  #: on the monotonic clock
    tries: int


class TopicPartition(Protocol):
    """A partition of a topic, as any library's class."""

    @property
    def topic(self) -> str: ...

    @property
    def partition(self) -> int: ...

    def __hash__(self) -> int: ...


P = TypeVar("P", bound=TopicPartition)


class Standing(NamedTuple):
    """A partition with pending work, and since when its committable offset has not moved."""

    partition: TopicPartition
    offset: int | None
    since_s: float


@dataclass(frozen=True, slots=True)
class Progress:
    """Tracks each partition's progress, so that a stuck one is not hidden by others that move."""

    standing: Mapping[TopicPartition, Standing] = field(default_factory=dict)

    def seen(self, committable: Mapping[P, int | None], now_s: float) -> "Progress":
        """Return the progress after a look at the partitions with pending work and their committable offsets."""
        before = self.standing
        return Progress(
            {
                partition: known
                if (known := before.get(partition)) is not None and known.offset == offset
                else Standing(partition, offset, now_s)
                for partition, offset in committable.items()
            }
        )

    def longest_standing(self) -> Standing | None:
        return min(self.standing.values(), key=lambda each: each.since_s, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """The observations behind the decision; times on one monotonic clock, seconds."""

    now_s: float
    loop_seen_s: float  #: when the event loop last ran the heartbeat
    standing: Standing | None  #: the partition whose offset has stood still for longest while it had work
    waited_s: float  #: when a service was last waited for: a worker that waits is not stuck
    assigned: bool  #: partitions are assigned
    recovered: bool  #: tables are recovered
    waiting: Collection[int] = ()  #: assigned partitions that are not begun
    stuck: Mapping[int, Stuck] = field(default_factory=dict)  #: of these, the ones that could not be
    unread: Collection[str] = ()  #: topics of views that are read for the first time


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    live: bool  #: if not, restart the worker
    ready: bool  #: if not, it does no work yet
    why: Mapping[str, str]  #: what is wrong, in words


def judge(seen: Observed, *, progress_timeout_s: float, loop_timeout_s: float) -> Health:
    """Return the health of a worker: it is not live with a blocked loop, or offsets that stand still for too long."""
    why: dict[str, str] = {}
    blocked_s = seen.now_s - seen.loop_seen_s
    if blocked_s > loop_timeout_s:
        why["loop"] = f"the event loop has been blocked for {blocked_s:.0f} s"
    if seen.standing is not None:
        stuck_s = seen.now_s - max(seen.standing.since_s, seen.waited_s)
        if stuck_s > progress_timeout_s:
            why["progress"] = f"work at hand and no offset has moved for {stuck_s:.0f} s in {_name(seen.standing)}"
    for partition, problem in sorted(seen.stuck.items()):
        stuck_s = seen.now_s - problem.since_s
        if stuck_s > progress_timeout_s:
            why["begin"] = f"partition {partition} could not be begun for {stuck_s:.0f} s: {problem.why}"
    live = not why
    why |= _not_ready(seen)
    ready = live and seen.assigned and seen.recovered and not seen.waiting and not seen.unread
    return Health(live=live, ready=ready, why=why)


def _not_ready(seen: Observed) -> dict[str, str]:
    why: dict[str, str] = {}
    if not seen.assigned:
        why["assigned"] = "no partitions are assigned yet"
    if not seen.recovered:
        why["recovered"] = "tables are being recovered"
    for partition, problem in sorted(seen.stuck.items()):
        why[f"partition {partition}"] = f"cannot be begun, tried {problem.tries} times: {problem.why}"
    if beginning := sorted(set(seen.waiting) - seen.stuck.keys()):
        why["beginning"] = f"partitions are being begun: {', '.join(map(str, beginning))}"
    if seen.unread:
        why["views"] = f"topics are being read for the first time: {', '.join(sorted(seen.unread))}"
    return why


def _name(standing: Standing) -> str:
    where = standing.partition
    return f"topic {where.topic} partition {where.partition} at offset {standing.offset}"
