"""Reads a whole topic without a consumer group: from the beginning or a time, then follows it, in every process.

For what is small and wanted everywhere: the inventory, enriched resources, the topology; and for the last of what is
not small.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from schemas.errors import BackendError
from streams.runtime.kafka.replay import partitions_of, reader, seek
from streams.runtime.kernel.records import Place, Record
from streams.runtime.ops.waiting import wait_for

log = logging.getLogger(__name__)

_FETCH_MS: Final = 500
_AT_ONCE: Final = 500


async def nothing() -> None:
    """Do nothing."""


class View:
    """Reads one topic from its beginning or from a time on, and follows it."""

    def __init__(
        self,
        client_options: Mapping[str, object],
        topic: str,
        take: Callable[[Record], None],
        since_ms: Callable[[], int] | None = None,
        settle: Callable[[], Awaitable[None]] = nothing,
    ) -> None:
        """`take` is given every record, in order within a partition; after an outage of the broker, the later ones.

        `since_ms` leaves out what was stored before that time; `settle` is awaited after every few hundred records,
        and no more of them come meanwhile.
        """
        self._options: Final = client_options
        self._topic: Final = topic
        self._take: Final = take
        self._since_ms: Final = since_ms
        self._settle: Final = settle
        self._next: dict[TopicPartition, int] = {}  #: the offset to read next, of each partition
        self._caught_up: Final = asyncio.Event()
        self.lag = 0  #: records that stand in the topic and were not seen yet

    @property
    def is_caught_up(self) -> bool:
        """Return whether every record that the topic had at the start has been read."""
        return self._caught_up.is_set()

    async def caught_up(self) -> None:
        """Return when every record that the topic had at the start has been read."""
        await self._caught_up.wait()

    async def run(self) -> None:
        """Follow the topic until cancelled; waits for a broker that is away."""
        while True:
            await wait_for("kafka", self._topic, self._follow, absent=(KafkaError, OSError, BackendError))

    async def _follow(self) -> None:
        async with reader(self._options) as consumer:
            places = await partitions_of(consumer, self._topic)
            consumer.assign(places)
            await self._seek(consumer, places)
            ends = await consumer.end_offsets(places)
            while True:
                await self._read(consumer)
                if not self._caught_up.is_set():
                    positions = {place: await consumer.position(place) for place in places}
                    if all(positions[place] >= end for place, end in ends.items()):
                        self._caught_up.set()
                        log.info("view is complete topic=%s records=%d", self._topic, sum(ends.values()))

    async def _seek(self, consumer: AIOKafkaConsumer, places: set[TopicPartition]) -> None:
        fresh = [place for place in places if place not in self._next]
        if fresh:
            await seek(consumer, fresh, None if self._since_ms is None else self._since_ms())
        for place in places - set(fresh):
            consumer.seek(place, self._next[place])

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        for place, records in (await consumer.getmany(timeout_ms=_FETCH_MS, max_records=_AT_ONCE)).items():
            for record in records:
                self._take(Record(Place(*place), record.offset, record.key, record.value, record.timestamp))
            await self._settle()
            self._next[place] = records[-1].offset + 1
        behind = ((consumer.highwater(place) or 0) - self._next.get(place, 0) for place in consumer.assignment())
        self.lag = sum(max(0, records) for records in behind)
