"""Hands inputs' records to the worker a fetched batch at a time, and skips none.

A record that goes Faust's way, through its conductor, a channel and a stream, costs more than most stages' work on it,
and nothing of that is used here: so inputs take what was fetched as it is. Changelogs go Faust's way, to its recovery.

What a fetch brings while the flow is suspended is dropped, and so is the rest of a batch when a rebalance begins, and
what is at hand of a partition that is paused; but the position stays behind it. An input's next record is then a later
one, its offset is committed, and the records between are lost without a trace. A changelog's recovery waits for its
last record for ever. So:

- a partition whose records were not all handed on is set back to the first of these, unless it was moved meanwhile;
- an input's batch that does not begin with the next record sets its partition back: the order is checked where records
  come in. What one fetch brought has no gaps but those of the topic (compaction, retention). Before its first record
  there may be one: if that record comes again then those before it do not exist. This costs a compacted topic a second
  fetch where a hole lies between two, and nothing for the holes within.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from faust.types import TP

from streams.runtime.kernel.records import Place, Record

log = logging.getLogger(__name__)

#: records that are taken in one turn of the event loop, at most: some milliseconds
TAKEN_AT_ONCE: Final = 64


class _Offsets(Protocol):
    def fetched(self, place: Place, offset: int) -> None: ...

    def committed(self, place: Place, offset: int) -> None: ...


class _Batch:
    """What one fetch brought of a partition."""

    __slots__ = ("_handed_on", "_records")

    def __init__(self, records: Sequence[Any]) -> None:
        self._records = records
        self._handed_on = 0

    @property
    def first(self) -> int:
        """Return the offset of the first record that was not handed on, the one behind the last where all were."""
        left = self._handed_on
        return int(self._records[left].offset) if left < len(self._records) else self.behind

    @property
    def behind(self) -> int:
        return int(self._records[-1].offset) + 1

    def hand_on(self) -> None:
        self._handed_on += 1

    def left(self) -> Sequence[Any]:
        """Return some of the records that were not handed on, those that come next."""
        return self._records[self._handed_on : self._handed_on + TAKEN_AT_ONCE]


class NothingSkipped:
    """A mixin for Faust's consumers that skips no record."""

    app: Any
    flow_active: bool
    offsets: _Offsets
    takes: Mapping[str, Callable[[Record], None]]  #: an input's topic -> what takes its records

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._fetched: dict[TP, _Batch] = {}
        self._next: dict[TP, int] = {}  #: the offset that has to come next, of each partition that is read
        self._leap: dict[TP, tuple[int, int]] = {}  #: from where to where the last leap led, before it was checked
        self._seeks = 0  #: to committed offsets, that have begun
        self._found = 0  #: the newest of these that has found them

    async def seek_to_committed(self) -> Mapping[Any, int | None]:
        """Reset all partitions to their committed offsets, those without one to their beginning.

        Faust may begin another before this has ended, for a newer assignment: what is found after that one is dropped.
        """
        self._seeks = this = self._seeks + 1
        found: Mapping[Any, int | None] = await super().seek_to_committed()  # type: ignore[misc]
        committed = {TP(*tp): offset for tp, offset in found.items() if tp.topic in self.takes}
        fresh = [tp for tp, offset in committed.items() if not offset]
        mine: Any = self
        begins = await mine.earliest_offsets(*fresh) if fresh else {}
        if this > self._found:
            self._found = this
            self._next = {tp: offset or begins.get(tp, 0) for tp, offset in committed.items()}
            for tp, offset in self._next.items():
                self.offsets.committed(Place(*tp), offset)
            self._leap.clear()
        return found

    async def _getmany(self, active_partitions: Any, timeout: float) -> Mapping[TP, Sequence[Any]]:  # noqa: ASYNC109
        records: Mapping[TP, Sequence[Any]] = await super()._getmany(active_partitions, timeout)  # type: ignore[misc]
        self._fetched = {tp: _Batch(batch) for tp, batch in records.items() if batch}
        return records

    async def _wait_next_records(self, timeout: float) -> tuple[Any, Any]:  # noqa: ASYNC109 - as Faust has it
        """Hand on what was fetched of inputs; return the rest."""
        records, active = await super()._wait_next_records(timeout)  # type: ignore[misc]
        generation = self.app.consumer_generation_id
        for tp in [tp for tp in self._fetched if tp.topic in self.takes]:
            if not await self._taken(tp, generation):
                return None, active  # a rebalance has begun
            del records[tp]
        return records, active

    async def _taken(self, tp: TP, generation: int) -> bool:
        """Have a partition's records taken, also where it is paused meanwhile; return whether the flow goes on.

        What would be left is fetched again as a whole, and `options.py` keeps it small.
        """
        batch, place, take = self._fetched[tp], Place(*tp), self.takes[tp.topic]
        if await self._leaps(tp, batch.first):
            del self._fetched[tp]
            return True
        while records := batch.left():
            if not self.flow_active or self.app.consumer_generation_id != generation:
                return False
            for one in records:
                self._next[tp] = one.offset + 1
                self.offsets.fetched(place, one.offset)
                batch.hand_on()
                take(Record(place, one.offset, one.key, one.value, one.timestamp))
            await asyncio.sleep(0)
        return True

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:  # noqa: ASYNC109 - as Faust has it
        """Yield the fetched records of changelogs; those of inputs are taken meanwhile."""
        try:
            async for tp, message in super().getmany(timeout):  # type: ignore[misc]
                yield tp, message
                if tp in self._fetched:
                    self._fetched[tp].hand_on()
        finally:
            await self._give_back()

    async def _give_back(self) -> None:
        """Set back the partitions of which the last fetch brought more than was handed on."""
        left = {tp: (batch.first, batch.behind) for tp, batch in self._fetched.items() if batch.first < batch.behind}
        self._fetched = {}
        if left:
            mine: Any = self
            await mine._thread.call_thread(self._set_back_if_unmoved, left)  # noqa: SLF001 - positions live in its loop

    async def _set_back_if_unmoved(self, left: Mapping[TP, tuple[int, int]]) -> None:
        mine: Any = self
        consumer = mine._thread._ensure_consumer()  # noqa: SLF001
        subscription = consumer._subscription.subscription  # noqa: SLF001 - `position()` would wait for one
        assignment = None if subscription is None else subscription.assignment
        for tp, (first, behind) in left.items():
            state = None if assignment is None else assignment.state_value(tp)
            if state is not None and state.has_valid_position and state.position == behind:
                state.seek(first)
                log.info("fetching again topic=%s partition=%d from=%d to=%d", tp.topic, tp.partition, first, behind)

    async def _leaps(self, tp: TP, offset: int) -> bool:
        """Return whether a batch begins too late; its partition is set back then."""
        wanted = self._next.get(tp, offset)
        if offset <= wanted or self._leap.get(tp) == (wanted, offset):
            return False
        self._leap[tp] = (wanted, offset)
        log.info("fetching again topic=%s partition=%d from=%d came=%d", tp.topic, tp.partition, wanted, offset)
        mine: Any = self
        await mine.seek(tp, wanted)
        return True
