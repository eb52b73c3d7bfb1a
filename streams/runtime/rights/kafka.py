"""The Kafka ACLs of each stage, derived from `streams/pipeline.py`. Nothing here asks a broker.

A stage's user is `User:<prefix>-<stage>`. The rights are those of Kafka's own authorizer (ACLs): each is one operation
on one topic, on the consumer groups that begin with a name, or on the cluster.
"""

import enum
from collections.abc import Collection, Sequence
from typing import NamedTuple

from streams.pipeline import CHANGELOGS, STAGES, Stage, Topic
from streams.runtime.kafka.topic_names import changelog_name, group_name, topic_name
from streams.runtime.settings.loading import Settings


class ResourceKind(enum.StrEnum):
    """The kind of resource of an ACL, as Kafka's tools name it."""

    TOPIC = "topic"
    GROUP = "group"
    CLUSTER = "cluster"


class Right(NamedTuple):
    """One ACL of a user."""

    user: str  #: without `User:`
    operation: str  #: as Kafka's tools write it: Read, Write, Describe, DescribeConfigs …
    resource: ResourceKind
    name: str
    prefixed: bool = False  #: for every name that begins so

    @property
    def option(self) -> str:
        """Return the right as options of `kafka-acls --add`."""
        what = "--cluster" if self.resource is ResourceKind.CLUSTER else f"--{self.resource} {self.name}"
        pattern = " --resource-pattern-type prefixed" if self.prefixed else ""
        return f"--allow-principal User:{self.user} --operation {self.operation} {what}{pattern}"


def user_name(settings: Settings, stage: str) -> str:
    """Return the user name of a stage's workers."""
    return f"{settings.panoptes.topic_prefix}-{stage}"


def rights(settings: Settings) -> list[Right]:
    """Return the rights of every stage, and of the operator, who creates topics and may read everything."""
    return [right for stage in STAGES for right in stage_rights(settings, stage)] + _operator(settings)


def stage_rights(settings: Settings, stage: Stage) -> list[Right]:
    """Return the rights of one stage's workers."""
    user = user_name(settings, stage.name)
    tables = [changelog_name(settings, stage.name, log.table) for log in CHANGELOGS.values() if log.stage == stage.name]
    reads = [*_names(settings, stage.taken), *tables]
    writes = [*_names(settings, stage.published), *tables]
    asks_the_broker = [Right(user, "DescribeConfigs", ResourceKind.CLUSTER, "kafka-cluster")] if stage.for_each else []
    return [
        *(Right(user, "Read", ResourceKind.TOPIC, name) for name in reads),
        *(Right(user, "Write", ResourceKind.TOPIC, name) for name in writes),
        # a worker compares its topics with the settings when it starts
        *(Right(user, "DescribeConfigs", ResourceKind.TOPIC, name) for name in sorted({*reads, *writes})),
        # a part of a stage has a group of its own, whose name begins with the stage's
        Right(user, "Read", ResourceKind.GROUP, group_name(settings, stage.name), prefixed=True),
        *asks_the_broker,
    ]


def _operator(settings: Settings) -> list[Right]:
    """`panoptes topics create --update`, and the commands that read topics, rewind groups and replay dead letters."""
    user, prefix = user_name(settings, "operator"), settings.panoptes.topic_prefix
    operations = ("Create", "Describe", "DescribeConfigs", "AlterConfigs", "Read", "Write")
    return [
        *(Right(user, operation, ResourceKind.TOPIC, prefix, prefixed=True) for operation in operations),
        *(Right(user, operation, ResourceKind.GROUP, prefix, prefixed=True) for operation in ("Describe", "Read")),
        Right(user, "DescribeConfigs", ResourceKind.CLUSTER, "kafka-cluster"),
    ]


def _names(settings: Settings, topics: Collection[Topic]) -> Sequence[str]:
    return sorted(topic_name(settings, topic) for topic in topics)
