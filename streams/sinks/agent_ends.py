"""Wiring that ends series: of rows that fall silent, and of devices that leave the inventory."""

import asyncio
from collections.abc import Mapping
from typing import Final

from streams.pipeline import Topic
from streams.runtime.kafka.partitions import partition_of
from streams.runtime.kernel.context import now_ms
from streams.runtime.kernel.loop import Loop
from streams.runtime.kernel.records import Place, Record
from streams.runtime.kernel.worker import Worker
from streams.sinks.delivery.agent_delivery import SinkHandler, Step
from streams.sinks.delivery.agent_places import Places
from streams.sinks.reading.held import Ending

SILENT_EVERY_S: Final = 30.0
LEFT_EVERY_S: Final = 1.0

Lines = Mapping[Topic, tuple[SinkHandler, Loop[Step | None]]]


class SeriesEnds:
    """Ends the series that handlers hold, between the records of each partition."""

    def __init__(self, worker: Worker, lines: Lines, places: Places) -> None:
        self._worker, self._lines, self._places = worker, lines, places
        self._partitions: Final = worker.context.settings.kafka.partitions
        self._left: dict[str, int] = {}  #: device -> when it left
        worker.view(Topic.INVENTORY, self._take, since_ms=now_ms)
        worker.every(SILENT_EVERY_S, "silent", self._end_silent)
        worker.every(LEFT_EVERY_S, "left", self._end_left)

    def _take(self, record: Record) -> None:
        if record.value is None and record.key is not None:
            self._left[record.key.decode("utf-8", "replace")] = record.time_ms

    async def _end_silent(self) -> None:
        """End what is silent by the clock, or where records wait by the time of those that have come."""
        owned = self._worker.lifecycle.owned
        await asyncio.gather(
            *(
                self._submit(topic, partition, Ending(0 if self._waits(topic, partition) else now_ms()))
                for topic in self._lines
                for partition in owned
            )
        )

    async def _end_left(self) -> None:
        left, self._left = self._left, {}
        ends = [(partition_of(name.encode(), self._partitions), Ending(at_ms, name)) for name, at_ms in left.items()]
        await asyncio.gather(*(self._submit(topic, at, end) for topic in self._lines for at, end in ends))

    def _waits(self, topic: Topic, partition: int) -> bool:
        place = Place(self._worker.context.topic_name(topic), partition)
        return bool(self._places.lag.get(place, 1))

    async def _submit(self, topic: Topic, partition: int, end: Ending) -> None:
        handler, loop = self._lines[topic]
        if handler.holds(partition):
            await loop.submit(partition, lambda: end)
