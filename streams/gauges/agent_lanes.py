"""Lanes: what is sent to one partition goes out in order, one batch after the other, and is called done in that order.

While a batch is under way the next one fills, so batches are small when little happens and large under load, and
waiting for the broker costs no round trip per event.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

W = TypeVar("W")

#: what a record takes in a batch beside its key and its value, at most (Kafka's record format, version 2)
RECORD_OVERHEAD: Final = 32


class BatchSender(Protocol):
    async def send_batch(self, topic: str, partition: int, records: Sequence[tuple[bytes, Sequence[bytes]]]) -> None:
        """Return when all records (keys, each with its values) are stored, in their order."""
        ...


class _Load(NamedTuple, Generic[W]):
    """What one event sends; it may send nothing, and still has its turn."""

    key: bytes
    values: Sequence[bytes]
    size: int
    work: W


class _Lane(Generic[W]):
    """The way to one partition."""

    def __init__(self) -> None:
        self.loads: Final[deque[_Load[W]]] = deque()  #: a load stays in line until it is stored
        self.size = 0
        self.full: Final = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    def next(self, most: int) -> list[_Load[W]]:
        """Return the loads that go next: as many as one batch takes, and one at least."""
        chosen: list[_Load[W]] = []
        size = 0
        for load in self.loads:
            size += load.size
            if chosen and size > most:
                break
            chosen.append(load)
        return chosen


class Pace(NamedTuple):
    max_batch_bytes: int
    linger_s: float  #: how long a batch that is not full waits for more


class Lanes(Generic[W]):
    """The lanes to the partitions of one topic."""

    def __init__(
        self,
        sender: BatchSender,
        topic: str,
        pace: Pace,
        stored: Callable[[int, Sequence[W]], None],
        start: Callable[[Coroutine[Any, Any, None], str], "asyncio.Task[None]"],
    ) -> None:
        """`stored` is called with a partition and the works all of whose records are stored, in order.

        `start` makes a task of a lane's work; a fault in it must end the worker.
        """
        self._sender: Final = sender
        self._topic: Final = topic
        self._max_batch_bytes: Final = pace.max_batch_bytes
        self._linger_s: Final = pace.linger_s
        self._stored: Final = stored
        self._start: Final = start
        self._lanes: Final[dict[int, _Lane[W]]] = {}
        self._freed: Final = asyncio.Event()
        self.bytes_waiting = 0  #: handed in and not yet stored
        self.batches = 0
        self.records = 0

    def put(self, partition: int, key: bytes, values: Sequence[bytes], work: W) -> None:
        """Send records of one key to a partition; `work` is stored after everything that was put there before."""
        size = sum(map(len, values)) + (len(key) + RECORD_OVERHEAD) * len(values)
        lane = self._lanes.get(partition)
        if lane is None:
            lane = self._lanes[partition] = _Lane()
        lane.loads.append(_Load(key, values, size, work))
        lane.size += size
        self.bytes_waiting += size
        if lane.task is None:
            lane.task = self._start(self._run(partition, lane), f"lane {self._topic}/{partition}")
        elif lane.size >= self._max_batch_bytes:
            lane.full.set()

    async def room(self, most: int) -> None:
        """Return when no more than so many bytes are waiting."""
        while self.bytes_waiting > most:
            self._freed.clear()
            await self._freed.wait()

    async def drained(self) -> None:
        """Return when everything that was put is stored."""
        while tasks := [lane.task for lane in self._lanes.values() if lane.task is not None]:
            await asyncio.wait(tasks)

    def drop(self, partitions: Iterable[int]) -> None:
        """Forget what was put for partitions that have left; what is under way may still be stored."""
        for partition in partitions:
            lane = self._lanes.pop(partition, None)
            if lane is None:
                continue
            if lane.task is not None:
                lane.task.cancel()
            self.bytes_waiting -= lane.size
        self._freed.set()

    async def _run(self, partition: int, lane: _Lane[W]) -> None:
        while lane.loads:
            if self._linger_s and lane.size < self._max_batch_bytes:
                lane.full.clear()
                await _within(lane.full, self._linger_s)
            loads = lane.next(self._max_batch_bytes)
            for part in self._parts(loads):
                await self._sender.send_batch(self._topic, partition, part)
                self.batches += 1
            for load in loads:
                lane.loads.popleft()
                lane.size -= load.size
                self.bytes_waiting -= load.size
                self.records += len(load.values)
            self._stored(partition, [load.work for load in loads])
            self._freed.set()
        lane.task = None

    def _parts(self, loads: Sequence[_Load[W]]) -> Iterable[Sequence[tuple[bytes, Sequence[bytes]]]]:
        """Yield what goes as one batch; only what one event sends can be more than that."""
        if len(loads) > 1 or loads[0].size <= self._max_batch_bytes:
            if whole := [(load.key, load.values) for load in loads if load.values]:
                yield whole
            return
        key, values = loads[0].key, loads[0].values
        first, size = 0, 0
        for number, value in enumerate(values):
            more = len(key) + len(value) + RECORD_OVERHEAD
            if number > first and size + more > self._max_batch_bytes:
                yield [(key, values[first:number])]
                first, size = number, 0
            size += more
        yield [(key, values[first:])]


async def _within(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return
