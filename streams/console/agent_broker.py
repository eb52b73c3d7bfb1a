"""Asks Kafka for topic sizes, group lag, leaders and the contents of dead letters."""

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from schemas.errors import BackendError, PanoptesError, RecordError
from schemas.records import DeadLetter, Tick
from streams.console.pages.reads import BrokerFacts, GroupLag
from streams.pipeline import STAGES, TOPICS
from streams.runtime.kafka.client import client_options
from streams.runtime.kafka.groups import committed
from streams.runtime.kafka.replay import partitions_of, reader
from streams.runtime.kafka.topic_names import group_name, topic_name
from streams.runtime.ops.waiting import RETRY_S
from streams.runtime.registry.opening import open_registry
from streams.runtime.registry.serde import Serdes, UnknownSchema
from streams.runtime.settings.loading import Settings

KEPT_S: Final = 15.0
WITHIN_S: Final = 10.0
PATIENCE_S: Final = 1.0
_SHOWN: Final = 20_000  #: characters of a record


class Broker:
    """Kafka's answers, cached for a short time however many readers there are."""

    def __init__(self, settings: Settings) -> None:
        self._settings: Final = settings
        self._options: Final = client_options(settings.kafka)
        self._names: Final = {topic_name(settings, topic): topic for topic in TOPICS}
        self._serdes: Final = Serdes(settings, open_registry(settings))
        self._found: BrokerFacts | None = None
        self._problem = ""
        self._until_s = 0.0
        self._again: asyncio.Task[None] | None = None

    async def facts(self) -> BrokerFacts:
        """Return what Kafka said last; who comes when that is old waits a moment for it to be asked again.

        Raises BackendError while it is away. However many ask, Kafka is asked by one.
        """
        found = self.lately()
        if self._again is not None:
            await asyncio.wait({self._again}, timeout=PATIENCE_S)
            found = self._found
        if found is None or self._problem:
            raise BackendError(f"Kafka cannot be asked: {self._problem or 'it has not answered yet'}")
        return found

    def lately(self) -> BrokerFacts | None:
        """Return what Kafka said last, and ask it again in the background once in a while."""
        if (self._again is None or self._again.done()) and time.monotonic() > self._until_s:
            self._again = asyncio.create_task(self._ask())
        return self._found

    async def _ask(self) -> None:
        try:
            async with asyncio.timeout(WITHIN_S):
                self._found = await self._facts()
        except (TimeoutError, KafkaError, BackendError, OSError) as problem:
            self._problem = f"{problem}" or "no answer in time"
            self._until_s = time.monotonic() + RETRY_S
        else:
            self._problem = ""
            self._until_s = time.monotonic() + KEPT_S

    async def _facts(self) -> BrokerFacts:
        async with reader(self._options) as consumer:
            ends: dict[TopicPartition, int] = {}
            begins: dict[TopicPartition, int] = {}
            for name in self._names:
                places = await partitions_of(consumer, name)
                ends |= await consumer.end_offsets(places)
                begins |= await consumer.beginning_offsets(places)
            leaders = await self._leaders(consumer, ends, begins)
        kept = dict.fromkeys(self._names.values(), 0)
        for place, end in ends.items():
            kept[self._names[place.topic]] += end - begins[place]
        return BrokerFacts({str(topic): count for topic, count in kept.items()}, await self._lags(ends), leaders)

    async def _lags(self, ends: Mapping[TopicPartition, int]) -> list[GroupLag]:
        parts = [(stage.name, "") for stage in STAGES if not stage.for_each]
        parts += [("sinks", section.name) for section in self._settings.plugin_sections if section.kind == "sink"]
        found = []
        for stage, part in parts:
            group = group_name(self._settings, stage, part)
            places = await committed(self._options, group)
            if places:
                behind = sum(max(0, ends[place] - offset) for place, offset in places.items() if place in ends)
                found.append(GroupLag(group, behind))
        return found

    async def _leaders(
        self, consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int], begins: Mapping[TopicPartition, int]
    ) -> dict[str, str]:
        """Return stage -> who published its last tick, and when."""
        found = {}
        for stage in STAGES:
            name = None if stage.ticks is None else topic_name(self._settings, stage.ticks)
            last = [place for place, end in ends.items() if place.topic == name and end > begins[place]]
            if stage.ticks is None or not last:
                continue
            consumer.assign(last)
            for place in last:
                consumer.seek(place, ends[place] - 1)
            serde = self._serdes.of(stage.ticks, Tick)
            told = await consumer.getmany(timeout_ms=1_000)
            ticks = [await serde.read(each.value) for records in told.values() for each in records if each.value]
            if ticks:
                newest = max(ticks, key=lambda tick: (tick.slot, tick.epoch))
                found[stage.name] = newest.leader
        return found

    async def content(self, letter: DeadLetter) -> str:
        """Return the contents of a dead letter: JSON where its schema is available, else hex bytes and the reason."""
        value = letter.value
        if value is None:
            return "a tombstone"
        topic = self._names.get(letter.topic)
        if topic is None:
            return f"{letter.topic} is no topic of the pipeline\n{_hex(value)}"
        serde = self._serdes.of(topic, dict)
        try:
            try:
                found = serde.decode_dict(value)
            except UnknownSchema as unknown:
                async with asyncio.timeout(WITHIN_S):
                    await unknown.prepare()
                found = serde.decode_dict(value)
        except (RecordError, PanoptesError, TimeoutError) as problem:
            return f"{problem or 'the registry has not answered'}\n{_hex(value)}"
        return json.dumps(found, indent=1, ensure_ascii=False, default=_plain)[:_SHOWN]


def _hex(value: bytes) -> str:
    return value[: _SHOWN // 3].hex(" ")


def _plain(value: object) -> str:
    return value.hex(" ") if isinstance(value, bytes) else str(value)
