"""Records that Faust's consumer would skip after a rebalance are fetched again.

While tables recover, Faust fetches and throws away: what a fetch brings while the flow is suspended, or while the
partitions are being set back to their committed offsets one after the other, is dropped, but the position stays
behind it. The next record that comes is a later one, its work is done, and its offset is committed: the records
between are lost without a trace. So the order is checked here, where records come in: one that is not the next sets the
partition back. If the same one comes again then the records between do not exist (compaction, retention).

A compacted topic may have a hole behind every record, and each costs a fetch. So a partition is set back only so many
times after a rebalance: what Faust threw away shows at the first leaps.
"""

import logging
from collections.abc import AsyncIterator
from typing import Any, Final, Protocol

from faust.types import TP

log = logging.getLogger(__name__)


_SET_BACKS: Final = 20  #: of one partition, between two rebalances


class _Offsets(Protocol):
    def fetched(self, tp: TP, offset: int) -> None: ...


class NothingSkipped:
    """For consumers of Faust: a mixin that stands before its class."""

    app: Any
    offsets: _Offsets

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._next: dict[TP, int] = {}  #: the offset that has to come next, of each partition that is read
        self._leap: dict[TP, tuple[int, int]] = {}  #: from where to where the last leap led, before it was checked
        self._set_backs: dict[TP, int] = {}  #: of each partition since the last rebalance
        self.set_back = 0  #: how often records had been skipped, or did not exist

    async def perform_seek(self) -> None:
        """Set all partitions back to their committed offsets, those without one to their beginning."""
        await super().perform_seek()  # type: ignore[misc]
        mine: Any = self
        read = {tp for tp in mine.assignment() if self._is_input(tp)}
        committed = {tp: mine._committed_offset.get(tp) for tp in read}  # noqa: SLF001
        fresh = [tp for tp, offset in committed.items() if not offset]
        begins = await mine.earliest_offsets(*fresh) if fresh else {}
        self._next = {tp: offset or begins.get(tp, 0) for tp, offset in committed.items()}
        self._leap.clear()
        self._set_backs.clear()

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:  # noqa: ASYNC109 - as Faust has it
        """Yield the records that came, each partition's without a gap."""
        waiting: set[TP] = set()
        async for tp, message in super().getmany(timeout):  # type: ignore[misc]
            if not self._is_input(tp):
                yield tp, message
            elif tp not in waiting:
                if await self._leaps(tp, message.offset):
                    waiting.add(tp)
                    continue
                self._next[tp] = message.offset + 1
                self.offsets.fetched(tp, message.offset)
                yield tp, message

    def _is_input(self, tp: TP) -> bool:
        return bool(self.app.topics.acks_enabled_for(tp.topic))

    async def _leaps(self, tp: TP, offset: int) -> bool:
        """Return whether a record came too early; its partition is set back then."""
        wanted = self._next.get(tp)
        if wanted is None or offset <= wanted or self._leap.get(tp) == (wanted, offset):
            return False
        so_often = self._set_backs.get(tp, 0)
        if so_often >= _SET_BACKS:
            return False
        self._set_backs[tp] = so_often + 1
        self._leap[tp] = (wanted, offset)
        self.set_back += 1
        log.info("fetching again topic=%s partition=%d from=%d came=%d", tp.topic, tp.partition, wanted, offset)
        mine: Any = self
        await mine.seek(tp, wanted)
        return True
