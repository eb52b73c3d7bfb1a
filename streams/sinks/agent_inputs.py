"""The inputs of a sink: its section's topics, and how their records are decoded."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from schemas.records import Gauge, PollStatus, RawCounters
from streams.pipeline import Topic
from streams.runtime.kernel.context import StageContext
from streams.runtime.settings.plugin_sections import SinkSection
from streams.sinks.reading.counters import Counters
from streams.sinks.reading.gauges import GaugeReader
from streams.sinks.reading.records import Decoding, Wanted
from streams.sinks.reading.statuses import Statuses


class Inputs:
    """The topics of one sink."""

    def __init__(self, context: StageContext, section: SinkSection) -> None:
        self.topics: Final = [Topic(name) for name in section.topics]
        self.names: Final = [context.topic_name(topic) for topic in self.topics]
        self._section = section
        self._gauges = context.serdes.of(Topic.GAUGES, Gauge)
        self._statuses = context.serdes.of(Topic.POLL_STATUS, PollStatus)
        self._samples = context.serdes.of(Topic.RAW_COUNTERS, RawCounters)
        #: waits until the schema of a record of that topic is known
        self.prepare: Final[Mapping[Topic, Callable[[bytes], Awaitable[None]]]] = {
            Topic.GAUGES: self._gauges.prepare,
            Topic.POLL_STATUS: self._statuses.prepare,
            Topic.RAW_COUNTERS: self._samples.prepare,
        }

    def decoding(self) -> Decoding:
        """Return the decoders, once schemas are registered. Raises FatalError before that."""
        wanted = Wanted(self._section.filter, self._section.rows)
        gauges, statuses, samples = self._gauges, self._statuses, self._samples
        reader = GaugeReader(gauges.header, gauges.decode, wanted)
        return Decoding(gauges.decode, statuses.decode, samples.decode, reader, wanted, Statuses(), Counters())
