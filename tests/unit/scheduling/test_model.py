"""The whole schedule as a model: leaders that die, overlap and come back as zombies; owners that crash and re-read.

Each partition is a list. Leaders run the real `plan`, owners the real `Fence`, `Acks` and `Schedule`, and gap ticks go
through the polling stage's own `Poller`. Whatever the sequence, when everything has settled each slot of each job from
the first tick on is accounted for, and none is accounted for twice but for what a crash interrupted.
"""

import asyncio
import functools
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.records import Job, Outcome, PollStatus, Tick
from streams.polling.agent_poller import Poller
from streams.runtime.schedule.owner import DueTick
from streams.scheduling.acks import Acks, Begin
from streams.scheduling.due import Schedule
from streams.scheduling.fencing import Admission, Fence, lookback, next_epoch
from streams.scheduling.leader import AT_ONCE_S, LOOKS_AGAIN_S, TickPace, plan
from streams.scheduling.slots import Span, is_too_old
from tests.examples import examples
from tests.unit.polling.poller_fakes import App, Plugin, polling, resource

START_S = 1_000_000
PACE = TickPace(publish_ahead_s=4, longest_interval_s=12)
PARTITIONS = 2
RESOURCES = {
    0: [
        resource("r0", [Job(plugin="a", profile="", interval_s=5)]),
        resource("r1", [Job(plugin="a", profile="", interval_s=12)]),
    ],
    1: [resource("r2", [Job(plugin="a", profile="", interval_s=5), Job(plugin="b", profile="", interval_s=3)])],
}
JOBS = {each.resource.identity: each.jobs for resources in RESOURCES.values() for each in resources}

Log = list[list[Tick]]
Slot = tuple[str, Job, int]


@functools.cache
def stage() -> tuple[Poller, App]:
    """Return the polling stage's own poller, with the resources in its table; no world changes these."""
    resources = [(number, each) for number, of_it in RESOURCES.items() for each in of_it]
    partitions = {each.resource.identity: number for number, each in resources}
    return asyncio.run(polling(Plugin(), [each for _, each in resources], partition_of=partitions.__getitem__))


def missed_of_a_gap(partition: int, span: Span) -> list[PollStatus]:
    """Return what the poller publishes for a gap tick."""
    poller, app = stage()
    app.sent.stored.clear()
    asyncio.run(poller.run(DueTick(partition, span, gap=True)))
    return app.statuses()


@dataclass
class Leader:
    """A leader as the wiring runs it: it read the log's end once, and knows from then on only what it published."""

    epoch: int
    last_slots: dict[int, int | None]

    @classmethod
    def elected(cls, log: Log, sequence: int) -> "Leader":
        reach = lookback(PACE.longest_interval_s, PACE.publish_ahead_s)
        fences = {number: Fence().replay(ticks[-reach:]) for number, ticks in enumerate(log)}
        return cls(next_epoch(sequence, fences), {number: fence.last_slot for number, fence in fences.items()})

    def publish(self, log: Log, now_s: float, at_most: int) -> None:
        """Publish what is due, of each partition no more than so many ticks."""
        for partition, due in plan(self.last_slots, now_s, PACE).items():
            for slot, gap_from in due[:at_most]:
                log[partition].append(
                    Tick(
                        stage="polling",
                        slot=slot,
                        gap_from=gap_from,
                        partition=partition,
                        epoch=self.epoch,
                        leader=str(self.epoch),
                        published_at_ms=int(now_s * 1000),
                    )
                )
                self.last_slots[partition] = slot


@dataclass
class Owner:
    """The owner of one partition, from its committed offset on; its death loses everything but the commit."""

    partition: int
    offset: int
    fence: Fence
    acks: Acks = field(default_factory=Acks)
    held: dict[int, Admission] = field(default_factory=dict)  #: offset -> what it stands for
    running: dict[int, list[Slot]] = field(default_factory=dict)  #: offset -> the polls it started

    @classmethod
    def assigned(cls, partition: int, log: Log, committed: int) -> "Owner":
        reach = lookback(PACE.longest_interval_s, PACE.publish_ahead_s)
        past = log[partition][max(0, committed - reach) : committed]
        return cls(partition, committed, Fence().replay(past))


class World:
    """Everything that outlives the processes, and the processes."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.now_s = float(START_S)
        self.sequence = 0
        self.log: Log = [[] for _ in range(PARTITIONS)]
        self.committed = [0] * PARTITIONS
        self.leaders: list[Leader] = []  #: the last one is the elected one, the others do not know yet
        self.owners: list[Owner | None] = [None] * PARTITIONS
        self.schedules = [Schedule() for _ in range(PARTITIONS)]
        for number, resources in RESOURCES.items():
            for each in resources:
                self.schedules[number].put(each.resource.identity, each.jobs)
        self.polled: Counter[Slot] = Counter()
        self.missed: Counter[Slot] = Counter()
        self.crashes = 0

    # leaders

    def elect(self) -> None:
        self.leaders.append(Leader.elected(self.log, self.sequence))
        self.sequence += 1

    def wipe_zookeeper(self) -> None:
        self.sequence = 0
        self.elect()

    def kill_leader(self) -> None:
        if self.leaders:
            self.leaders.pop(self.rng.randrange(len(self.leaders)))

    def publish(self) -> None:
        """Any of the leaders, zombies included, publishes; it may die or pause in the middle."""
        if self.leaders:
            self.rng.choice(self.leaders).publish(self.log, self.now_s, self.rng.choice([1, 2, 3, 10_000]))

    # owners

    def assign(self) -> None:
        number = self.rng.randrange(PARTITIONS)
        self.owners[number] = Owner.assigned(number, self.log, self.committed[number])
        self.crashes += 1

    def deliver(self) -> None:
        for owner in self.owners:
            if owner is not None and owner.offset < len(self.log[owner.partition]):
                tick = self.log[owner.partition][owner.offset]
                if owner.acks.begin(owner.offset) is Begin.START:
                    admission = owner.fence.admit(tick)
                    if admission.span is None:
                        self._acked(owner, owner.acks.done(owner.offset))
                    else:
                        owner.held[owner.offset] = admission
                owner.offset += 1

    def redeliver(self) -> None:
        """Faust hands the same messages to the same worker again, from the committed offset on."""
        for owner in self.owners:
            if owner is not None:
                owner.offset = self.committed[owner.partition]

    def run(self) -> None:
        for owner in self.owners:
            if owner is not None:
                for offset, admission in list(owner.held.items()):
                    assert admission.span is not None
                    if admission.span.last <= self.now_s:
                        del owner.held[offset]
                        owner.running[offset] = self._start(owner.partition, admission.span, gap=admission.gap)

    def _start(self, partition: int, span: Span, *, gap: bool) -> list[Slot]:
        if gap:
            for status in missed_of_a_gap(partition, span):
                assert status.outcome is Outcome.MISSED
                job = next(job for job in JOBS[status.resource] if job.name == status.job)
                for nth in range(status.slots):
                    self.missed[status.resource, job, status.slot + nth * status.interval_s] += 1
            return []
        started: list[Slot] = []
        for slot in span.seconds:
            for key, job in self.schedules[partition].due(slot):
                if is_too_old(slot, job.interval_s, self.now_s):
                    self.missed[key, job, slot] += 1
                else:
                    started.append((key, job, slot))
        return started

    def finish(self) -> None:
        """Some running ticks finish, in any order: statuses are written, then what may be acked is committed."""
        for owner in self.owners:
            if owner is not None and owner.running:
                offset = self.rng.choice(list(owner.running))
                self.polled.update(owner.running.pop(offset))
                self._acked(owner, owner.acks.done(offset))

    def _acked(self, owner: Owner, offsets: Sequence[int]) -> None:
        if offsets and self.rng.random() < 0.8:  # a commit may be lost: the next one covers it
            self.committed[owner.partition] = offsets[-1] + 1

    # time

    def wait(self) -> None:
        self.now_s += self.rng.choice([0.3, 1.0, 2.5])

    def long_outage(self) -> None:
        self.now_s += self.rng.choice([20.0, 400.0, 3_600.0])

    def clock_set_back(self) -> None:
        self.now_s -= self.rng.choice([1.0, 7.0])

    def settle(self) -> None:
        """Everything works again for a while: one new leader, live owners."""
        self.leaders = []
        self.elect()
        for number in range(PARTITIONS):
            if self.owners[number] is None:
                self.owners[number] = Owner.assigned(number, self.log, self.committed[number])
        for _ in range(60):
            self.now_s += 1.0
            self.publish()
            while any(owner and owner.offset < len(self.log[owner.partition]) for owner in self.owners):
                self.deliver()
            self.run()
            while any(owner and owner.running for owner in self.owners):
                self.finish()

    def unaccounted(self) -> set[Slot]:
        return {
            (due.key, due.job, slot)
            for number, ticks in enumerate(self.log)
            for slot in range(ticks[0].gap_from or ticks[0].slot, int(self.now_s) + 1)
            for due in self.schedules[number].due(slot)
        } - (set(self.polled) | set(self.missed))


QUIET = ["publish", "deliver", "run", "finish", "wait"]
LEADERS_DIE = ["elect", "kill_leader", "wipe_zookeeper", "long_outage", "clock_set_back"]
OWNERS_DIE = ["assign", "redeliver"]


def live(world: World, steps: Sequence[str]) -> None:
    for step in steps:
        getattr(world, step)()
    world.settle()


@settings(max_examples=examples(300), suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.lists(st.sampled_from(QUIET * 3 + LEADERS_DIE + OWNERS_DIE), min_size=40, max_size=120), st.integers(0, 2**32)
)
def test_no_slot_is_lost_whatever_dies(steps: list[str], seed: int) -> None:
    world = World(random.Random(seed))
    live(world, steps)
    assert world.unaccounted() == set()


@settings(max_examples=examples(200), suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(st.sampled_from(QUIET * 3 + LEADERS_DIE), min_size=40, max_size=120), st.integers(0, 2**32))
def test_no_slot_is_polled_twice_while_owners_live_whatever_leaders_do(steps: list[str], seed: int) -> None:
    world = World(random.Random(seed))
    for number in range(PARTITIONS):
        world.owners[number] = Owner.assigned(number, world.log, 0)
    live(world, steps)
    assert {slot: times for slot, times in (world.polled + world.missed).items() if times > 1} == {}
    assert world.unaccounted() == set()


@pytest.mark.parametrize("seed", range(3))
def test_in_undisturbed_running_every_slot_is_polled_and_none_missed(seed: int) -> None:
    world = World(random.Random(seed))
    for _ in range(30):
        live(world, [])
    assert world.missed == Counter()
    assert set(world.polled.values()) == {1}


def test_an_hours_outage_costs_one_tick_a_partition_and_one_record_a_job() -> None:
    world = World(random.Random(0))
    live(world, [])
    ticks_before = sum(map(len, world.log))
    world.now_s += 3_600
    leader = Leader.elected(world.log, world.sequence)
    leader.publish(world.log, world.now_s, 10_000)
    new = sum(map(len, world.log)) - ticks_before
    to_come = sum(tick.slot >= world.now_s for tick in world.log[0])
    assert 0 <= to_come - (1 + PACE.publish_ahead_s + LOOKS_AGAIN_S) < AT_ONCE_S
    assert new == PARTITIONS * (1 + to_come)
    world.leaders = [leader]
    live(world, [])
    assert world.unaccounted() == set()
