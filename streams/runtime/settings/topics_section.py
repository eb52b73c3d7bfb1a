"""The section `[topics]` of `panoptes.ini`: how long each topic keeps its records."""

from typing import Final

from streams.pipeline import TOPICS, Topic
from streams.runtime.settings.setting import Section, WholeSeconds, setting

_TEN_YEARS_S: Final = 3_650 * 86_400


def _retention(topic: Topic, what: str) -> int:
    return setting(TOPICS[topic].retention_s, what, ge=60, le=_TEN_YEARS_S)


class TopicsSettings(Section):
    """How long topics keep records; applies to new topics, and to existing ones by `panoptes topics create
    --update`.
    """

    retention_resources_s: WholeSeconds = _retention(Topic.RESOURCES, "what discovery saw")
    retention_raw_counters_s: WholeSeconds = _retention(
        Topic.RAW_COUNTERS, "polls: the longest that the gauges stage may stand still without a loss"
    )
    retention_poll_status_s: WholeSeconds = _retention(Topic.POLL_STATUS, "what became of each slot")
    retention_gauges_s: WholeSeconds = _retention(Topic.GAUGES, "rates and levels")
    retention_ticks_discovery_s: WholeSeconds = _retention(Topic.TICKS_DISCOVERY, "the schedule of discovery")
    retention_ticks_enrichment_s: WholeSeconds = _retention(Topic.TICKS_ENRICHMENT, "the schedule of enrichment")
    retention_ticks_polling_s: WholeSeconds = _retention(Topic.TICKS_POLLING, "the schedule of polling")
    retention_dead_letters_s: WholeSeconds = _retention(Topic.DEAD_LETTERS, "what could not be processed")

    def retention_s(self, topic: Topic) -> int:
        """Return how long a topic keeps its records. Raises AttributeError for a compacted one."""
        kept: int = getattr(self, f"retention_{topic.replace('.', '_').replace('-', '_')}_s")
        return kept
