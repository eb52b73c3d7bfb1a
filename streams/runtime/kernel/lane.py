"""Keeps one partition's records in order: waiting, stepped, in place. It makes no step and no effect."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, Generic, NoReturn

from schemas.errors import RecordError
from streams.runtime.kernel.handler import E, Flow
from streams.runtime.kernel.records import Place, Record
from streams.runtime.registry.serde import UnknownSchema


class Item(Generic[E]):
    """A record, or work submitted beside the records, in progress."""

    __slots__ = ("_done", "effects", "record", "size", "step", "unknown", "why")

    def __init__(self, record: Record | None, step: Callable[[], E], done: "asyncio.Future[bool] | None") -> None:
        """`done`: what who submitted it waits for; it says whether the effects are in place."""
        self.record = record
        self.step = step
        self._done = done
        self.effects: E | None = None
        self.unknown: UnknownSchema | None = None  #: it is to be fetched before the step can be made
        self.why: Exception | None = None  #: it is to be set aside
        self.size = record.size if record is not None else 0

    async def prepare(self) -> None:
        """Fetch the schema that the step needs; if that fails, the step raises the error."""
        if self.unknown is None:
            return
        try:
            await self.unknown.prepare()
        except RecordError as why:
            self.step = _raising(why)

    def unstep(self) -> None:
        """Reset the item to its state before the step."""
        self.size = self.record.size if self.record is not None else 0
        self.effects = self.why = None

    def tell(self, outcome: bool | Exception) -> None:
        """Tell the submitter whether the effects were carried out, or why they never will be."""
        if self._done is None or self._done.done():
            return
        if isinstance(outcome, Exception):
            self._done.set_exception(outcome)
        else:
            self._done.set_result(outcome)


def _raising(why: Exception) -> Callable[[], NoReturn]:
    def raises() -> NoReturn:
        raise why

    return raises


class Room:
    """Bounds how much is in progress in all open lanes of a loop; beyond it no more records are delivered."""

    def __init__(self, most_bytes: int, flow: Flow) -> None:
        self._most_bytes: Final = most_bytes
        self.flow: Final = flow
        self.bytes = 0  #: of records and effects

    @property
    def is_full(self) -> bool:
        return self.bytes > self._most_bytes

    @property
    def is_roomy(self) -> bool:
        """Return whether enough has been finished for paused partitions to resume."""
        return self.bytes <= self._most_bytes // 2


class Lane(Generic[E]):
    """The queue of one partition while the worker has it, until a rebalance starts it anew."""

    def __init__(self, partition: int, room: Room) -> None:
        self.partition: Final = partition
        self.is_open = False
        self.is_broken = False  #: what it delivers ended in a fault, and is not tried again
        self.waiting: deque[Item[E]] = deque()  #: not stepped yet
        self.stepped: deque[Item[E]] = deque()  #: an item stays in line until its effects are in place
        self.stepped_bytes = 0
        self.task: asyncio.Task[None] | None = None
        self._room: Final = room
        self._bytes = 0  #: of everything in line
        self._paused: set[Place] = set()

    def open(self) -> None:
        """Start waiting items, and count them in the shared limit."""
        self.is_open = True
        self._room.bytes += self._bytes

    def join(self, item: Item[E]) -> None:
        """Add a new item; it is stepped, or waits."""
        self._grow(item.size)

    def line_up(self, item: Item[E], effects_bytes: int) -> None:
        """Queue a stepped item for its effects."""
        item.size += effects_bytes
        self._grow(effects_bytes)
        self.stepped.append(item)
        self.stepped_bytes += item.size

    def leave(self) -> None:
        """Remove the first stepped item, whose effects are done."""
        item = self.stepped.popleft()
        self.stepped_bytes -= item.size
        self._grow(-item.size)

    def unstep(self) -> None:
        """Move stepped items back to the front of the waiting ones."""
        for item in reversed(self.stepped):
            stepped_bytes = item.size
            item.unstep()
            self._grow(item.size - stepped_bytes)
            self.waiting.appendleft(item)
        self.stepped.clear()
        self.stepped_bytes = 0

    def clear(self) -> None:
        """Drop everything; it is delivered again, to this worker or another."""
        if self.task is not None:
            self.task.cancel()
            self.task = None
        for item in (*self.stepped, *self.waiting):
            item.tell(False)
        self.stepped.clear()
        self.waiting.clear()
        self.stepped_bytes = 0
        self._grow(-self._bytes)
        self.resume()
        self.is_broken = False

    def pause(self, place: Place) -> None:
        """Stop the delivery of one of the partition's topics."""
        if place not in self._paused:
            self._paused.add(place)
            self._room.flow.pause(place)

    def resume(self) -> None:
        """Continue the delivery of all topics."""
        for place in self._paused:
            self._room.flow.resume(place)
        self._paused.clear()

    def _grow(self, size: int) -> None:
        self._bytes += size
        if self.is_open:
            self._room.bytes += size
