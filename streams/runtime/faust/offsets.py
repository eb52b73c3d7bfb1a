"""Committed offsets that never pass a record whose work is not done.

Faust commits past a gap at the head of a partition (with record 10 never acknowledged it committed 20), and
acknowledges by itself what it skips in a rebalance. So Faust says only *when* to commit; *what* may be committed is
answered by an `Acks` per partition (see docs/decisions/0003-own-offsets.md).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import faust
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.transport.drivers.aiokafka import Consumer as FaustConsumer
from faust.types import TP

from streams.runtime.faust.delivery import DirectDelivery
from streams.runtime.faust.nothing_skipped import NothingSkipped
from streams.scheduling.acks import Acks, Begin

#: how long aiokafka's fetcher waits before it looks around without a reason; by default it does five times a second
_LOOK_AGAIN_S: Final = 1.0


class Offsets:
    """One tracker per input partition of this worker."""

    def __init__(self) -> None:
        self._trackers: dict[TP, Acks] = {}

    def fetched(self, tp: TP, offset: int) -> None:
        """Note that a record is on its way to its agent: if it gets lost on it, nothing later is committed."""
        self._tracker(tp).fetched(offset)

    def begin(self, tp: TP, offset: int) -> Begin:
        """Note that work on a record has begun, and return whether it is new."""
        return self._tracker(tp).begin(offset)

    def committed(self, tp: TP, offset: int) -> None:
        """Note that a partition is read from this offset on: what is before it was done, here or elsewhere."""
        tracker = self._trackers.get(tp)
        if tracker is not None:
            tracker.committed(offset)

    def _tracker(self, tp: TP) -> Acks:
        tracker = self._trackers.get(tp)
        if tracker is None:
            tracker = self._trackers[tp] = Acks()
        return tracker

    def done(self, tp: TP, offset: int) -> None:
        """Note that every effect of a record is in place; a record of a partition that has left is passed over."""
        tracker = self._trackers.get(tp)
        if tracker is not None:
            tracker.done(offset)

    def committable(self, tp: TP) -> int | None:
        """Return the offset from which a new owner has to go on, or None where nothing is known."""
        tracker = self._trackers.get(tp)
        return None if tracker is None else tracker.committable

    def in_flight(self, tp: TP | None = None) -> int:
        """Return how many records have begun and are not done, of one partition or of all."""
        trackers = self._trackers.values() if tp is None else filter(None, (self._trackers.get(tp),))
        return sum(tracker.in_work for tracker in trackers)

    def partitions(self) -> Iterator[TP]:
        return iter(tuple(self._trackers))

    def forget(self, tps: Iterable[TP]) -> None:
        """Drop the trackers of partitions that are about to be delivered anew, from their committed offset."""
        for tp in tps:
            self._trackers.pop(tp, None)


class _Thread(AIOKafkaConsumerThread):
    """The thread of Faust's consumer, without what wakes it, and the worker's own loop with it, for nothing."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._consumer_timeout = _LOOK_AGAIN_S  # noqa: SLF001 - Faust has no setting for it
        return consumer

    async def _keepalive2(self) -> None:
        """Do nothing: what one loop hands to the other wakes it by itself."""

    @faust.Service.task  # type: ignore[untyped-decorator]
    async def _thread_keepalive(self) -> None:
        """Do nothing, likewise."""


class Consumer(DirectDelivery, NothingSkipped, FaustConsumer):
    """Faust's consumer, committing what `Offsets` says and skipping no record."""

    offsets: Offsets

    def _new_consumer_thread(self) -> _Thread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        return (tp for tp in self.offsets.partitions() if topics is None or tp in topics or tp.topic in topics)

    def _new_offset(self, tp: TP) -> int | None:
        return self.offsets.committable(tp)

    async def verify_all_partitions_active(self) -> None:
        """Do nothing: who stands still is `Watch`'s to find, and Faust takes a turn of the loop for each partition."""

    async def _commit_offsets(self, offsets: Mapping[TP, int], **_: Any) -> bool:
        """Commit what is still assigned, when the tables' changelogs are stored; return whether that is done.

        Faust's own does the same and renders a table for a debug line each time.
        """
        assignment = self.assignment()
        assigned = {tp: offset for tp, offset in offsets.items() if tp in assignment}
        if not assigned:
            return False
        await self.app.producer.flush()
        if not await self._commit(assigned):
            return False
        self.app.tables.on_commit(assigned)
        self._committed_offset.update(assigned)
        return True
