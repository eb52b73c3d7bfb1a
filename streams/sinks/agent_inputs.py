"""What a sink is given: its section's topics, and how their records are decoded."""

from collections.abc import Mapping
from typing import Any, Final

from schemas.records import Gauge, PollStatus, RawCounters
from streams.pipeline import Topic
from streams.runtime.kernel.context import StageContext
from streams.runtime.registry.serde import Serde
from streams.runtime.settings.plugin_sections import SinkSection
from streams.sinks.reading.counters import Counters
from streams.sinks.reading.gauges import GaugeReader
from streams.sinks.reading.records import Decoding, Wanted
from streams.sinks.reading.statuses import Statuses

RECORDS: Final[Mapping[Topic, type[Any]]] = {
    Topic.GAUGES: Gauge,
    Topic.POLL_STATUS: PollStatus,
    Topic.RAW_COUNTERS: RawCounters,
}


class Inputs:
    """The topics of one sink."""

    def __init__(self, context: StageContext, section: SinkSection) -> None:
        self.topics: Final = [Topic(name) for name in section.topics]
        self.names: Final = [context.topic_name(topic) for topic in self.topics]
        self.serdes: Final[Mapping[Topic, Serde[Any]]] = {
            topic: context.serdes.of(topic, record) for topic, record in RECORDS.items()
        }
        self._section = section

    def decoding(self) -> Decoding:
        """Return how records are decoded, once schemas are registered. Raises FatalError before that."""
        wanted = Wanted(self._section.filter, self._section.rows)
        gauges, statuses, samples = (self.serdes[topic] for topic in RECORDS)
        reader = GaugeReader(gauges.header, gauges.decode, wanted)
        return Decoding(gauges.decode, statuses.decode, samples.decode, reader, wanted, Statuses(), Counters())
