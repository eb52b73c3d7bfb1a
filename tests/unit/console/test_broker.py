"""Kafka is asked by one, however many look, and nobody waits longer than a moment for it."""

import asyncio
import time

import pytest

from schemas.errors import BackendError
from streams.console.agent_broker import PATIENCE_S, Broker
from streams.console.pages.reads import BrokerFacts
from streams.runtime.settings.loading import load

SETTINGS = load(None, {})
FACTS = BrokerFacts({"gauges": 1}, [], {})


class Slow(Broker):
    """A Kafka that answers when a test lets it."""

    def __init__(self) -> None:
        super().__init__(SETTINGS)
        self.asked = 0
        self.answers = asyncio.Event()
        self.fault: Exception | None = None

    async def _facts(self) -> BrokerFacts:
        self.asked += 1
        await self.answers.wait()
        if self.fault is not None:
            raise self.fault
        return FACTS


async def test_many_who_look_wait_a_moment_and_kafka_is_asked_once():
    broker = Slow()
    began_s = time.monotonic()
    told = await asyncio.gather(*(broker.facts() for _ in range(50)), return_exceptions=True)
    assert all(isinstance(each, BackendError) for each in told)
    assert PATIENCE_S <= time.monotonic() - began_s < 5 * PATIENCE_S
    broker.answers.set()
    assert [await broker.facts() for _ in range(3)] == [FACTS] * 3
    assert (broker.asked, broker.lately()) == (1, FACTS)


async def test_what_kafka_complains_of_is_told():
    broker = Slow()
    broker.fault = OSError("no route")
    broker.answers.set()
    with pytest.raises(BackendError, match="no route"):
        await broker.facts()
    assert broker.lately() is None
