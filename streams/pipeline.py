"""THE MAP: the stages in order, the topics between them, and each topic's guarantees.

Topic creation, the Procfile check, the docs page and the web pages all read it. Nothing here does anything.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

DAY_S: Final = 86_400


class Cleanup(enum.StrEnum):
    DELETE = "delete"  #: records go after the retention time
    COMPACT = "compact"  #: the last record of each key stays


class Topic(enum.StrEnum):
    """A topic; names are without the prefix, which `topic_name` of runtime adds."""

    RESOURCES = "resources"
    DISCOVERY_RUNS = "discovery-runs"
    INVENTORY = "inventory"
    ENRICHED_RESOURCES = "enriched-resources"
    RAW_COUNTERS = "raw-counters"
    POLL_STATUS = "poll-status"
    GAUGES = "gauges"
    TOPOLOGY = "topology"
    TICKS_DISCOVERY = "ticks.discovery"
    TICKS_ENRICHMENT = "ticks.enrichment"
    TICKS_POLLING = "ticks.polling"
    DEAD_LETTERS = "dead-letters"


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicSpec:
    topic: Topic
    schema: str  #: file under schemas/avro, without its ending
    key: str  #: what the key is, for people
    cleanup: Cleanup = Cleanup.DELETE
    retention_s: int = DAY_S  #: the default of [topics]; of no meaning for compacted topics
    compression: str = "zstd"  #: smaller than lz4, and aiokafka's lz4 (always level 9) takes three times the CPU
    max_message_bytes: int = 8 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Changelog:
    """The compacted topic from which a stage's table is restored; nothing else reads it."""

    stage: str
    table: str
    holds: str  #: for people
    configs: Mapping[str, str]  #: of the topic, as Kafka names them, beside what all have


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    name: str  #: `faust -A streams.<name> worker`
    does: str
    reads: tuple[Topic, ...]  #: by partitions, which its workers share
    writes: tuple[Topic, ...]
    views: tuple[Topic, ...] = ()  #: topics of which each of its workers reads every record
    ticks: Topic | None = None  #: the schedule it publishes (its leader) and obeys (its owners)
    for_each: str = ""  #: the kind of section of which each has workers, and a group, of its own; without any it rests

    @property
    def published(self) -> frozenset[Topic]:
        """Return the topics that the stage writes."""
        return frozenset((*self.writes, *self._ticks, Topic.DEAD_LETTERS))

    @property
    def taken(self) -> frozenset[Topic]:
        """Return the topics that the stage reads."""
        return frozenset((*self.reads, *self.views, *self._ticks))

    @property
    def _ticks(self) -> tuple[Topic, ...]:
        return () if self.ticks is None else (self.ticks,)


IDENTITY: Final = "resource identity: site|class|subclass|type|id"

TOPICS: Final[dict[Topic, TopicSpec]] = {
    spec.topic: spec
    for spec in (
        TopicSpec(topic=Topic.RESOURCES, schema="resource", key=IDENTITY),
        TopicSpec(
            topic=Topic.DISCOVERY_RUNS, schema="discovery_run", key="name of the section", cleanup=Cleanup.COMPACT
        ),
        TopicSpec(topic=Topic.INVENTORY, schema="resource", key=IDENTITY, cleanup=Cleanup.COMPACT),
        TopicSpec(topic=Topic.ENRICHED_RESOURCES, schema="enriched_resource", key=IDENTITY, cleanup=Cleanup.COMPACT),
        TopicSpec(topic=Topic.RAW_COUNTERS, schema="raw_counters", key=IDENTITY),
        TopicSpec(topic=Topic.POLL_STATUS, schema="poll_status", key=IDENTITY, retention_s=7 * DAY_S),
        TopicSpec(topic=Topic.GAUGES, schema="gauge", key=IDENTITY, retention_s=7 * DAY_S),
        TopicSpec(topic=Topic.TOPOLOGY, schema="link", key="both ends of the link", cleanup=Cleanup.COMPACT),
        TopicSpec(topic=Topic.TICKS_DISCOVERY, schema="tick", key="partition number"),
        TopicSpec(topic=Topic.TICKS_ENRICHMENT, schema="tick", key="partition number"),
        TopicSpec(topic=Topic.TICKS_POLLING, schema="tick", key="partition number"),
        TopicSpec(topic=Topic.DEAD_LETTERS, schema="dead_letter", key="key of the original", retention_s=14 * DAY_S),
    )
}

_LARGEST_RECORD: Final = {"max.message.bytes": str(8 * 2**20)}
CHANGELOGS: Final[Mapping[str, Changelog]] = {
    changelog.table: changelog
    for changelog in (
        Changelog(
            stage="discovery",
            table="discovery-state",
            holds="where each section goes on, by its name",
            configs=_LARGEST_RECORD,
        ),
        Changelog(
            stage="resources", table="known-resources", holds="the inventory, by identity", configs=_LARGEST_RECORD
        ),
        Changelog(
            stage="enrichment", table="enriched", holds="the findings for each resource", configs=_LARGEST_RECORD
        ),
        Changelog(stage="polling", table="to-poll", holds="each resource with its jobs", configs=_LARGEST_RECORD),
        Changelog(
            stage="gauges",
            table="series",
            holds="the last two polls of each series",
            # an entry is replaced every other poll: clean early, in small segments, so that a recovery reads little
            # that is stale; it holds a sample of 8 MiB, and states of transforms that have as much
            configs={
                "segment.bytes": str(16 * 2**20),
                "segment.ms": "600000",
                "min.cleanable.dirty.ratio": "0.2",
                "max.compaction.lag.ms": "900000",
                "max.message.bytes": str(17 * 2**20),
            },
        ),
    )
}

STAGES: Final[tuple[Stage, ...]] = (
    Stage(
        name="discovery",
        does="runs discovery plugins and publishes what they saw",
        reads=(),
        writes=(Topic.RESOURCES, Topic.DISCOVERY_RUNS),
        views=(Topic.INVENTORY, Topic.ENRICHED_RESOURCES),
        ticks=Topic.TICKS_DISCOVERY,
    ),
    Stage(
        name="resources",
        does="merges sightings into one inventory and expires what is no longer seen",
        reads=(Topic.RESOURCES,),
        writes=(Topic.INVENTORY, Topic.RESOURCES),
        views=(Topic.DISCOVERY_RUNS,),
    ),
    Stage(
        name="enrichment",
        does="asks each resource what it is, and which jobs it wants",
        reads=(Topic.INVENTORY,),
        writes=(Topic.ENRICHED_RESOURCES,),
        ticks=Topic.TICKS_ENRICHMENT,
    ),
    Stage(
        name="polling",
        does="polls every job of every resource at its slot",
        reads=(Topic.ENRICHED_RESOURCES,),
        writes=(Topic.RAW_COUNTERS, Topic.POLL_STATUS),
        ticks=Topic.TICKS_POLLING,
    ),
    Stage(
        name="gauges",
        does="turns counters into rates, one record per row",
        reads=(Topic.RAW_COUNTERS,),
        writes=(Topic.GAUGES,),
    ),
    Stage(
        name="topology",
        does="folds what all devices say of their neighbours into links",
        reads=(),
        views=(Topic.ENRICHED_RESOURCES, Topic.TOPOLOGY),
        writes=(Topic.TOPOLOGY,),
    ),
    Stage(
        name="sinks",
        does="takes what stands in the topics to stores outside Kafka",
        reads=(Topic.GAUGES, Topic.POLL_STATUS, Topic.RAW_COUNTERS),
        views=(Topic.INVENTORY,),
        writes=(),
        for_each="sink",
    ),
)


def stage(name: str) -> Stage:
    """Return the stage of that name. Raises KeyError."""
    for candidate in STAGES:
        if candidate.name == name:
            return candidate
    raise KeyError(name)
