"""What goes to one partition is stored in order, in batches that fit, and called stored in order."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

import pytest

from streams.gauges.agent_lanes import RECORD_OVERHEAD, Lanes, Pace

Batch = Sequence[tuple[bytes, Sequence[bytes]]]


class Broker:
    """Stores batches when it is told to."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.batches: list[tuple[int, list[tuple[bytes, bytes]]]] = []

    async def send_batch(self, topic: str, partition: int, records: Batch) -> None:
        assert topic == "t"
        await self.open.wait()
        self.batches.append((partition, [(key, value) for key, values in records for value in values]))


def start(work: Coroutine[Any, Any, None], _name: str) -> "asyncio.Task[None]":
    return asyncio.create_task(work)


def lanes(broker: Broker, stored: list[tuple[int, str]], most: int = 1000, linger_s: float = 0) -> Lanes[str]:
    def note(partition: int, works: Sequence[str]) -> None:
        stored.extend((partition, work) for work in works)

    return Lanes(broker, "t", Pace(most, linger_s), note, start)


async def test_works_are_called_stored_in_the_order_in_which_they_came():
    broker, stored = Broker(), []
    to = lanes(broker, stored)
    for number in range(20):
        to.put(number % 2, b"k", [b"%d" % number], f"w{number}")
    await to.drained()
    for partition in (0, 1):
        assert [work for at, work in stored if at == partition] == [f"w{n}" for n in range(partition, 20, 2)]
        sent = [value for at, batch in broker.batches if at == partition for _, value in batch]
        assert sent == [b"%d" % n for n in range(partition, 20, 2)]
    assert (to.bytes_waiting, to.records) == (0, 20)


async def test_while_a_batch_is_under_way_the_next_one_fills():
    broker, stored = Broker(), []
    broker.open.clear()
    to = lanes(broker, stored)
    to.put(0, b"k", [b"first"], "first")
    await asyncio.sleep(0)
    for number in range(5):
        to.put(0, b"k", [b"%d" % number], f"w{number}")
    assert stored == []
    broker.open.set()
    await to.drained()
    assert [len(batch) for _, batch in broker.batches] == [1, 5]


async def test_what_lingers_goes_in_one_batch_and_a_full_one_goes_at_once():
    broker, stored = Broker(), []
    to = lanes(broker, stored, most=4 * (1 + 10 + RECORD_OVERHEAD), linger_s=30)
    for number in range(4):
        to.put(0, b"k", [b"0123456789"], f"w{number}")
        await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await to.drained()
    assert [len(batch) for _, batch in broker.batches] == [4]


async def test_no_batch_is_larger_than_it_may_be():
    broker, stored = Broker(), []
    to = lanes(broker, stored, most=300)
    to.put(0, b"key", [bytes(100) for _ in range(7)], "large")
    to.put(0, b"key", [bytes(90)], "small")
    await to.drained()
    assert all(sum(len(key) + len(value) for key, value in batch) <= 300 for _, batch in broker.batches)
    assert sum(len(batch) for _, batch in broker.batches) == 8
    assert stored == [(0, "large"), (0, "small")]


async def test_a_work_without_records_waits_for_its_turn():
    broker, stored = Broker(), []
    broker.open.clear()
    to = lanes(broker, stored)
    to.put(0, b"k", [b"1"], "first")
    to.put(0, b"", [], "nothing")
    await asyncio.sleep(0.01)
    assert stored == []
    broker.open.set()
    await to.drained()
    assert stored == [(0, "first"), (0, "nothing")]


async def test_there_is_room_again_when_enough_is_stored():
    broker, stored = Broker(), []
    broker.open.clear()
    to = lanes(broker, stored)
    to.put(0, b"k", [bytes(500)], "large")
    waiting = asyncio.create_task(to.room(100))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    broker.open.set()
    async with asyncio.timeout(5):
        await waiting


@pytest.mark.parametrize("dropped", [[0], [0, 1]])
async def test_what_is_dropped_is_never_called_stored(dropped):
    broker, stored = Broker(), []
    broker.open.clear()
    to = lanes(broker, stored)
    for partition in (0, 1):
        to.put(partition, b"k", [b"v"], f"w{partition}")
    await asyncio.sleep(0.01)
    to.drop(dropped)
    broker.open.set()
    await to.drained()
    assert stored == [(partition, f"w{partition}") for partition in (0, 1) if partition not in dropped]
    assert to.bytes_waiting == 0
