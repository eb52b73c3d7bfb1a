"""Reads the samples of one resource from `raw-counters`, and runs the fold over them."""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from aiokafka.errors import KafkaError

from schemas.errors import BackendError
from schemas.records import RawCounters
from streams.console.why.explained import AskedNumber, Explanation, NotKept, explained
from streams.gauges.fold.plan import Rules
from streams.pipeline import Topic
from streams.runtime.kafka.client import client_options
from streams.runtime.kafka.partitions import partition_of
from streams.runtime.kafka.replay import partitions, replay
from streams.runtime.kafka.topic_names import topic_name
from streams.runtime.registry.opening import open_registry
from streams.runtime.registry.serde import Serdes
from streams.runtime.settings.loading import Settings

#: records are read from so long before the slot that is asked for: the sample before it must be among them
BEFORE_S: Final = 900
#: and until so long after it: a poll takes its time, and its record waits for Kafka
AFTER_S: Final = 900
WITHIN_S: Final = 20.0  #: the samples are read


class Samples:
    """Explains numbers from the samples that Kafka still has."""

    def __init__(self, settings: Settings, rules: Rules, *, before_s: int = BEFORE_S) -> None:
        self._settings = settings
        self._rules = rules
        self._before_s = before_s
        self._serde = Serdes(settings, open_registry(settings)).of(Topic.RAW_COUNTERS, RawCounters)

    async def why(self, asked: AskedNumber) -> Explanation | NotKept:
        """Return how the number was computed.

        Raises BackendError while Kafka or the registry is away, RecordError for a sample that is none.
        """
        return explained(await self._samples(asked.resource, asked.slot), asked, self._rules)

    async def newest(self, resource: str) -> Sequence[RawCounters]:
        """Return the newest sample of each job and group that the last minutes have. Raises as `why`."""
        told = sorted(await self._samples(resource, None), key=lambda each: each.slot)
        return list({(each.job, each.group): each for each in told}.values())

    async def _samples(self, resource: str, slot: int | None) -> Sequence[RawCounters]:
        try:
            async with asyncio.timeout(WITHIN_S):
                return await self._read(resource, slot)
        except TimeoutError:
            raise BackendError(f"Kafka or the registry has not answered within {WITHIN_S:g} s") from None
        except (KafkaError, OSError) as problem:
            raise BackendError(f"Kafka cannot be read: {problem}") from problem

    async def _read(self, resource: str, slot: int | None) -> Sequence[RawCounters]:
        options = client_options(self._settings.kafka)
        topic = topic_name(self._settings, Topic.RAW_COUNTERS)
        at_s = int(time.time()) if slot is None else slot
        key = resource.encode()
        only = [partition_of(key, len(await partitions(options, topic)))]
        found = []
        async for record in replay(options, topic, since_ms=max(0, at_s - self._before_s) * 1000, only=only):
            if slot is not None and record.timestamp > (slot + AFTER_S) * 1000:
                break
            if record.key == key and record.value is not None:
                found.append(await self._serde.read(record.value))
        return found
