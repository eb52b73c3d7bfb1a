"""Records are taken as they come: many at once where many have come, and none waits for another."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

from streams.runtime.faust.offsets import Offsets
from streams.runtime.kernel import folding
from streams.runtime.kernel.folding import Effects, Received, fold_topic


class Stream:
    """Events in a queue; `come` puts more of them there."""

    def __init__(self) -> None:
        self.queue: deque[Any] = deque()
        self.more = asyncio.Event()
        self.channel = SimpleNamespace(empty=lambda: not self.queue)

    def noack(self) -> "Stream":
        return self

    def come(self, *keys: str) -> None:
        for key in keys:
            message = SimpleNamespace(
                tp=("t", 0), topic="t", partition=0, offset=len(key), key=key.encode(), value=None, generation_id=1
            )
            self.queue.append(SimpleNamespace(message=message))
        self.more.set()

    async def events(self) -> AsyncIterator[Any]:
        while True:
            await self.more.wait()
            self.more.clear()
            while self.queue:
                yield self.queue.popleft()


class Gate:
    """Notes which records are in work at the same time."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.sent = asyncio.Event()

    async def send(self, _topic: str, key: bytes, _value: bytes | None) -> None:
        self.batches[-1].append(key.decode())
        await self.sent.wait()


async def test_what_has_come_is_taken_at_once_and_the_last_of_it_waits_for_nothing(monkeypatch: Any) -> None:
    monkeypatch.setattr(folding, "_MAX_BATCH", 3)
    gate, stream = Gate(), Stream()
    app: Any = SimpleNamespace(offsets=Offsets(), consumer_generation_id=1, outbox=gate)

    def step(received: Received[Any]) -> Effects:
        if not gate.batches or gate.sent.is_set():
            gate.batches.append([])
            gate.sent.clear()
        return Effects(sends=[folding.Send("out", received.key, None)])

    async def taken(count: int) -> list[str]:
        async with asyncio.timeout(5):
            while sum(map(len, gate.batches)) < count:
                await asyncio.sleep(0)
        gate.sent.set()
        return sorted(gate.batches[-1])

    task = asyncio.create_task(fold_topic(app, stream, SimpleNamespace(), {}, step))
    stream.come("a")
    assert await taken(1) == ["a"]
    stream.come("a", "b", "c", "d")
    assert await taken(4) == ["a", "b", "c"]
    assert await taken(5) == ["d"]
    task.cancel()
