"""Partitions come and go in one order for every part, and one that cannot be begun keeps no other."""

import asyncio
from typing import Any

import pytest

from schemas.errors import BackendError, FatalError
from streams.runtime.kernel import lifecycle as lifecycle_module
from streams.runtime.kernel.effects import Write
from streams.runtime.kernel.lifecycle import Lifecycle, Part
from streams.runtime.kernel.table import Table
from streams.runtime.ops.health import Observed, judge
from tests.unit.runtime.kernel_fakes import settle, until


class Noting(Part):
    """Notes what it is told."""

    def __init__(self, name: str, notes: list[str]) -> None:
        self.name, self.notes = name, notes
        self.problems: dict[int, Exception] = {}
        self.holds: set[int] = set()
        self.go = asyncio.Event()

    async def pausing(self, *, lapsed: bool) -> None:
        self.notes.append(f"{self.name} pauses{', its session has lapsed' * lapsed}")

    def lost(self, partitions: frozenset[int]) -> None:
        self.notes.append(f"{self.name} lost {sorted(partitions)}")

    def settled(self, owned: frozenset[int]) -> None:
        self.notes.append(f"{self.name} has {sorted(owned)}")

    async def gained(self, partition: int) -> None:
        self.notes.append(f"{self.name} begins {partition}")
        if partition in self.holds:
            await self.go.wait()
        if partition in self.problems:
            raise self.problems[partition]
        self.notes.append(f"{self.name} has begun {partition}")


class World:
    def __init__(self) -> None:
        self.notes: list[str] = []
        self.faults: list[Exception] = []
        self.now_s = 100.0
        self.lifecycle = Lifecycle(self.faults.append, lambda: self.now_s)
        self.first, self.second = Noting("first", self.notes), Noting("second", self.notes)
        self.lifecycle.register(self.first)
        self.lifecycle.register(self.second)
        self.table = Table("t")
        self.lifecycle.register_table(self.table)

    async def assign(self, *partitions: int, lapsed: bool = False) -> None:
        await self.lifecycle.pausing()
        self.lifecycle.settle(partitions, lapsed=lapsed)
        self.lifecycle.recovered()

    async def assigned(self, *partitions: int) -> list[str]:
        """Assign, wait until all is open, and return what was noted."""
        self.notes.clear()
        await self.assign(*partitions)
        await until(lambda: not self.lifecycle.waiting())
        return list(self.notes)


@pytest.fixture
def world(monkeypatch: Any) -> World:
    monkeypatch.setattr(lifecycle_module, "RETRIES_S", (0.0, 0.001))
    return World()


async def test_parts_begin_in_the_order_of_registration_and_pause_and_leave_in_the_reverse_one(world: World):
    assert await world.assigned(3) == [
        "second pauses", "first pauses", "second lost []", "first lost []", "first has [3]", "second has [3]",
        "first begins 3", "first has begun 3", "second begins 3", "second has begun 3",
    ]  # fmt: skip
    assert await world.assigned(4) == [
        "second pauses", "first pauses", "second lost [3]", "first lost [3]", "first has [4]", "second has [4]",
        "first begins 4", "first has begun 4", "second begins 4", "second has begun 4",
    ]  # fmt: skip


async def test_a_partition_that_stays_goes_on_and_is_not_begun_anew(world: World):
    await world.assigned(3)
    notes = await world.assigned(3, 4)
    assert [note for note in notes if "begins" in note] == ["first begins 4", "second begins 4"]
    assert world.lifecycle.is_open(3)


async def test_what_a_worker_had_while_others_may_have_had_it_is_begun_anew(world: World):
    await world.assigned(3, 4)
    world.notes.clear()
    world.table.store(3, [Write(b"k", b"v")])
    world.table.store(4, [Write(b"k", b"v")])
    await world.assign(3, lapsed=True)
    await until(lambda: world.lifecycle.is_open(3))
    assert "first lost [3, 4]" in world.notes
    assert "first begins 3" in world.notes
    assert world.table.partitions() == (3,), "what stays is read on from where it was read to"


async def test_nothing_begins_before_the_tables_are_read_back(world: World):
    world.lifecycle.settle((3,))
    await settle()
    assert world.lifecycle.waiting() == {3}
    assert not any("begins" in note for note in world.notes)


async def test_tables_forget_partitions_that_have_left(world: World):
    await world.assigned(3, 4)
    for partition in (3, 4):
        world.table.store(partition, [Write(b"k", b"v")])
    await world.assigned(4)
    assert world.table.partitions() == (4,)


async def test_a_partition_that_cannot_be_begun_is_tried_again_and_named_and_the_others_flow(world: World, caplog: Any):
    world.second.problems[3] = BackendError("no such entry")
    await world.assign(3, 4)
    await until(lambda: world.lifecycle.is_open(4))
    await until(lambda: 3 in world.lifecycle.stuck and world.lifecycle.stuck[3].tries >= 3)
    assert not world.lifecycle.is_open(3)
    assert world.faults == []
    stuck = world.lifecycle.stuck[3]
    assert (stuck.why, stuck.since_s) == ("BackendError: no such entry", 100.0)
    seen = Observed(
        now_s=100, loop_seen_s=100, standing=None, waited_s=0, assigned=True, recovered=True,
        waiting=world.lifecycle.waiting(), stuck=dict(world.lifecycle.stuck),
    )  # fmt: skip
    health = judge(seen, progress_timeout_s=60, loop_timeout_s=30)
    assert (health.live, health.ready) == (True, False)
    assert "no such entry" in health.why["partition 3"]

    del world.second.problems[3]
    await until(lambda: world.lifecycle.is_open(3))
    assert world.lifecycle.stuck == {}
    assert sum("cannot be begun" in message for message in caplog.messages) >= 3


async def test_it_is_tried_again_ever_more_seldom(world: World, monkeypatch: Any):
    slept: list[float] = []
    real = asyncio.sleep

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await real(0)

    monkeypatch.setattr(lifecycle_module, "RETRIES_S", (1, 2, 5))
    monkeypatch.setattr(lifecycle_module.asyncio, "sleep", sleep)
    world.first.problems[3] = ValueError()
    await world.assign(3)
    while len(slept) < 5:
        await real(0)
    monkeypatch.undo()
    await world.lifecycle.stop()
    assert slept[:5] == [1, 2, 5, 5, 5]


async def test_a_begin_is_cancelled_in_a_rebalance_and_begun_anew_where_the_partition_stays(world: World):
    world.first.holds = {3, 4}
    await world.assign(3, 4)
    await settle()
    assert world.notes[-2:] == ["first begins 3", "first begins 4"] or world.notes[-2:] == [
        "first begins 4", "first begins 3"
    ]  # fmt: skip
    world.notes.clear()
    await world.lifecycle.pausing()
    world.first.go.set()
    await settle()
    assert world.notes == ["second pauses", "first pauses"]
    world.lifecycle.settle((3,))
    world.lifecycle.recovered()
    await until(lambda: world.lifecycle.is_open(3))
    assert [note for note in world.notes if "begins" in note] == ["first begins 3", "second begins 3"]
    assert world.faults == []


async def test_every_part_hears_of_a_lapse_when_it_is_to_pause(world: World):
    await world.lifecycle.pausing(lapsed=True)
    assert world.notes == ["second pauses, its session has lapsed", "first pauses, its session has lapsed"]


async def test_a_begin_that_is_under_way_when_its_partition_goes_is_given_up(world: World):
    world.first.holds = {3}
    await world.lifecycle.pausing()
    world.lifecycle.settle((3,))
    world.lifecycle.recovered()
    await settle()
    world.lifecycle.settle((4,))  # without a pause before it, as where Kafka took the partitions away
    world.first.go.set()
    await settle()
    assert world.faults == []
    assert "second begins 3" not in world.notes


async def test_who_waits_for_a_partition_goes_on_when_every_part_has_begun_it(world: World):
    world.second.holds = {3}
    await world.assign(3)
    waiting = asyncio.create_task(world.lifecycle.opened(3))
    await settle()
    assert not waiting.done()
    world.second.go.set()
    async with asyncio.timeout(5):
        await waiting
    with pytest.raises(KeyError):
        await world.lifecycle.opened(5)


async def test_a_fatal_fault_ends_the_worker(world: World):
    fault = FatalError("a newer version wrote it")
    world.first.problems[3] = fault
    await world.assign(3)
    await until(lambda: world.faults)
    assert world.faults == [fault]
    assert not world.lifecycle.is_open(3)


async def test_nothing_begins_after_the_stop(world: World):
    world.first.problems[3] = ValueError()
    await world.assign(3)
    await settle()
    await world.lifecycle.stop()
    world.notes.clear()
    await asyncio.sleep(0.01)
    assert world.notes == []
