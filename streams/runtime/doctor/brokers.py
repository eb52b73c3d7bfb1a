"""Checks Kafka: reachable, topics as configured, replicas in sync, and stages without lag."""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaError
from aiokafka.structs import OffsetAndMetadata

from pollers.plugins.base import Kind
from streams.pipeline import STAGES, Stage
from streams.runtime.doctor.findings import BEHIND_S, Finding, fault, of_group, ok, warning
from streams.runtime.kafka.client import client_options
from streams.runtime.kafka.reach import KafkaRefusedError, asking, reach
from streams.runtime.kafka.topic_names import group_name, topic_name
from streams.runtime.kafka.topics import DescribedTopic, look_at_topics
from streams.runtime.settings.loading import Settings

#: where Kafka keeps the places of groups
_OFFSETS: Final = "__consumer_offsets"
_NAMED: Final = 5  #: of a long list
_LOOKS: Final = 50
_LOOK_S: Final = 0.1


class ReadBy(NamedTuple):
    """A consumer group to check, and the topics that it reads."""

    title: str
    group: str
    topics: Sequence[str]


async def look(settings: Settings, timeout_s: float) -> list[Finding]:
    """Return the findings. Raises KafkaError, OSError where the broker goes away meanwhile."""
    found = [await _reached(settings, server.strip(), timeout_s) for server in _servers(settings)]
    if not any(finding.level == "ok" for finding in found):
        return found
    async with asking(client_options(settings.kafka)) as admin:
        brokers = len((await admin.describe_cluster())["brokers"])
        there = {topic["topic"]: topic for topic in await admin.describe_topics()}
        found += [_cluster(settings, brokers), *_copies(settings, there)]
        found += await _topics(settings)
        found += await _stages(settings, admin, there.keys())
    return found


def _servers(settings: Settings) -> list[str]:
    return settings.kafka.bootstrap_servers.split(",")


async def _reached(settings: Settings, server: str, timeout_s: float) -> Finding:
    try:
        await reach(client_options(settings.kafka), server, timeout_s)
    except KafkaRefusedError as problem:
        return fault("kafka", str(problem), "compare the settings with the broker's listeners and users")
    except (KafkaError, OSError) as problem:
        said = str(problem) or f"no answer within {timeout_s:g} s"
        return fault(
            "kafka", f"{server} cannot be reached: {said}", "start the broker, or set [kafka] bootstrap_servers"
        )
    return ok("kafka", f"{server} answers")


def _cluster(settings: Settings, brokers: int) -> Finding:
    copies = settings.kafka.replication_factor
    if brokers < copies:
        return fault(
            "kafka",
            f"{brokers} brokers for [kafka] replication_factor {copies}",
            "start the missing brokers: new topics cannot be made meanwhile",
        )
    if copies == 1 and brokers > 1:
        return warning(
            "kafka",
            f"{brokers} brokers, and one copy of each record",
            "set [kafka] replication_factor 3 and min_insync_replicas 2 before topics are made",
        )
    return ok("kafka", f"{brokers} {'broker' if brokers == 1 else 'brokers'}, {copies} copies of each record")


def _copies(settings: Settings, there: Mapping[str, DescribedTopic]) -> list[Finding]:
    ours = {name: topic for name, topic in there.items() if name.startswith(settings.panoptes.topic_prefix)}
    of_ours = [(name, each) for name, topic in ours.items() for each in topic["partitions"]]
    leaderless = {name for name, each in of_ours if each["leader"] < 0}
    behind = {name for name, each in of_ours if len(each["isr"]) < len(each["replicas"])} - leaderless
    found = []
    if leaderless:
        found.append(
            fault("kafka", f"no leader for partitions of {_some(leaderless)}", "start the brokers that hold them")
        )
    if behind:
        found.append(
            warning(
                "kafka", f"copies are missing or late of {_some(behind)}", "start the broker that is away, and wait"
            )
        )
    return found


async def _topics(settings: Settings) -> list[Finding]:
    report = await look_at_topics(settings)
    found = [fault("topic", line, "see docs/operation.md") for line in report.fatal]
    if report.missing:
        found.append(fault("topic", f"missing: {_some(report.missing)}", "run: panoptes topics create"))
    found += [warning("topic", line, "run: panoptes topics create --update") for line in report.differing]
    return found or [ok("topic", "every topic is there as the settings want it")]


async def _stages(settings: Settings, admin: AIOKafkaAdminClient, there: Iterable[str]) -> list[Finding]:
    consumer = AIOKafkaConsumer(**client_options(settings.kafka), enable_auto_commit=False)
    known = set(there)
    try:
        await consumer.start()
        return [await _keeps_up(admin, consumer, place, known) for place in places(settings)]
    finally:
        await consumer.stop()


def places(settings: Settings) -> list[ReadBy]:
    """Return the consumer groups of the stages: one for each stage and sink; a stage with views only has none."""
    found: list[ReadBy] = []
    for stage in STAGES:
        parts = [""] if not stage.for_each else [section.name for section in settings.plugins(Kind(stage.for_each))]
        topics = _read(settings, stage)
        if topics:
            found += [
                ReadBy(f"{stage.name}:{part}".rstrip(":"), group_name(settings, stage.name, part), topics)
                for part in parts
            ]
    return found


def _read(settings: Settings, stage: Stage) -> list[str]:
    ticks = () if stage.ticks is None else (stage.ticks,)
    return [topic_name(settings, topic) for topic in (*stage.reads, *ticks)]


async def _keeps_up(admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer, place: ReadBy, known: set[str]) -> Finding:
    found = await _offsets(admin, place.group, nobody_had_one=_OFFSETS not in known)
    if found is None:
        return of_group(place.title, 0, 0, ())
    committed = {tp: at.offset for tp, at in found.items()}
    topics = {tp.topic for tp in committed} & set(place.topics) & known
    tps = [TopicPartition(topic, number) for topic in topics for number in consumer.partitions_for_topic(topic) or ()]
    if not tps:
        return of_group(place.title, await _members(admin, place.group), 0, ())
    ends = await consumer.end_offsets(tps)
    begins = await consumer.beginning_offsets(tps)
    stands = {tp: max(committed.get(tp, 0), begins[tp]) for tp in tps}
    young = await consumer.offsets_for_times(dict.fromkeys(tps, int((time.time() - BEHIND_S) * 1000)))
    late = {tp.topic for tp, at in young.items() if stands[tp] < (ends[tp] if at is None else at.offset)}
    behind = sum(max(0, ends[tp] - stands[tp]) for tp in tps)
    return of_group(place.title, await _members(admin, place.group), behind, late)


async def _offsets(
    admin: AIOKafkaAdminClient, group: str, *, nobody_had_one: bool
) -> Mapping[TopicPartition, OffsetAndMetadata] | None:
    """Return what a group has committed; None where brokers have no room for groups, since nobody ever had one.

    Raises KafkaError where they have, and none of them answers for this group.
    """
    for _ in range(1 if nobody_had_one else _LOOKS):
        try:
            found: Mapping[TopicPartition, OffsetAndMetadata] = await admin.list_consumer_group_offsets(group)
        except GroupCoordinatorNotAvailableError:
            await asyncio.sleep(_LOOK_S)
        else:
            return found
    if nobody_had_one:
        return None
    raise KafkaError(f"no broker coordinates group {group}: its offsets are not to be had")


async def _members(admin: AIOKafkaAdminClient, group: str) -> int:
    [response] = await admin.describe_consumer_groups([group])
    return sum(len(found[5]) for found in response.groups)


def _some(names: Iterable[str]) -> str:
    ordered = sorted(names)
    rest = f" and {len(ordered) - _NAMED} more" if len(ordered) > _NAMED else ""
    return ", ".join(ordered[:_NAMED]) + rest
