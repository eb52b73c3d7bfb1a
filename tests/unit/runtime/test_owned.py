"""The schedules follow the table, whatever happens while they are built, and one bad entry costs its resource alone."""

import asyncio
from types import SimpleNamespace

import pytest

from schemas.errors import RecordError
from schemas.records import Job
from streams.runtime.registry.serde import UnknownSchema
from streams.runtime.schedule import owned
from streams.runtime.schedule.owned import Owned

JOB = Job(plugin="a", profile="", interval_s=5)
OTHER = Job(plugin="b", profile="", interval_s=5)
TOO_SHORT = Job(plugin="a", profile="", interval_s=0)
JOBS = {b"good": [JOB], b"changed": [OTHER], b"too-short": [TOO_SHORT]}
MANY = 5 * owned._SLICE


class Signal:
    def __init__(self):
        self._listeners = []

    def connect(self, listener, *, weak):
        self._listeners.append(listener)

    async def send(self):
        for listener in self._listeners:
            await listener()


class Table(dict):
    def on_recover(self, _listener):
        pass


class World:
    """A table and its schedules; an entry that starts with `new` is of a schema that has to be fetched."""

    def __init__(self, **entries):
        self.rebalance = Signal()
        self.table = Table(entries)
        self.fetched = set()
        self.unknown = None
        app = SimpleNamespace(
            on_partitions_assigned=self.rebalance, on_rebalance_complete=Signal(), partition_of=lambda _key: 0
        )
        self.owned = Owned(app, self.table, self._jobs_of)

    def _jobs_of(self, _key, value):
        async def fetch():
            if self.unknown is not None:
                raise self.unknown
            self.fetched.add(value)

        if value.startswith(b"new") and value not in self.fetched:
            raise UnknownSchema("not known yet", fetch)
        if value == b"damaged":
            raise RecordError("no record")
        return JOBS.get(value, [JOB])

    def scheduled(self):
        return set(self.owned.keys(0))


async def settled(owned_):
    await owned_.build()


async def at_once(owned_):
    owned_.schedule(0)


@pytest.mark.parametrize("build", [settled, at_once], ids=["in-slices", "in-one-go"])
@pytest.mark.parametrize("bad", [b"damaged", b"too-short"])
async def test_a_bad_entry_is_set_aside_and_counted_and_the_others_are_scheduled(build, bad):
    world = World(a=b"good", b=bad, c=b"good")
    await build(world.owned)
    assert world.scheduled() == {"a", "c"}
    assert world.owned.set_aside == 1
    world.table["b"] = b"good"
    world.owned.put("b", b"good")
    assert world.scheduled() == {"a", "b", "c"}
    assert world.owned.set_aside == 0


async def test_a_resource_whose_new_record_is_bad_is_not_polled_by_the_old_one():
    world = World(a=b"good", b=b"good")
    await world.owned.build()
    world.table["b"] = b"too-short"
    world.owned.put("b", b"too-short")
    assert world.scheduled() == {"a"}


async def test_an_entry_of_a_newer_worker_is_scheduled_once_its_schema_is_fetched():
    world = World(a=b"good", b=b"new", c=b"good")
    await world.owned.build()
    assert world.scheduled() == {"a", "b", "c"}


async def test_an_entry_whose_schema_nobody_knows_is_set_aside():
    world = World(a=b"good", b=b"new", c=b"good")
    world.unknown = RecordError("unknown schema id 7")
    await world.owned.build()
    assert world.scheduled() == {"a", "c"}
    assert world.owned.set_aside == 1


async def test_a_schedule_that_could_not_be_built_whole_is_not_kept():
    world = World(a=b"good", b=b"new", c=b"good")
    with pytest.raises(UnknownSchema):
        world.owned.schedule(0)
    world.fetched.add(b"new")
    assert world.scheduled() == {"a", "b", "c"}


async def building(world):
    """Return the task that builds, once it has begun and is not yet through."""
    task = asyncio.create_task(world.owned.build())
    await asyncio.sleep(0)
    assert not task.done()
    assert len(world.owned) == 0
    return task


def large():
    return World(**{f"r{number:03}": b"good" for number in range(MANY)})


async def test_others_get_the_event_loop_while_a_large_table_is_read():
    world, turns = large(), 0
    build = asyncio.create_task(world.owned.build())
    while not build.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns >= MANY / owned._SLICE
    assert len(world.owned) == MANY


@pytest.mark.parametrize("key", ["r000", f"r{MANY - 1}"], ids=["read-already", "not-yet-read"])
async def test_what_changes_or_goes_while_it_is_built_is_as_the_table_has_it(key):
    for gone in (False, True):
        world = large()
        task = await building(world)
        world.table["late"] = b"good"
        world.owned.put("late", b"good")
        if gone:
            del world.table[key]
            world.owned.remove(key)
        else:
            world.table[key] = b"changed"
            world.owned.put(key, b"changed")
        await task
        assert "late" in world.scheduled()
        assert list(world.owned.schedule(0).jobs_of(key)) == ([] if gone else [OTHER])


async def test_a_rebalance_while_it_is_built_begins_it_anew():
    world = large()
    task = await building(world)
    world.table.clear()
    world.table["other"] = b"good"
    await world.rebalance.send()
    await task
    assert world.scheduled() == {"other"}


async def test_a_tick_that_is_cancelled_while_it_builds_leaves_that_to_the_next():
    world = large()
    first = await building(world)
    second = asyncio.create_task(world.owned.build())
    await asyncio.sleep(0)
    first.cancel()
    await second
    assert first.cancelled()
    assert len(world.owned) == MANY


async def test_slots_a_second_are_those_of_all_schedules_once_these_are_built():
    world = World(a=b"good", b=b"good")
    assert world.owned.slots_per_s == 0.0
    await world.owned.build()
    assert world.owned.slots_per_s == pytest.approx(2 / JOB.interval_s)
