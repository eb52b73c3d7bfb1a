"""The names of topics as the broker knows them."""

from streams.pipeline import Topic
from streams.runtime.settings.loading import Settings


def topic_name(settings: Settings, topic: Topic) -> str:
    """Return the topic's name with the prefix of this pipeline."""
    return f"{settings.panoptes.topic_prefix}.{topic}"
