"""Reads the ticks topic back: where a new leader continues, and which ticks a new owner's fence needs."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from aiokafka import TopicPartition

from schemas.errors import RecordError
from schemas.records import Tick
from streams.runtime.kafka.replay import partitions_of, read_until, reader


class _Reader(Protocol):
    async def read(self, value: bytes) -> Tick: ...


class KafkaTickLog:
    """Reads the last `lookback` records of each partition without a consumer group."""

    def __init__(self, client_options: Mapping[str, object], topic: str, serde: _Reader, *, lookback: int) -> None:
        self._options = client_options
        self._topic = topic
        self._serde = serde
        self._lookback = lookback

    async def ends(self) -> dict[int, Sequence[Tick]]:
        """Return the last records of every partition, oldest first. Raises KafkaError, BackendError."""
        return await self._read(None)

    async def before(self, offsets: Mapping[int, int]) -> dict[int, Sequence[Tick]]:
        """Return the records before the given offset of each given partition, oldest first. Raises KafkaError."""
        return await self._read(offsets)

    async def _read(self, offsets: Mapping[int, int] | None) -> dict[int, Sequence[Tick]]:
        async with reader(self._options) as consumer:
            if offsets is None:
                tps = await partitions_of(consumer, self._topic)
            else:
                tps = {TopicPartition(self._topic, number) for number in offsets}
            begins = await consumer.beginning_offsets(tps)
            ends = await consumer.end_offsets(tps)
            if offsets is not None:
                ends = {tp: min(end, offsets[tp.partition]) for tp, end in ends.items()}
            consumer.assign(tps)
            for tp in tps:
                consumer.seek(tp, max(begins[tp], ends[tp] - self._lookback))
            found: dict[int, list[Tick]] = {tp.partition: [] for tp in tps}
            async for tp, record in read_until(consumer, ends):
                tick = None if record.value is None else await self._read_tick(record.value)
                if tick is not None:
                    found[tp.partition].append(tick)
            return dict(found)

    async def _read_tick(self, value: bytes) -> Tick | None:
        try:
            return await self._serde.read(value)
        except RecordError:
            return None  # the owner sends it to dead-letters when it is delivered
