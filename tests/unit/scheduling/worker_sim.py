"""One worker in simulated time: the real schedule and the real admission, polls that take as long as they are told."""

import heapq
import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from schemas.records import Job
from streams.scheduling.due import Schedule
from streams.scheduling.inflight import Caps, Decision, InFlight, Missed, PollId

STEPS_PER_S = 10


def own_pace(_running: int) -> float:
    """Return the speed of polls that wait for their device alone."""
    return 1.0


def shared(polls_per_s: float) -> Callable[[int], float]:
    """Return the speed of polls of work 1 that share a worker which manages so many a second."""
    return lambda running: polls_per_s / max(1, running)


@dataclass
class Worker:
    """Polls every resource of `work` (identity -> how long its poll takes at speed 1, seconds) by one job."""

    job: Job
    work: Mapping[str, float]
    caps: Caps
    speed: Callable[[int], float] = own_pace
    lateness_s: dict[str, list[float]] = field(default_factory=dict, init=False)  #: of the polls, by resource
    missed: list[tuple[float, PollId]] = field(default_factory=list, init=False)  #: when, and which
    pressure: list[tuple[float, float]] = field(default_factory=list, init=False)  #: each second

    def __post_init__(self) -> None:
        self._in_flight = InFlight(self.caps)
        self._schedule = Schedule()
        for key in self.work:
            self._schedule.put(key, [self.job])
        self._ends: list[tuple[float, int, float, PollId]] = []  # in the time of the work, order, when it began
        self._order = itertools.count()
        self._worked = 0.0

    def live(self, seconds: int) -> None:
        """Let so many seconds pass, from 0 on."""
        for step in range(seconds * STEPS_PER_S):
            now_s = step / STEPS_PER_S
            if step % STEPS_PER_S == 0:
                self._second(int(now_s))
            self._worked += self.speed(len(self._ends)) / STEPS_PER_S
            while self._ends and self._ends[0][0] <= self._worked:
                _, _, began_s, poll = heapq.heappop(self._ends)
                slow = (now_s - began_s) * 2 > self.job.interval_s
                self._go_on(now_s, *self._in_flight.finish(poll, now_s, badly=slow))

    def _second(self, slot: int) -> None:
        for due in self._schedule.due(slot):
            poll = PollId(due.key, due.job, slot)
            offer = self._in_flight.admit_poll(poll, slot)
            self._go_on(slot, [poll] if offer.decision is Decision.START else [], offer.missed)
        self._go_on(slot, *self._in_flight.sweep(slot))
        self.pressure.append((slot, self._in_flight.pressure(slot, self._schedule.slots_per_s)))

    def _go_on(self, now_s: float, start: "list[PollId]", missed: "list[Missed]") -> None:
        for poll in start:
            heapq.heappush(self._ends, (self._worked + self.work[poll.key], next(self._order), now_s, poll))
            self.lateness_s.setdefault(poll.key, []).append(now_s - poll.slot)
        self.missed += [(now_s, each.poll) for each in missed]


def p99(values: "list[float]") -> float:
    """Return the value that 99 of 100 do not exceed."""
    return sorted(values)[math.ceil(len(values) * 0.99) - 1]
