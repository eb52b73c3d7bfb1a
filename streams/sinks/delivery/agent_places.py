"""Tracks a sink's lag in its topics, and records that expired before they were read."""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from streams.runtime.kafka.groups import Ends, committed
from streams.runtime.kernel.lifecycle import Part
from streams.runtime.kernel.offsets import Offsets
from streams.runtime.kernel.records import Place, Record

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 5.0


class Places(Part):
    """The lag and losses of one worker in all topics of its sink."""

    def __init__(
        self, client_options: Mapping[str, object], group: str, topics: Sequence[str], offsets: Offsets
    ) -> None:
        self._options = client_options
        self._group = group
        self._topics = topics
        self._offsets = offsets  #: what is done and not committed yet
        self._ends = Ends(client_options)
        self._next: dict[Place, int] = {}  #: what has to come next: what is before it has come, here or elsewhere
        self._from: dict[Place, int] = {}  #: where the partition began to be read by this worker
        self._time_ms: dict[Place, int] = {}  #: of the oldest record that is under way, or of the last one stored
        self._known: Mapping[TopicPartition, int] = {}
        self._known_s = float("-inf")
        self._looking = asyncio.Lock()
        self.gone = 0  #: records that were removed before they were read
        self.lag: dict[Place, int] = {}

    async def gained(self, partition: int) -> None:
        """Look up the group's committed offset. Raises KafkaError."""
        called_s = time.monotonic()
        async with self._looking:
            if self._known_s < called_s:  # else somebody has looked meanwhile
                self._known_s = time.monotonic()
                self._known = await committed(self._options, self._group)
        for topic in self._topics:
            found = self._known.get(TopicPartition(topic, partition))
            if found is not None:
                self._next[Place(topic, partition)] = self._from[Place(topic, partition)] = found

    def lost(self, partitions: frozenset[int]) -> None:
        for kept in (self._next, self._from, self._time_ms, self.lag):
            for place in [place for place in kept if place.partition in partitions]:
                del kept[place]

    def came(self, record: Record) -> None:
        """Record that a record arrived; offsets skipped before it had expired."""
        place = record.place
        wanted = self._next.get(place)
        if wanted is not None and record.offset > wanted:
            self.gone += record.offset - wanted
            log.error(
                "records were gone before they were read: the topic's retention is over topic=%s partition=%d from=%d"
                " to=%d records=%d", *place, wanted, record.offset - 1, record.offset - wanted,
            )  # fmt: skip
        self._next[place] = max(record.offset + 1, wanted or 0)
        self._time_ms.setdefault(place, record.time_ms)

    def stored(self, record: Record) -> None:
        """Record that everything up to a record is stored."""
        self._time_ms[record.place] = record.time_ms

    async def look(self) -> None:
        """Update the sink's lag; while Kafka is away the last value stays."""
        places = list(self._from)
        if not places:
            return
        try:
            ends = await self._ends.of([TopicPartition(*place) for place in places])
        except (KafkaError, OSError) as problem:
            log.info("how far behind the sink is cannot be seen problem=%s", problem)
            return
        for place in places:
            if place in self._from:
                done = max(self._from[place], self._offsets.committable(place) or 0)
                self.lag[place] = max(ends.get(TopicPartition(*place), 0) - done, 0)

    def lag_s(self) -> float:
        """Return about how old the oldest waiting record is, in seconds."""
        times = [self._time_ms[place] for place, lag in self.lag.items() if lag and place in self._time_ms]
        return max(time.time() - min(times) / 1000, 0.0) if times else 0.0

    async def close(self) -> None:
        """Close the connection."""
        await self._ends.close()
