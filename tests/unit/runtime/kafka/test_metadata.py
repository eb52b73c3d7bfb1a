"""While no broker answers, a client asks for metadata twice a second, not as often as it can."""

import asyncio
import contextlib

from streams.runtime.kafka.client import UNANSWERED_S, MetadataPause


class Broker:
    def __init__(self, *, answers: bool) -> None:
        self._answers = answers
        self.asked = 0

    async def update(self, *_: object) -> bool:
        self.asked += 1
        return self._answers


async def asked_within(broker: Broker, seconds: float) -> int:
    update = MetadataPause(broker.update)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while broker.asked < 1000:
                assert await update("cluster", ["a topic"]) is broker._answers
    return broker.asked


async def test_who_is_not_answered_waits_before_asking_again() -> None:
    assert await asked_within(Broker(answers=False), 1.5 * UNANSWERED_S) <= 2


async def test_an_answer_comes_at_once() -> None:
    assert await asked_within(Broker(answers=True), 60) == 1000
