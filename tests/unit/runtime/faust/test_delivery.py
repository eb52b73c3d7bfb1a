"""A record's delivery is tried at once, and waits as Faust's does where it has to."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from mode import Service

from streams.runtime.faust.delivery import DirectDelivery


class _Service(Service):
    """What a consumer of Faust is, as far as delivery goes."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[str] = []
        self.room = asyncio.Event()
        self.suspended = asyncio.Event()

        async def callback(record: Any) -> None:
            if record.topic == "bad":
                raise ValueError(record.topic)
            if record.topic == "late":
                await self.room.wait()
                await asyncio.sleep(0)
            self.taken.append(record.topic)

        self.callback = callback


class Consumer(DirectDelivery, _Service):
    """A service that delivers."""

    async def deliver(self, topic: str) -> Any:
        return await self.wait_first(self.callback(SimpleNamespace(topic=topic)), self.suspended.wait())


async def test_a_delivery_that_need_not_wait_is_done_without_a_task():
    consumer = Consumer()
    before = len(asyncio.all_tasks())
    step = consumer.deliver("now")
    with pytest.raises(StopIteration):
        step.send(None)
    assert consumer.taken == ["now"]
    assert len(asyncio.all_tasks()) == before


async def test_a_delivery_that_waits_is_waited_for():
    consumer = Consumer()
    delivery = asyncio.create_task(consumer.deliver("late"))
    await asyncio.sleep(0.01)
    assert consumer.taken == []
    consumer.room.set()
    async with asyncio.timeout(5):
        await delivery
    assert consumer.taken == ["late"]


async def test_a_suspended_flow_ends_the_wait_and_the_delivery():
    consumer = Consumer()
    delivery = asyncio.create_task(consumer.deliver("late"))
    await asyncio.sleep(0.01)
    consumer.suspended.set()
    async with asyncio.timeout(5):
        await delivery
    consumer.room.set()
    await asyncio.sleep(0.01)
    assert consumer.taken == []


async def test_a_fault_of_the_delivery_comes_out():
    with pytest.raises(ValueError, match="bad"):
        await Consumer().deliver("bad")


async def test_waiting_for_other_things_is_fausts_own():
    consumer = Consumer()
    consumer.room.set()
    results = await consumer.wait_first(consumer.room.wait(), consumer.suspended.wait(), timeout=5)
    assert len(results.done) == 1
