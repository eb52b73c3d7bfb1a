"""Carries out the effects of records, dead-letters bad ones, and releases their offsets for commit."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final, Generic

from schemas.errors import RecordError
from streams.runtime.kernel.handler import E, Handler, Pace, SetAside
from streams.runtime.kernel.lane import Item, Lane
from streams.runtime.kernel.offsets import Offsets


class Dispatch(Generic[E]):
    """The second half of a record loop, for all of its lanes."""

    def __init__(self, handler: Handler[E], offsets: Offsets, dead_letters: SetAside, pace: Pace) -> None:
        self._handler: Final = handler
        self._offsets: Final = offsets
        self._dead_letters: Final = dead_letters
        self._pace: Final = pace
        self.batches = 0

    async def next_batch(self, lane: Lane[E]) -> None:
        """Return when the lane's first stepped items are done, as many as fit in a batch."""
        await self._first(lane, self._next(lane))

    def step_anew(self, lane: Lane[E]) -> None:
        """Step all items again that are stepped but not done: what they built on has failed."""
        self._handler.forget(lane.partition)
        lane.unstep()

    def _next(self, lane: Lane[E]) -> int:
        """Return how many of the stepped items go next: as many as a batch takes, one at least."""
        size = 0
        for count, item in enumerate(lane.stepped):
            size += item.size
            if count and (size > self._pace.max_batch_bytes or count >= self._pace.max_batch_records):
                return count
        return len(lane.stepped)

    async def _first(self, lane: Lane[E], count: int) -> None:
        """Have the first items' effects put in place, and call the items done."""
        items = [lane.stepped[nth] for nth in range(count)]
        await self._set_aside(items)
        steps = [item.effects for item in items if item.effects is not None]
        try:
            if steps:
                await self._handler.deliver(lane.partition, steps)
        except RecordError as refused:
            if count > 1:
                await self._each(lane, items)
                return
            items[0].why = refused
            await self._set_aside(items)
            self._done(lane, items)
            self.step_anew(lane)
            return
        self.batches += 1
        self._done(lane, items)

    async def _each(self, lane: Lane[E], items: Sequence[Item[E]]) -> None:
        for item in items:
            if not _stands_first(lane, item):
                return  # one before it was refused: the rest is stepped anew
            await self._first(lane, 1)

    async def _set_aside(self, items: Iterable[Item[E]]) -> None:
        """Store the records of items that cannot be used, once each; who submitted one hears of it."""
        letters = []
        for item in items:
            why, item.why = item.why, None
            if why is None:
                continue
            if item.record is not None:
                place, offset, key, value, _ = item.record
                letters.append(self._dead_letters.put(why, origin=(*place, offset), key=key, value=value))
            item.tell(why)
        await asyncio.gather(*letters)

    def _done(self, lane: Lane[E], items: Iterable[Item[E]]) -> None:
        for item in items:
            if not _stands_first(lane, item):
                return  # the lane was begun anew meanwhile: the item comes again
            lane.leave()
            if item.record is not None:
                self._offsets.done(item.record.place, item.record.offset)
            item.tell(True)


def _stands_first(lane: Lane[E], item: Item[E]) -> bool:
    return bool(lane.stepped) and lane.stepped[0] is item
