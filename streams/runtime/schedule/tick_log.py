"""Reading the ticks topic back: where a new leader continues, and what a new owner's fence has to know."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.errors import RecordError
from schemas.records import Tick


class _Reader(Protocol):
    async def read(self, value: bytes) -> Tick: ...


class KafkaTickLog:
    """The last `lookback` records of each partition, read by a consumer without a group."""

    def __init__(self, client_options: Mapping[str, Any], topic: str, serde: _Reader, *, lookback: int) -> None:
        self._options = dict(client_options, enable_auto_commit=False, auto_offset_reset="earliest")
        self._topic = topic
        self._serde = serde
        self._lookback = lookback

    async def ends(self) -> dict[int, Sequence[Tick]]:
        """Return the last records of every partition, oldest first. Raises KafkaError."""
        return await self._read(None)

    async def before(self, offsets: Mapping[int, int]) -> dict[int, Sequence[Tick]]:
        """Return the records before the given offset of each given partition, oldest first. Raises KafkaError."""
        return await self._read(offsets)

    async def _read(self, offsets: Mapping[int, int] | None) -> dict[int, Sequence[Tick]]:
        consumer = AIOKafkaConsumer(**self._options)
        await consumer.start()
        try:
            partitions = offsets if offsets is not None else consumer.partitions_for_topic(self._topic) or ()
            if not partitions:  # the topic is not in the client's metadata before it is asked for
                partitions = await consumer._client._wait_on_metadata(self._topic)  # noqa: SLF001
            tps = {TopicPartition(self._topic, number) for number in partitions}
            begins = await consumer.beginning_offsets(tps)
            ends = await consumer.end_offsets(tps)
            if offsets is not None:
                ends = {tp: min(end, offsets[tp.partition]) for tp, end in ends.items()}
            consumer.assign(tps)
            found: dict[int, list[Tick]] = {tp.partition: [] for tp in tps}
            for tp in tps:
                consumer.seek(tp, max(begins[tp], ends[tp] - self._lookback))
            await self._drain(consumer, ends, found)
            return dict(found)
        finally:
            await consumer.stop()

    async def _drain(
        self, consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int], found: Mapping[int, list[Tick]]
    ) -> None:
        unread = {tp for tp, end in ends.items() if await consumer.position(tp) < end}
        while unread:
            batches = await consumer.getmany(*unread, timeout_ms=1_000)
            for tp, records in batches.items():
                for record in records:
                    if record.offset < ends[tp] and record.value is not None:
                        tick = await self._read_tick(record.value)
                        if tick is not None:
                            found[tp.partition].append(tick)
            unread = {tp for tp in unread if await consumer.position(tp) < ends[tp]}

    async def _read_tick(self, value: bytes) -> Tick | None:
        try:
            return await self._serde.read(value)
        except RecordError:
            return None  # the owner sends it to dead-letters when it is delivered
