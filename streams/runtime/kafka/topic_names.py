"""The names of topics as the broker knows them."""

from streams.pipeline import Changelog, Topic
from streams.runtime.settings.loading import Settings


def topic_name(settings: Settings, topic: Topic) -> str:
    """Return the topic's name with the prefix of this pipeline."""
    return f"{settings.panoptes.topic_prefix}.{topic}"


def changelog_name(settings: Settings, changelog: Changelog) -> str:
    """Return the name that Faust gives to the changelog of a stage's table."""
    return f"{settings.panoptes.topic_prefix}-{changelog.stage}-{changelog.table}-changelog"
