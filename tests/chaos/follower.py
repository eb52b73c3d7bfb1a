"""Follows the ticks and the poll statuses of a running pipeline from a thread, with none of its code."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from confluent_kafka import KafkaException

from streams.playground.check.topics import Topics

LOOK_EVERY_S: Final = 0.1


class Tick(NamedTuple):
    partition: int
    slot: int
    gap_from: int | None
    epoch: int
    leader: str  #: host:pid
    published_s: float
    raw: bytes


class Status(NamedTuple):
    resource: str
    job: str
    slot: int
    slots: int
    outcome: str
    reason: str
    started_s: float
    worker: str  #: host:pid

    @property
    def pid(self) -> int:
        return int(self.worker.rpartition(":")[2])


def contradictions(statuses: Iterable[Status], interval_s: int, died_s: float) -> list[tuple[Status, Status]]:
    """Return statuses of one slot of which the first says that it was polled, and a later one that it was missed.

    The poll outranks that, but nobody who knows of it may say so: not the worker that polled, nor another one, unless
    a worker died afterwards (`died_s`, Unix seconds), whose last ticks the next owner was given again.
    """
    polled: dict[tuple[str, str, int], Status] = {}
    found = []
    for status in statuses:
        slots = range(status.slot, status.slot + status.slots * interval_s, interval_s)
        if status.outcome != "MISSED":
            polled.setdefault((status.resource, status.job, status.slot), status)
            continue
        before = [polled[key] for slot in slots if (key := (status.resource, status.job, slot)) in polled]
        found += [(one, status) for one in before if one.worker == status.worker or one.slot > died_s]
    return found


class Follower:
    """Everything seen so far, in the order of the topics' partitions."""

    def __init__(self, bootstrap: str, registry: str, prefix: str) -> None:
        self.ticks: list[Tick] = []
        self.statuses: list[Status] = []
        self._topics = Topics(bootstrap, registry, prefix, ("ticks.polling", "poll-status"))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="follower", daemon=True)

    def start(self, within_s: float) -> None:
        """Begin; raises TimeoutError where the topics do not appear."""
        if not self._topics.open(time.monotonic() + within_s):
            raise TimeoutError("the topics of ticks and poll statuses did not appear")
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(10)
        self._topics.close()

    def _follow(self) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(KafkaException):  # the broker is away: that is what is being tested
                for record in self._topics.read(0.2):
                    self._take(record.topic, record.value, record.raw)

    def _take(self, topic: str, value: dict[str, Any], raw: bytes) -> None:
        if topic == "poll-status":
            fields = (value[name] for name in ("resource", "job", "slot", "slots", "outcome", "reason"))
            self.statuses.append(Status(*fields, value["started_at_ms"] / 1000, value["worker"]))
        else:
            fields = (value[name] for name in ("partition", "slot", "gap_from", "epoch", "leader"))
            self.ticks.append(Tick(*fields, value["published_at_ms"] / 1000, raw))

    def until(self, what: str, holds: Callable[[], bool], within_s: float) -> float:
        """Return how many seconds it took until something held. Raises TimeoutError."""
        began = time.monotonic()
        while not holds():
            if time.monotonic() > began + within_s:
                raise TimeoutError(f"not within {within_s:.0f} s: {what}")
            time.sleep(LOOK_EVERY_S)
        return time.monotonic() - began

    def leader_pid(self) -> int:
        """Return the process that published the latest tick."""
        latest = max(self.ticks, key=lambda tick: (tick.epoch, tick.published_s))
        return int(latest.leader.rpartition(":")[2])

    def polled_since(self, moment_s: float) -> set[str]:
        """Return the resources of which a slot of that time or later was polled."""
        return {s.resource for s in self.statuses if s.slot >= moment_s and s.outcome != "MISSED"}

    def schedule_gap_s(self, since_s: float, until_s: float) -> float:
        """Return the longest stretch of seconds, of any partition, that no tick announced in time.

        A second is announced in time by an ordinary tick that was published before it was a second old; a gap
        tick announces nothing.
        """
        in_time: dict[int, set[int]] = {tick.partition: set() for tick in self.ticks}
        for tick in self.ticks:
            if tick.gap_from is None and tick.published_s < tick.slot + 1:
                in_time[tick.partition].add(tick.slot)
        longest = 0
        for slots in in_time.values():
            run = 0
            for second in range(int(since_s), int(until_s) + 1):
                run = 0 if second in slots else run + 1
                longest = max(longest, run)
        return longest

    def epochs(self) -> list[int]:
        """Return the epochs that published, in order of their first tick."""
        return list(dict.fromkeys(tick.epoch for tick in sorted(self.ticks, key=lambda tick: tick.published_s)))
