"""A Faust consumer that never commits past a record whose work is not finished.

Faust commits past a gap at the head of a partition (with record 10 never acknowledged it committed 20), and
acknowledges by itself what it skips in a rebalance. So Faust says only *when* to commit; *what* may be committed is
answered by an `Acks` per partition (see docs/decisions/0003-own-offsets.md).
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, Final

import faust
from aiokafka.client import ConnectionGroup
from aiokafka.protocol.offset import OffsetRequest
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.transport.drivers.aiokafka import Consumer as FaustConsumer
from faust.types import TP

from streams.runtime.faust.delivery import DirectDelivery
from streams.runtime.faust.ending import bounded
from streams.runtime.faust.nothing_skipped import NothingSkipped
from streams.runtime.kafka.client import pause_unanswered
from streams.runtime.kernel.offsets import Offsets
from streams.runtime.kernel.records import Place

#: how long aiokafka's fetcher waits before it looks around without a reason; by default it does five times a second
_LOOK_AGAIN_S: Final = 1.0
#: a connection to a broker beside those that aiokafka's client has by itself
_OF_OFFSETS: Final = max(ConnectionGroup) + 1


class OffsetsApart:
    """Replaces the `send` of an aiokafka client, so that offset requests use a connection of their own.

    A broker answers what comes over one connection in its order, and a fetch of partitions that have no news waits
    there for 1.5 s: Faust has no setting for that. In a rebalance Faust asks three times where topics begin or end,
    one question after the other, and no partition flows meanwhile.
    """

    def __init__(self, send: Callable[..., Awaitable[Any]]) -> None:
        self._send = send

    async def __call__(self, node_id: int, request: Any, *, group: int = ConnectionGroup.DEFAULT) -> Any:
        apart = isinstance(request, OffsetRequest)
        return await self._send(node_id, request, group=_OF_OFFSETS if apart else group)


class ConsumerThread(AIOKafkaConsumerThread):
    """Faust's consumer thread without the timers that wake it, and the worker's loop with it, for nothing.

    It ends in a bounded time. With Kafka away, aiokafka's `stop` may take very long, or end as a cancelled task does;
    the thread was over then without having said so, and Faust waited a minute for that.
    """

    def _start_thread(self) -> None:
        try:
            super()._start_thread()
        finally:
            self.set_shutdown()

    async def on_thread_stop(self) -> None:
        """Leave the group, if that is possible now."""
        await bounded(super().on_thread_stop(), "leaving the group")

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._consumer_timeout = _LOOK_AGAIN_S  # noqa: SLF001 - Faust has no setting for it
        client = consumer._client  # noqa: SLF001
        client.send = OffsetsApart(client.send)
        pause_unanswered(client)
        return consumer

    async def _keepalive2(self) -> None:
        """Do nothing: what one loop hands to the other wakes it by itself."""

    @faust.Service.task  # type: ignore[untyped-decorator]
    async def _thread_keepalive(self) -> None:
        """Do nothing, likewise."""


class Consumer(DirectDelivery, NothingSkipped, FaustConsumer):
    """Faust's consumer; commits what `Offsets` says, and skips no record."""

    offsets: Offsets

    async def on_stop(self) -> None:
        """Commit for the last time, if that is possible now: the client would retry for as long as Kafka is away."""
        await bounded(super().on_stop(), "the last commit")

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        return (
            TP(*place) for place in self.offsets.places() if topics is None or place in topics or place.topic in topics
        )

    def _new_offset(self, tp: TP) -> int | None:
        return self.offsets.committable(Place(*tp))

    async def verify_all_partitions_active(self) -> None:
        """Do nothing: `Watchdog` finds stuck partitions, and Faust's check costs a turn of the loop for each."""

    async def _commit_offsets(self, offsets: Mapping[TP, int], **_: Any) -> bool:
        """Commit what is still assigned; return whether that is done.

        Faust's own also waits for its producer, which sends nothing here, and renders a table for a debug line.
        """
        assignment = self.assignment()
        assigned = {tp: offset for tp, offset in offsets.items() if tp in assignment}
        if not assigned or not await self._commit(assigned):
            return False
        self._committed_offset.update(assigned)
        return True
