"""Creates the topics of `streams/pipeline.py`, and checks those that exist."""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypedDict

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from schemas.errors import FatalError
from streams.pipeline import CHANGELOGS, TOPICS, Cleanup, Stage, TopicSpec
from streams.runtime.kafka.client import client_options
from streams.runtime.kafka.reach import AWAY, asking
from streams.runtime.kafka.topic_names import changelog_name, topic_name
from streams.runtime.ops.waiting import wait_for
from streams.runtime.settings.loading import Settings

__all__ = [
    "TopicsReport",
    "await_topics",
    "check_topics",
    "ensure_topics",
    "look_at_topics",
    "topic_name",
    "update_topics",
]

log = logging.getLogger(__name__)

_PARTITIONS: Final = "partitions"
_REPLICAS: Final = "replication factor"
_LOOKS: Final = 50
_LOOK_S: Final = 0.1
#: DYNAMIC_TOPIC_CONFIG among the sources of a configuration's entries
_SET_ON_TOPIC: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedTopic:
    """A topic as `streams/pipeline.py` and the settings define it."""

    name: str
    partitions: int
    replicas: int
    configs: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicsReport:
    """The result of a check of topics; `fatal` ones cannot be used, `differing` ones can."""

    created: Sequence[str] = ()
    missing: Sequence[str] = ()
    fatal: Sequence[str] = ()
    differing: Sequence[str] = ()


def wanted(settings: Settings, stage: Stage | None = None) -> list[WantedTopic]:
    """Return every topic of `streams/pipeline.py` in order, then the changelogs; or those that one stage needs."""
    kafka = settings.kafka
    topics = TOPICS.keys() if stage is None else stage.taken | stage.published
    configs = {
        topic_name(settings, spec.topic): _configs(spec, settings) for spec in TOPICS.values() if spec.topic in topics
    }
    configs |= {
        changelog_name(settings, each.stage, each.table): {"cleanup.policy": Cleanup.COMPACT.value, **each.configs}
        for each in CHANGELOGS.values()
        if stage is None or each.stage == stage.name
    }
    common = {"min.insync.replicas": str(kafka.min_insync_replicas)}
    return [
        WantedTopic(
            name=name, partitions=kafka.partitions, replicas=kafka.replication_factor, configs={**own, **common}
        )
        for name, own in configs.items()
    ]


async def ensure_topics(
    settings: Settings,
    give_up: Callable[[], bool] = lambda: False,
    stage: Stage | None = None,
    *,
    absent: tuple[type[Exception], ...] = (KafkaError, OSError),
) -> TopicsReport:
    """Create missing topics and check the others, waiting for the broker (until `give_up` returns True).

    All of the map, or those of one stage, whose user may know no others. Differing configurations are logged.
    Raises FatalError for another number of partitions: keys would move; KafkaRefusedError, unless that is `absent`.
    """
    report = await _with_broker(settings, wanted(settings, stage), give_up, create=True, absent=absent)
    for line in report.differing:
        log.warning("topic differs from the settings: %s", line)
    if report.fatal:
        raise FatalError("; ".join(report.fatal))
    return report


async def update_topics(settings: Settings) -> Sequence[str]:
    """Apply the configured settings to existing topics, and return a line for each change.

    What was set besides stays as it is. Number and copies of partitions are not changed. Raises KafkaError.
    """
    async with asking(client_options(settings.kafka)) as admin:
        there = await _topics(admin)
        topics = [topic for topic in wanted(settings) if topic.name in there]
        found = await _read_entries(admin, [topic.name for topic in topics]) if topics else {}
        changes: list[str] = []
        altered: list[ConfigResource] = []
        for topic in topics:
            entries = found[topic.name]
            changed = {key: value for key, value in topic.configs.items() if entries[key].value != value}
            changes += [f"{topic.name}: {key} was {entries[key].value}, is {value}" for key, value in changed.items()]
            if changed:  # the whole of what is set: Kafka takes what is not named here back to its default
                kept = {key: entry.value for key, entry in entries.items() if entry.source == _SET_ON_TOPIC}
                altered.append(ConfigResource(ConfigResourceType.TOPIC, topic.name, {**kept, **changed}))
        for response in await admin.alter_configs(altered) if altered else ():
            for code, message, _, name in response.resources:
                if code:
                    raise for_code(code)(f"topic {name} cannot be changed: {message}")
        return changes


async def check_topics(settings: Settings) -> TopicsReport:
    """Return what `ensure_topics` would report, changing nothing."""
    return await _with_broker(settings, wanted(settings), lambda: False, create=False)


async def refuse_lost_changelogs(
    settings: Settings, group: str, changelogs: Collection[str], give_up: Callable[[], bool] = lambda: False
) -> None:
    """Raise FatalError where a table's changelog is missing although the stage has committed offsets.

    Made anew it would be empty: what the table held would not come again, for its records are committed.
    """

    async def attempt() -> list[str]:
        async with asking(client_options(settings.kafka)) as admin:
            missing = sorted(set(changelogs) - (await _topics(admin)).keys())
            return missing if missing and await _has_committed(admin, group) else []

    where = settings.kafka.bootstrap_servers
    gone = await wait_for("kafka", where, attempt, absent=AWAY, give_up=give_up)
    if gone:
        raise FatalError(
            f"the changelog {', '.join(gone)} is missing, but group {group} has read its topics with it: restore it, or"
            f" delete the group's offsets to begin anew (kafka-consumer-groups.sh --delete --group {group})"
        )


async def _has_committed(admin: AIOKafkaAdminClient, group: str) -> bool:
    offsets = await admin.list_consumer_group_offsets(group)
    return any(found.offset > 0 for found in offsets.values())


async def await_topics(settings: Settings, names: Collection[str], give_up: Callable[[], bool] = lambda: False) -> None:
    """Return when the broker's metadata have topics that were just created."""

    async def attempt() -> None:
        async with asking(client_options(settings.kafka)) as admin:
            await _until_known(admin, set(names))

    where = settings.kafka.bootstrap_servers
    await wait_for("kafka", where, attempt, absent=AWAY, give_up=give_up)


async def look_at_topics(settings: Settings) -> TopicsReport:
    """Return the same as `check_topics`, trying once. Raises KafkaError, OSError."""
    async with asking(client_options(settings.kafka)) as admin:
        return await _look(admin, wanted(settings), create=False)


async def _with_broker(
    settings: Settings,
    topics: Sequence[WantedTopic],
    give_up: Callable[[], bool],
    *,
    create: bool,
    absent: tuple[type[Exception], ...] = (KafkaError, OSError),
) -> TopicsReport:
    async def attempt() -> TopicsReport:
        async with asking(client_options(settings.kafka)) as admin:
            return await _look(admin, topics, create=create)

    where = settings.kafka.bootstrap_servers
    report = await wait_for("kafka", where, attempt, absent=absent, give_up=give_up)
    return report or TopicsReport()


async def _look(admin: AIOKafkaAdminClient, topics: Sequence[WantedTopic], *, create: bool) -> TopicsReport:
    there = await _topics(admin)
    missing = [topic for topic in topics if topic.name not in there]
    created: list[str] = []
    if create and missing:
        created = await _create(admin, missing)
        # those that another worker has just made are checked as well
        there = await _until_known(admin, {topic.name for topic in missing})
    existing = [topic for topic in topics if topic.name in there]
    configs = await _read_entries(admin, [topic.name for topic in existing]) if existing else {}
    counts: dict[int, list[str]] = {}
    differing: list[str] = []
    for topic in existing:
        partitions = there[topic.name]["partitions"]
        if len(partitions) != topic.partitions:
            counts.setdefault(len(partitions), []).append(topic.name)
        replicas = min((len(partition["replicas"]) for partition in partitions), default=topic.replicas)
        if replicas != topic.replicas:
            differing.append(f"{topic.name}: {_REPLICAS} is {replicas}, expected {topic.replicas}")
        differing += _differing(topic, configs.get(topic.name, {}))
    fatal = [_partitions_differ(named, found, topics[0].partitions) for found, named in counts.items()]
    still_missing = [] if create else [topic.name for topic in missing]
    return TopicsReport(created=created, missing=still_missing, fatal=fatal, differing=differing)


async def _create(admin: AIOKafkaAdminClient, topics: Sequence[WantedTopic]) -> list[str]:
    """Return the names of those that were not there."""
    response = await admin.create_topics(
        [NewTopic(topic.name, topic.partitions, topic.replicas, topic_configs=dict(topic.configs)) for topic in topics]
    )
    created: list[str] = []
    for name, code, *message in response.topic_errors:
        error = for_code(code)
        if not code:
            created.append(name)
            log.info("topic created name=%s", name)
        elif error is not TopicAlreadyExistsError:  # else another worker was quicker
            why = message[0] if message else error.__name__
            raise error(
                f"topic {name} cannot be created: {why.strip()} (`panoptes topics create`, as the operator, does)"
            )
    return created


class DescribedPartition(TypedDict):
    leader: int  #: -1: it has none
    replicas: list[int]
    isr: list[int]


class DescribedTopic(TypedDict):
    """A topic as the broker describes it."""

    topic: str
    error_code: int
    partitions: list[DescribedPartition]


async def _topics(admin: AIOKafkaAdminClient) -> dict[str, DescribedTopic]:
    # of all topics: asking for one by name may create it, with the broker's defaults
    return {found["topic"]: found for found in await admin.describe_topics() if not found["error_code"]}


async def _until_known(admin: AIOKafkaAdminClient, names: set[str]) -> dict[str, DescribedTopic]:
    """Return all topics once the broker's metadata have caught up with its controller. Raises KafkaError."""
    for _ in range(_LOOKS):
        there = await _topics(admin)
        if names <= there.keys():
            return there
        await asyncio.sleep(_LOOK_S)
    raise KafkaError(f"topics were created but are not there yet: {', '.join(sorted(names))}")


class _Entry(NamedTuple):
    value: str
    source: int  #: where it was set


async def _read_entries(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, dict[str, _Entry]]:
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    found: dict[str, dict[str, _Entry]] = {}
    for response in await admin.describe_configs(resources):
        for code, message, _, name, entries in response.resources:
            if code:
                raise for_code(code)(f"topic {name} cannot be described: {message}")
            found[name] = {entry[0]: _Entry(entry[1], entry[3]) for entry in entries}
    return found


def _configs(spec: TopicSpec, settings: Settings) -> dict[str, str]:
    configs = {
        "cleanup.policy": spec.cleanup.value,
        "compression.type": spec.compression,
        "max.message.bytes": str(spec.max_message_bytes),
    }
    if spec.cleanup is Cleanup.DELETE:
        configs["retention.ms"] = str(settings.topics.retention_s(spec.topic) * 1000)
    return configs


def _partitions_differ(names: Sequence[str], found: int, expected: int) -> str:
    return (
        f"{', '.join(names)}: {found} {_PARTITIONS}, expected {expected} ([kafka] partitions): set that to {found}, or "
        "start with new topics under another [panoptes] topic_prefix"
    )


def _differing(topic: WantedTopic, found: Mapping[str, _Entry]) -> list[str]:
    there = {key: entry.value for key, entry in found.items()}
    return [
        f"{topic.name}: {key} is {there.get(key)}, expected {value}"
        for key, value in topic.configs.items()
        if there.get(key) != value
    ]
