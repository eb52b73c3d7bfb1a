"""Records go through the loop in order, nothing is done before its effects are in place, and nothing is lost."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from schemas.errors import FatalError, RecordError
from streams.runtime.kernel.handler import Pace
from streams.runtime.kernel.loop import Loop
from streams.runtime.kernel.offsets import Offsets
from streams.runtime.kernel.records import Place, Record
from streams.runtime.registry.serde import UnknownSchema
from tests.unit.runtime.kernel_fakes import Flow, Letters, settle, until

TOPIC, OTHER = "t", "u"


class Handler:
    """Gives each record's value as its effect; a batch waits while it is held back."""

    def __init__(self) -> None:
        self.stepped: list[bytes] = []
        self.batches: list[tuple[int, list[bytes]]] = []
        self.forgotten: list[int] = []
        self.refused: set[bytes] = set()
        self.faults: dict[bytes, Exception] = {}
        self.go = asyncio.Event()
        self.go.set()

    def step(self, record: Record) -> bytes:
        value = record.value or b""
        self.stepped.append(value)
        if value in self.faults:
            raise self.faults[value]
        return value

    def size(self, step: bytes) -> int:
        return len(step)

    async def deliver(self, partition: int, steps: Sequence[bytes]) -> None:
        await self.go.wait()
        if self.refused.intersection(steps):
            raise RecordError("refused")
        self.batches.append((partition, list(steps)))

    def forget(self, partition: int) -> None:
        self.forgotten.append(partition)

    def delivered(self, partition: int = 0) -> list[bytes]:
        return [step for at, steps in self.batches if at == partition for step in steps]


class World:
    """A loop with two partitions that are open."""

    def __init__(self, **pace: Any) -> None:
        self.handler, self.offsets, self.letters, self.flow = Handler(), Offsets(), Letters(), Flow()
        self.loop: Loop[bytes] = Loop(
            self.handler, offsets=self.offsets, dead_letters=self.letters, flow=self.flow, fail=self.flow.fail,
            pace=Pace(**{"linger_s": 0.0, **pace}),
        )  # fmt: skip
        self.loop.settled(frozenset((0, 1)))

    async def opened(self) -> "World":
        for partition in (0, 1):
            await self.loop.gained(partition)
        return self

    def take(self, *values: bytes, first: int = 0, partition: int = 0, topic: str = TOPIC) -> None:
        for offset, value in enumerate(values, first):
            self.loop.take(Record(Place(topic, partition), offset, b"k", value))

    def committable(self, partition: int = 0, topic: str = TOPIC) -> int | None:
        return self.offsets.committable(Place(topic, partition))

    async def idle(self) -> None:
        await until(lambda: not self.offsets.in_flight())
        assert self.loop.bytes_waiting == 0


async def test_effects_are_in_place_in_the_order_in_which_records_came_in_each_partition():
    world = await World(max_batch_records=3).opened()
    for number in range(20):
        world.take(b"%d" % number, first=number // 2, partition=number % 2)
    await world.idle()
    for partition in (0, 1):
        assert world.handler.delivered(partition) == [b"%d" % n for n in range(partition, 20, 2)]
        assert world.committable(partition) == 10


async def test_a_record_is_done_only_when_its_effects_are_in_place():
    world = await World().opened()
    world.handler.go.clear()
    world.take(b"a")
    await settle()
    assert world.committable() == 0
    world.handler.go.set()
    await world.idle()
    assert world.committable() == 1


async def test_while_a_batch_is_under_way_the_next_one_is_stepped_and_fills():
    world = await World().opened()
    world.handler.go.clear()
    world.take(b"first")
    await settle()
    world.take(b"a", b"b", b"c", first=1)
    assert world.handler.stepped == [b"first", b"a", b"b", b"c"]
    world.handler.go.set()
    await world.idle()
    assert [len(steps) for _, steps in world.handler.batches] == [1, 3]


async def test_what_lingers_goes_in_one_batch_and_a_full_one_goes_at_once():
    world = await World(linger_s=30, max_batch_bytes=4 * (1 + 10 + 10)).opened()
    for number in range(4):
        world.take(b"0123456789", first=number)
        await asyncio.sleep(0)
    await world.idle()
    assert [len(steps) for _, steps in world.handler.batches] == [4]


@pytest.mark.parametrize("pace", [{"max_batch_bytes": 300}, {"max_batch_records": 2}], ids=["bytes", "records"])
async def test_no_batch_is_larger_than_it_may_be_but_for_a_record_that_is(pace: Any):
    world = await World(**pace).opened()
    world.handler.go.clear()
    world.take(b"first")
    await settle()
    world.take(bytes(70), bytes(70), bytes(700), bytes(70), first=1)
    world.handler.go.set()
    await world.idle()
    most = 2 if "max_batch_records" in pace else 700
    measured = [len(steps) if most == 2 else sum(map(len, steps)) for _, steps in world.handler.batches]
    assert max(measured) == most
    assert all(len(steps) == 1 for _, steps in world.handler.batches if bytes(700) in steps) or most == 2
    assert len(world.handler.delivered()) == 5


async def test_partitions_do_not_wait_for_one_another():
    world = await World().opened()
    ready = asyncio.Event()
    world.handler.faults[b"slow"] = UnknownSchema("not known yet", ready.wait)
    world.take(b"slow")
    world.take(b"a", partition=1)
    await until(lambda: world.committable(1) == 1)
    assert world.committable(0) == 0
    del world.handler.faults[b"slow"]
    ready.set()
    await world.idle()
    assert world.handler.delivered() == [b"slow"]


async def test_topics_that_feed_one_loop_share_the_order_of_a_partition_and_have_their_own_offsets():
    world = await World().opened()
    world.take(b"a")
    world.take(b"b", first=7, topic=OTHER)
    world.take(b"c", first=1)
    await world.idle()
    assert world.handler.delivered() == [b"a", b"b", b"c"]
    assert (world.committable(), world.committable(topic=OTHER)) == (2, 8)


# what cannot be used


async def test_a_step_that_fails_costs_its_record_alone():
    world = await World().opened()
    world.handler.faults[b"bad"] = KeyError("odd")
    world.take(b"a", b"bad", b"b")
    await world.idle()
    assert world.handler.delivered() == [b"a", b"b"]
    assert world.letters.origins == [(TOPIC, 0, 1)]
    assert world.committable() == 3


async def test_a_record_whose_effects_are_refused_is_set_aside_and_later_steps_are_made_anew():
    world = await World().opened()
    world.handler.refused = {b"bad"}
    world.handler.go.clear()
    world.take(b"first")
    await settle()
    world.take(b"a", b"bad", b"b", b"c", first=1)
    world.handler.go.set()
    await world.idle()
    assert world.handler.delivered() == [b"first", b"a", b"b", b"c"]
    assert world.letters.origins == [(TOPIC, 0, 2)]
    assert world.handler.forgotten == [0]
    assert world.handler.stepped == [b"first", b"a", b"bad", b"b", b"c", b"b", b"c"]
    assert world.committable() == 5


async def test_a_fatal_fault_ends_the_worker_and_its_record_is_neither_set_aside_nor_done():
    world = await World().opened()
    fault = FatalError("schemas.json is damaged")
    world.handler.faults = {b"bad": fault}
    world.take(b"a", b"bad", b"b", first=7)
    await until(lambda: world.flow.faults)
    await asyncio.sleep(0.05)
    assert world.flow.faults == [fault]
    assert world.letters.origins == []
    assert world.committable() in {7, 8}
    assert b"b" not in world.handler.stepped


async def test_a_fault_of_delivery_ends_the_worker_once_also_where_a_rebalance_follows(monkeypatch: Any):
    world = await World().opened()

    async def deliver(*_: Any) -> None:
        raise TypeError("odd")

    monkeypatch.setattr(world.handler, "deliver", deliver)
    world.take(b"a")
    await until(lambda: world.flow.faults)
    world.take(b"b", first=1)
    async with asyncio.timeout(1):
        await world.loop.pausing(lapsed=False)
    assert [type(fault) for fault in world.flow.faults] == [TypeError]
    assert world.committable() == 0


async def test_a_step_that_needs_a_schema_waits_for_it_and_what_is_before_it_does_not():
    world = await World(linger_s=30).opened()
    ready = asyncio.Event()
    world.handler.faults[b"new"] = UnknownSchema("not known yet", ready.wait)
    world.take(b"a", b"new", b"b")
    await until(lambda: world.committable() == 1)
    assert world.handler.delivered() == [b"a"]
    del world.handler.faults[b"new"]
    ready.set()
    await until(lambda: world.handler.stepped[-1] == b"b")
    await world.loop.pausing(lapsed=False)  # need not linger
    assert world.handler.delivered() == [b"a", b"new", b"b"]


async def test_a_record_whose_schema_is_lost_is_set_aside():
    world = await World().opened()

    async def lost() -> None:
        raise RecordError("unknown schema id 9")

    world.handler.faults[b"lost"] = UnknownSchema("not known yet", lost)
    world.take(b"a", b"lost", b"b")
    await world.idle()
    assert world.handler.delivered() == [b"a", b"b"]
    assert [str(why) for why in world.letters.why] == ["unknown schema id 9"]
    assert world.letters.origins == [(TOPIC, 0, 1)]


# what is submitted


async def test_what_is_submitted_goes_in_the_order_of_the_partitions_records():
    world = await World(linger_s=30).opened()
    world.take(b"a")
    submitted = asyncio.create_task(world.loop.submit(0, lambda: b"between"))
    await asyncio.sleep(0)
    world.take(b"b", first=1)
    assert not submitted.done()
    await world.loop.pausing(lapsed=False)
    assert await submitted is True
    assert world.handler.delivered() == [b"a", b"between", b"b"]


async def test_who_submits_hears_of_a_step_that_fails_and_of_effects_that_are_refused():
    world = await World().opened()
    world.handler.refused = {b"bad"}

    def fails() -> bytes:
        raise KeyError("odd")

    with pytest.raises(KeyError):
        await world.loop.submit(0, fails)
    with pytest.raises(RecordError):
        await world.loop.submit(0, lambda: b"bad")
    assert world.letters.origins == []


async def test_what_is_submitted_for_a_partition_of_another_worker_is_not_done():
    world = await World().opened()
    assert await world.loop.submit(7, lambda: b"x") is False


async def test_what_was_submitted_and_is_not_in_place_when_a_rebalance_ends_is_not_done():
    world = await World().opened()
    world.handler.go.clear()
    staying, leaving = (asyncio.create_task(world.loop.submit(at, lambda: b"x")) for at in (0, 1))
    await settle()
    world.loop.lost(frozenset((1,)))
    world.loop.settled(frozenset((0,)))
    assert (await staying, await leaving) == (False, False)
    world.handler.go.set()
    await settle()
    assert world.handler.batches == []


# partitions


async def test_a_partition_that_is_not_begun_pauses_alone_and_what_came_of_it_is_stepped_when_it_is():
    world = World()
    await world.loop.gained(1)
    world.take(b"early")
    world.take(b"a", partition=1)
    await until(lambda: world.committable(1) == 1)
    assert world.flow.paused == {Place(TOPIC, 0)}
    assert world.handler.stepped == [b"a"]
    assert world.loop.bytes_waiting == 0
    await world.loop.gained(0)
    assert world.flow.paused == set()
    await world.idle()
    assert world.handler.delivered() == [b"early"]


async def test_a_partition_is_paused_where_too_much_waits_and_goes_on_when_there_is_room_again():
    world = await World(most_waiting_bytes=100).opened()
    world.handler.go.clear()
    world.take(bytes(60), partition=1)
    await settle()
    assert world.flow.paused == {Place(TOPIC, 1)}
    world.handler.go.set()
    await world.idle()
    assert world.flow.paused == set()


async def test_a_rebalance_waits_for_what_is_stepped_and_steps_nothing_more():
    world = await World(linger_s=30).opened()
    world.handler.go.clear()
    world.take(b"a")
    pausing = asyncio.create_task(world.loop.pausing(lapsed=False))
    await settle()
    world.take(b"b", first=1)
    await settle()
    assert not pausing.done()
    world.handler.go.set()
    async with asyncio.timeout(5):
        await pausing
    assert (world.handler.stepped, world.committable()) == ([b"a"], 1)


async def test_a_worker_whose_session_has_lapsed_holds_up_no_rebalance():
    world = await World(linger_s=30).opened()
    world.handler.go.clear()  # as the outbox is, until the next assignment
    world.take(b"a")
    async with asyncio.timeout(1):
        await world.loop.pausing(lapsed=True)
    world.take(b"b", first=1)
    await settle()
    assert (world.handler.stepped, world.committable()) == ([b"a"], 0)


async def test_a_rebalance_does_not_wait_for_ever(monkeypatch: Any):
    monkeypatch.setattr("streams.runtime.kernel.loop.LEAVE_WITHIN_S", 0.01)
    world = await World().opened()
    world.handler.go.clear()
    world.take(b"a")
    async with asyncio.timeout(5):
        await world.loop.pausing(lapsed=False)
    assert world.committable() == 0


@pytest.mark.parametrize("stays", [True, False])
async def test_what_is_dropped_in_a_rebalance_is_never_called_done_and_is_forgotten(*, stays: bool):
    world = await World().opened()
    world.handler.go.clear()
    world.take(b"a")
    await settle()
    if not stays:
        world.loop.lost(frozenset((0,)))
    world.loop.settled(frozenset((0, 1)) if stays else frozenset((1,)))
    world.handler.go.set()
    await settle()
    assert world.handler.batches == []
    assert world.committable() == 0
    assert world.handler.forgotten == [0]
    assert world.loop.bytes_waiting == 0
    world.offsets.forget([Place(TOPIC, 0)])
    world.take(b"a")  # again, where it stays
    await settle()
    assert world.handler.delivered() == ([b"a"] if stays else [])


async def test_a_record_of_a_partition_that_is_not_the_workers_is_left_alone():
    world = await World().opened()
    world.take(b"x", first=50, partition=7)
    await settle()
    assert world.handler.stepped == []
    assert world.committable(7) is None, "committing 51 would lose what is delivered from 20 on"


async def test_a_record_that_comes_again_while_its_work_goes_on_is_not_done_twice():
    world = await World().opened()
    world.handler.go.clear()
    world.take(b"a")
    world.take(b"a")
    world.handler.go.set()
    await world.idle()
    assert world.handler.delivered() == [b"a"]


async def test_others_get_the_event_loop_while_many_records_are_stepped():
    world = World()
    world.take(*(b"%d" % number for number in range(1_000)))
    turns = 0
    await world.loop.gained(0)
    while world.offsets.in_flight():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 1_000 / 64
