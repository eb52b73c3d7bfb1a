"""Fetches again the records that Faust's consumer drops around a rebalance or a pause.

What a fetch brings while the flow is suspended is dropped, and so is the rest of a batch when a rebalance begins, and
what is at hand of a partition that is paused; but the position stays behind it. An input's next record is then a later
one, its offset is committed, and the records between are lost without a trace. A changelog's recovery waits for its
last record for ever. So:

- a partition whose records were not all handed on is set back to the first of these, unless it was moved meanwhile;
- an input's record that is not the next one sets its partition back: the order is checked where records come in. What
  one fetch brought has no gaps but those of the topic (compaction, retention). Before its first record there may be
  one: if that record comes again then those before it do not exist. This costs a compacted topic a second fetch where a
  hole lies between two, and nothing for the holes within.
"""

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol

from faust.types import TP

from streams.runtime.kernel.records import Place

log = logging.getLogger(__name__)


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
    def second(self) -> int:
        """Return the offset that comes behind the first one."""
        then = self._handed_on + 1
        return int(self._records[then].offset) if then < len(self._records) else self.behind

    @property
    def behind(self) -> int:
        return int(self._records[-1].offset) + 1

    def hand_on(self) -> None:
        self._handed_on += 1


class NothingSkipped:
    """A mixin for Faust's consumers that skips no record."""

    app: Any
    offsets: _Offsets

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._fetched: dict[TP, _Batch] = {}
        self._next: dict[TP, int] = {}  #: the offset that has to come next, of each partition that is read
        self._leap: dict[TP, tuple[int, int]] = {}  #: from where to where the last leap led, before it was checked
        self._seeks = 0  #: to committed offsets, that have begun
        self._found = 0  #: the newest of these that has found them
        self.set_back = 0  #: how often records had been skipped, or did not exist

    async def seek_to_committed(self) -> Mapping[Any, int | None]:
        """Reset all partitions to their committed offsets, those without one to their beginning.

        Faust may begin another before this has ended, for a newer assignment: what is found after that one is dropped.
        """
        self._seeks = this = self._seeks + 1
        found: Mapping[Any, int | None] = await super().seek_to_committed()  # type: ignore[misc]
        committed = {TP(*tp): offset for tp, offset in found.items() if self._is_input(tp)}
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

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:  # noqa: ASYNC109 - as Faust has it
        """Yield the fetched records, each partition's without a gap."""
        leapt: set[TP] = set()
        try:
            async for tp, message in super().getmany(timeout):  # type: ignore[misc]
                if tp in leapt:
                    continue
                if self._is_input(tp):
                    if await self._leaps(tp, message.offset):
                        leapt.add(tp)
                        self._fetched.pop(tp, None)
                        continue
                    self._next[tp] = self._fetched[tp].second
                    self.offsets.fetched(Place(*tp), message.offset)
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
                self.set_back += 1
                log.info("fetching again topic=%s partition=%d from=%d to=%d", tp.topic, tp.partition, first, behind)

    def _is_input(self, tp: TP) -> bool:
        return bool(self.app.topics.acks_enabled_for(tp.topic))

    async def _leaps(self, tp: TP, offset: int) -> bool:
        """Return whether a record came too early; its partition is set back then."""
        exists, wanted = self._fetched[tp].first, self._next.get(tp, offset)
        if exists == offset:  # nothing of this fetch was left out, but may be before it
            if offset <= wanted or self._leap.get(tp) == (wanted, offset):
                return False
            self._leap[tp] = (wanted, offset)
        first = min(exists, wanted)
        self.set_back += 1
        log.info("fetching again topic=%s partition=%d from=%d came=%d", tp.topic, tp.partition, first, offset)
        mine: Any = self
        await mine.seek(tp, first)
        return True
