"""The whole schedule in process: every partition's ticks through fence, acks, what is due, and admission to polling.

No sockets, no Avro, no Faust: what is left is the cost of the schedule itself, and how it grows.
"""

import gc
import statistics
import time
import tracemalloc
from typing import Final, NamedTuple

from schemas.records import Job, Tick
from streams.runtime.kafka.partitions import partition_of
from streams.scheduling.acks import Acks
from streams.scheduling.due import Schedule
from streams.scheduling.fencing import Fence
from streams.scheduling.inflight import Caps, Decision, InFlight, PollId
from streams.scheduling.leader import TickPace, plan
from streams.scheduling.slots import Span

MINUTE: Final = Job(plugin="interfaces", profile="if-mib", interval_s=60)
FIVE_MINUTES: Final = Job(plugin="optics", profile="entity-sensors", interval_s=300)
START: Final = 1_700_000_000
SECONDS: Final = 120
PACE: Final = TickPace(publish_ahead_s=10, longest_interval_s=300)


class Figures(NamedTuple):
    resources: int
    partitions: int
    workers: int
    bytes_per_resource: float  #: the schedules; identities are the table's and not counted
    build_s: float  #: CPU to schedule all resources, on one worker
    worker_ms_per_s: float  #: CPU of a worker for one second of the schedule, mean
    worst_worker_ms_per_s: float
    idle_ms_per_s: float  #: the same with no resources: what the ticks alone cost
    leader_ms_per_s: float  #: CPU of the leader's plan for one second
    gap_ms: float  #: CPU to turn a gap tick of an hour into one missed run per job, all resources
    polls: int  #: that were started, all workers


def _keys(resources: int) -> list[str]:
    return [f"dc{n % 7}|network|cisco|switch|sw{n:06}.dc{n % 7}.example.net" for n in range(resources)]


def _built(keys: list[str], partitions: int) -> list[Schedule]:
    schedules = [Schedule() for _ in range(partitions)]
    for nth, key in enumerate(keys):
        jobs = (MINUTE, FIVE_MINUTES) if nth % 10 == 0 else (MINUTE,)
        schedules[partition_of(key.encode(), partitions)].put(key, jobs)
    return schedules


class Worker:
    """One worker's share, as the owner's wiring uses the pure parts."""

    def __init__(self, schedules: dict[int, Schedule]) -> None:
        self._schedules = schedules
        self._fences = {number: Fence() for number in schedules}
        self._acks = {number: Acks() for number in schedules}
        self._in_flight = InFlight(Caps(polls=1_000, suspects=250))
        self._ended: list[PollId] = []
        self.polls = 0

    def second(self, offset: int, ticks: list[Tick]) -> None:
        """Take this second's tick of every partition; polls end a second after they started."""
        for poll in self._ended:
            self._in_flight.finish(poll, ticks[0].slot, badly=False)
        self._ended.clear()
        for tick in ticks:
            acks = self._acks[tick.partition]
            acks.begin(offset)
            span = self._fences[tick.partition].admit(tick).span
            if span is not None:
                for slot in span.seconds:
                    for key, job in self._schedules[tick.partition].due(slot):
                        poll = PollId(key, job, slot)
                        if self._in_flight.admit_poll(poll, slot).decision is Decision.START:
                            self._ended.append(poll)
                            self.polls += 1
            acks.done(offset)


def simulate(resources: int, partitions: int, workers: int) -> Figures:
    """Return what so many resources cost."""
    keys = _keys(resources)
    gc.collect()
    tracemalloc.start()
    schedules = _built(keys, partitions)
    gc.collect()
    traced, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    began = time.process_time()
    _built(keys, partitions)
    build_s = time.process_time() - began
    costs, polls = _run(schedules, workers)
    idle, _ = _run([Schedule() for _ in range(partitions)], workers)
    began = time.process_time()
    runs = sum(1 for schedule in schedules for _ in schedule.missed_within(Span(START, START + 3_599)))
    gap_ms = (time.process_time() - began) * 1000
    if runs != sum(len(schedule.jobs_of(key)) for schedule in schedules for key in schedule):
        raise RuntimeError("a gap of an hour has a slot of every job")
    return Figures(
        resources, partitions, workers, traced / resources, build_s, statistics.mean(costs), max(costs),
        statistics.mean(idle), _leader(partitions), gap_ms, polls,
    )  # fmt: skip


def _run(schedules: list[Schedule], workers: int) -> tuple[list[float], int]:
    partitions = range(len(schedules))
    fleet = [Worker({n: schedules[n] for n in partitions if n % workers == each}) for each in range(workers)]
    costs = []
    for each, worker in enumerate(fleet):
        seconds = [[_tick(n, START + second) for n in partitions if n % workers == each] for second in range(SECONDS)]
        began = time.process_time()
        for offset, ticks in enumerate(seconds):
            worker.second(offset, ticks)
        costs.append((time.process_time() - began) * 1000 / SECONDS)
    return costs, sum(worker.polls for worker in fleet)


def _leader(partitions: int) -> float:
    last_slots: dict[int, int | None] = dict.fromkeys(range(partitions))
    began = time.process_time()
    for quarter in range(SECONDS * 4):
        for partition, ticks in plan(last_slots, START + quarter / 4, PACE).items():
            last_slots[partition] = ticks[-1].slot
    return (time.process_time() - began) * 1000 / SECONDS


def _tick(partition: int, slot: int) -> Tick:
    return Tick(stage="polling", slot=slot, partition=partition, epoch=1, leader="bench", published_at_ms=slot * 1000)
