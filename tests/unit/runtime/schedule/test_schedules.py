"""The schedules follow the table, whatever happens while they are built, and one bad entry costs its resource alone."""

import asyncio
from collections.abc import Iterable, Iterator
from functools import partial

import pytest

from schemas.errors import RecordError
from schemas.records import Job
from streams.pipeline import Topic
from streams.runtime.kernel.effects import Effects, Write
from streams.runtime.kernel.records import Record
from streams.runtime.registry.serde import UnknownSchema
from streams.runtime.schedule import schedules as schedules_module
from streams.runtime.schedule.schedules import Schedules
from tests.unit.runtime.kernel_fakes import FakeWorker, settle, until

JOB = Job(plugin="a", profile="", interval_s=5)
OTHER = Job(plugin="b", profile="", interval_s=5)
TOO_SHORT = Job(plugin="a", profile="", interval_s=0)
JOBS = {b"good": [JOB], b"changed": [OTHER], b"too-short": [TOO_SHORT]}
MANY = 5 * schedules_module._SLICE
TOPIC = Topic.ENRICHED_RESOURCES


class World:
    """A worker whose table has the entries, and the schedules; an entry `new` is of a schema that has to be fetched.

    Records of the topic go into the table as they are.
    """

    def __init__(self, *, partitions: Iterable[int] = (0,), **entries: bytes) -> None:
        self.worker = FakeWorker("polling")
        self.table = self.worker.table("to-poll")
        for partition in partitions:
            self.table.store(partition, [Write(key.encode(), value) for key, value in entries.items()])
        self.fetched: set[bytes] = set()
        self.unknown: Exception | None = None
        self.schedules = Schedules(self.table, self._jobs_of)
        self.worker.lifecycle.register(self.schedules)
        self.worker.fold([TOPIC], self._step, self.table)

    def _step(self, record: Record) -> Effects:
        key, value, at = record.key or b"", record.value, record.place.partition
        then = (
            partial(self.schedules.remove, at, key.decode())
            if value is None
            else partial(self.schedules.put, at, key.decode(), value)
        )
        return Effects((), (Write(key, value),), then)

    def _jobs_of(self, _key: str, value: bytes) -> Iterable[Job]:
        async def fetch() -> None:
            if self.unknown is not None:
                raise self.unknown
            self.fetched.add(value)

        if value.startswith(b"new") and value not in self.fetched:
            raise UnknownSchema("not known yet", fetch)
        if value == b"damaged":
            raise RecordError("no record")
        return JOBS.get(value, [JOB])

    def scheduled(self) -> set[str]:
        return set(self.schedules.keys(0))

    async def comes(self, key: str, value: bytes | None) -> None:
        self.worker.bring(TOPIC, key, value, 0)
        await self.worker.idle()


@pytest.mark.parametrize("bad", [b"damaged", b"too-short"])
async def test_a_bad_entry_is_set_aside_and_counted_and_the_others_are_scheduled(bad: bytes):
    world = World(a=b"good", b=bad, c=b"good")
    await world.worker.own(0)
    assert world.scheduled() == {"a", "c"}
    assert world.schedules.set_aside == 1
    await world.comes("b", b"good")
    assert world.scheduled() == {"a", "b", "c"}
    assert world.schedules.set_aside == 0


async def test_a_bad_entry_that_goes_is_not_counted_any_more():
    world = World(b=b"damaged")
    await world.worker.own(0)
    await world.comes("b", None)
    assert world.schedules.set_aside == 0


async def test_a_resource_whose_new_record_is_bad_is_not_polled_by_the_old_one():
    world = World(a=b"good", b=b"good")
    await world.worker.own(0)
    await world.comes("b", b"too-short")
    assert world.scheduled() == {"a"}


async def test_an_entry_of_a_newer_worker_is_scheduled_once_its_schema_is_fetched():
    world = World(a=b"good", b=b"new", c=b"good")
    await world.worker.own(0)
    assert world.scheduled() == {"a", "b", "c"}


async def test_an_entry_whose_schema_nobody_knows_is_set_aside():
    world = World(a=b"good", b=b"new", c=b"good")
    world.unknown = RecordError("unknown schema id 7")
    await world.worker.own(0)
    assert world.scheduled() == {"a", "c"}
    assert world.schedules.set_aside == 1


async def test_a_schedule_that_could_not_be_built_whole_is_built_anew(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("streams.runtime.kernel.lifecycle.RETRIES_S", (0.0,))
    world = World(a=b"good", b=b"new", c=b"good")
    world.unknown = OSError("odd")
    await world.worker.revoked()
    world.worker.assigned(world.worker.places(0))
    world.worker.lifecycle.recovered()
    await until(lambda: world.worker.lifecycle.stuck)
    assert not world.worker.lifecycle.is_open(0)
    world.unknown = None
    await until(lambda: world.worker.lifecycle.is_open(0))
    assert world.scheduled() == {"a", "b", "c"}


def large(**more: bytes) -> World:
    return World(**{f"r{number:03}": b"good" for number in range(MANY)}, **more)


async def building(world: World) -> None:
    """Return once the schedules are being built, and are not yet through."""
    await world.worker.revoked()
    world.worker.assigned(world.worker.places(0))
    world.worker.lifecycle.recovered()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert 0 < len(world.schedules) < MANY


async def test_others_get_the_event_loop_while_a_large_table_is_read():
    world, turns = large(), 0
    await building(world)
    while world.worker.lifecycle.waiting():
        await asyncio.sleep(0)
        turns += 1
    assert turns >= MANY / schedules_module._SLICE - 2
    assert len(world.schedules) == MANY


@pytest.mark.parametrize("key", ["r000", f"r{MANY - 1}"], ids=["read-already", "not-yet-read"])
@pytest.mark.parametrize("value", [None, b"changed"], ids=["goes", "changes"])
async def test_what_changes_or_goes_while_it_is_built_is_as_the_table_has_it(key: str, value: bytes | None):
    world = large()
    await building(world)
    world.worker.bring(TOPIC, "late", b"good", 0)
    world.worker.bring(TOPIC, key, value, 0)
    await world.worker.idle()
    assert "late" in world.scheduled()
    assert list(world.schedules.of(0).jobs_of(key)) == ([] if value is None else [OTHER])


async def test_a_rebalance_while_it_is_built_begins_it_anew():
    world = large()
    await building(world)
    await world.worker.revoked()
    world.worker.assigned(())
    for key in world.table.keys(0):
        world.table.store(0, [Write(key, None)])
    world.table.store(0, [Write(b"other", b"good")])
    await world.worker.own(0)
    assert world.scheduled() == {"other"}


async def test_a_tick_that_waits_for_its_partition_waits_until_the_schedule_is_whole():
    world = large()
    await building(world)
    opened = asyncio.create_task(world.worker.lifecycle.opened(0))
    await settle()
    async with asyncio.timeout(5):
        await opened
    assert len(world.schedules) == MANY


async def test_a_partition_that_has_left_has_no_schedule_and_the_others_keep_theirs():
    world = World(partitions=(0, 1), a=b"good", b=b"damaged")
    await world.worker.own(0, 1)
    assert (len(world.schedules), world.schedules.set_aside) == (2, 2)
    await world.worker.own(1)
    assert (len(world.schedules), world.schedules.set_aside) == (1, 1)
    assert list(world.schedules.keys(1)) == ["a"]


async def test_slots_a_second_are_those_of_all_schedules_once_these_are_built():
    world = World(a=b"good", b=b"good")
    assert world.schedules.slots_per_s == 0.0
    await world.worker.own(0)
    assert world.schedules.slots_per_s == pytest.approx(2 / JOB.interval_s)


def seconds(schedules: Schedules) -> Iterator[int]:
    """Yield the seconds of an interval in which anything is due."""
    return (at for at in range(JOB.interval_s) if list(schedules.of(0).due(at)))


async def test_what_is_scheduled_is_due_once_an_interval():
    world = World(a=b"good")
    await world.worker.own(0)
    assert len(list(seconds(world.schedules))) == 1
