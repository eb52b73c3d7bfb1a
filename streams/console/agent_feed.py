"""Reads topics into the models without a consumer group, so that every console sees all records.

Compacted topics are read whole, the others from a bounded time ago. While Kafka is away the models stay as they are
and say since when; then reading goes on where it stopped.
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Final, cast

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from schemas.errors import BackendError, RecordError
from schemas.records import DeadLetter, EnrichedResource, Gauge, Link, PollStatus
from streams.console.models import ReadModels
from streams.console.models.devices import PollFields
from streams.pipeline import TOPICS, Cleanup, Topic
from streams.runtime.kafka.client import client_options
from streams.runtime.kafka.replay import partitions_of, reader
from streams.runtime.kafka.topic_names import topic_name
from streams.runtime.ops.waiting import RETRY_S
from streams.runtime.registry.opening import open_registry
from streams.runtime.registry.serde import Serde, Serdes, UnknownSchema
from streams.runtime.settings.loading import Settings

log = logging.getLogger(__name__)

_FETCH_MS: Final = 500
_AT_ONCE: Final = 500
_CHECK_EVERY_S: Final = 1.0
_AWAY_AFTER_S: Final = 15.0
_REGISTRY_S: Final = 2.0  #: so long it may take before the topic is called stale
_MANY: Final = frozenset({Topic.GAUGES, Topic.POLL_STATUS})
_RECORDS: Final[Mapping[Topic, type[object]]] = {
    Topic.ENRICHED_RESOURCES: EnrichedResource,
    Topic.TOPOLOGY: Link,
    Topic.POLL_STATUS: PollStatus,
    Topic.GAUGES: Gauge,
    Topic.DEAD_LETTERS: DeadLetter,
}


class Feed:
    """Reads one topic into the models."""

    def __init__(self, settings: Settings, topic: Topic, models: ReadModels, serdes: Serdes) -> None:
        self._topic: Final = topic
        self._name: Final = topic_name(settings, topic)
        self._options: Final = client_options(settings.kafka)
        self._console: Final = settings.console
        self._models: Final = models
        self._meter: Final = models.meters[topic]
        self._serde: Final[Serde[object]] = serdes.of(topic, _RECORDS[topic])
        self._next: dict[TopicPartition, int] = {}

    async def run(self) -> None:
        """Follow the topic until cancelled; waits for a broker that is away."""
        while True:
            try:
                await self._follow()
            except (KafkaError, OSError, BackendError) as problem:
                self._meter.away(_now_ms())
                log.debug("waiting topic=%s problem=%s", self._name, problem)
                await asyncio.sleep(RETRY_S)

    async def _follow(self) -> None:
        async with reader(self._options) as consumer:
            places = await partitions_of(consumer, self._name)
            consumer.assign(places)
            await self._seek(consumer, places)
            next_check_s = 0.0
            while True:
                if time.monotonic() >= next_check_s:  # a consumer goes on in silence while its broker is away
                    async with asyncio.timeout(_AWAY_AFTER_S):
                        ends = await consumer.end_offsets(places)
                    next_check_s = time.monotonic() + _CHECK_EVERY_S
                await self._read(consumer, ends)

    async def _seek(self, consumer: AIOKafkaConsumer, places: set[TopicPartition]) -> None:
        whole = TOPICS[self._topic].cleanup is Cleanup.COMPACT
        new = [place for place in places if place not in self._next]
        since_ms = 0 if whole else _now_ms() - int(self._console.look_back_s * 1000)
        ends = await consumer.end_offsets(new)
        found = await consumer.offsets_for_times(dict.fromkeys(new, since_ms)) if new else {}
        most = self._console.look_back_records // max(1, len(places))
        for place, at in found.items():
            start = ends[place] if at is None else at.offset
            self._next[place] = start if whole else max(start, ends[place] - most)
        for place in places:
            consumer.seek(place, self._next[place])

    async def _read(self, consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]) -> None:
        taken, last_ms = 0, None
        for place, records in (await consumer.getmany(timeout_ms=_FETCH_MS, max_records=_AT_ONCE)).items():
            for record in records:
                await self._take(record.key, record.value)
                last_ms = max(last_ms or 0, record.timestamp)
            taken += len(records)
            self._next[place] = records[-1].offset + 1
        behind = sum(max(0, end - self._next[place]) for place, end in ends.items())
        self._meter.read(_now_ms(), taken, last_ms, behind)
        await asyncio.sleep(0)  # while much is to be read, answers are given in between

    async def _take(self, key: bytes | None, value: bytes | None) -> None:
        """Take a record; one that cannot be read is counted."""
        name = (key or b"").decode(errors="replace")
        if value is None and TOPICS[self._topic].cleanup is not Cleanup.COMPACT:
            self._meter.unreadable()
            return
        try:
            if self._topic is Topic.GAUGES and value is not None and self._serde.is_own(value):
                self._models.take_gauge(value)
            elif self._topic is Topic.POLL_STATUS and value is not None:
                self._models.take_poll(cast("PollFields", await self._decoded(value)))
            else:
                self._models.take(self._topic, name, None if value is None else await self._decoded(value))
        except RecordError:
            self._meter.unreadable()

    async def _decoded(self, value: bytes) -> object:
        """Return the record; of the topics with many, as fastavro's dict."""
        decode = self._serde.decode_dict if self._topic in _MANY else self._serde.decode
        try:
            return decode(value)
        except UnknownSchema as unknown:
            await self._prepared(unknown)
            return decode(value)

    async def _prepared(self, unknown: UnknownSchema) -> None:
        """Return when the record's schema is known; a registry that is away is waited for, and the topic is stale."""
        preparing = asyncio.ensure_future(unknown.prepare())
        try:
            await asyncio.wait({preparing}, timeout=_REGISTRY_S)
            if not preparing.done():
                self._meter.away(_now_ms())
            await preparing
        finally:
            preparing.cancel()


def feeds(settings: Settings, models: ReadModels) -> list[Feed]:
    """Return the feeds of the models, one for each topic."""
    serdes = Serdes(settings, open_registry(settings))
    return [Feed(settings, topic, models, serdes) for topic in models.meters]


def _now_ms() -> int:
    return int(time.time() * 1000)
