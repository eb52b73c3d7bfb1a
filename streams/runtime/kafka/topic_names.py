"""Names topics and groups with the pipeline's prefix.

Stages with ticks are by zone: those of another zone than the default have ticks, a group and tables of their own.
"""

from typing import Final

from streams.pipeline import STAGES, Topic
from streams.runtime.settings.loading import Settings

_BY_ZONE: Final = frozenset(stage.name for stage in STAGES if stage.ticks is not None)
_TICKS: Final = frozenset(stage.ticks for stage in STAGES if stage.ticks is not None)


def topic_name(settings: Settings, topic: Topic) -> str:
    """Return the topic's name with the prefix of this pipeline."""
    zone = settings.polling.zone if topic in _TICKS else ""
    return f"{settings.panoptes.topic_prefix}.{topic}{'.' if zone else ''}{zone}"


def group_name(settings: Settings, stage: str, part: str = "") -> str:
    """Return the name of a stage's consumer group, or that of a part of it, which is the id of its Faust app."""
    zone = settings.polling.zone if stage in _BY_ZONE else ""
    return "-".join(filter(None, (settings.panoptes.topic_prefix, stage, zone, part)))


def changelog_name(settings: Settings, stage: str, table: str) -> str:
    """Return the name that Faust gives to the changelog of a stage's table."""
    return f"{group_name(settings, stage)}-{table}-changelog"
