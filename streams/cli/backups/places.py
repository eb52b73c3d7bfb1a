"""How far each sink is: by time, for offsets mean nothing in topics that were made anew."""

from collections.abc import Sequence

from aiokafka import TopicPartition

from pollers.plugins.base import Kind
from streams.cli.backups.form import SinkPlace
from streams.cli.backups.parts import PutBack
from streams.pipeline import Topic
from streams.runtime.kafka.client import client_options
from streams.runtime.kafka.groups import GroupInUseError, committed, move_to_times, written_at
from streams.runtime.kafka.replay import partitions
from streams.runtime.kafka.topic_names import group_name, topic_name
from streams.runtime.settings.loading import Settings


async def take(settings: Settings, made_at_ms: int) -> list[SinkPlace]:
    """Return a place for every partition that a sink of the settings has committed in. Raises KafkaError."""
    options, found = client_options(settings.kafka), []
    for section in settings.plugins(Kind.SINK):
        offsets = await committed(options, group_name(settings, "sinks", section.name))
        times = await written_at(options, offsets) if offsets else {}
        names = {topic_name(settings, topic): topic for topic in Topic}
        found += [
            SinkPlace(section.name, names[tp.topic], tp.partition, times.get(tp, made_at_ms))
            for tp in sorted(offsets)
            if tp.topic in names
        ]
    return found


async def put(settings: Settings, places: Sequence[SinkPlace], *, overwrite: bool) -> PutBack:
    """Have sinks that have no place begin at those of the backup; others only with `overwrite`. Raises KafkaError.

    A sink with workers cannot be moved; one that is not in the settings has its place all the same.
    """
    options, done = client_options(settings.kafka), 0
    kept: list[str] = []
    failed: list[str] = []
    there = {topic: set(await partitions(options, topic_name(settings, Topic(topic)))) for topic in _topics(places)}
    for sink in sorted({place.sink for place in places}):
        group = group_name(settings, "sinks", sink)
        now = await committed(options, group)
        times: dict[TopicPartition, int] = {}
        for place in (one for one in places if one.sink == sink):
            tp = TopicPartition(topic_name(settings, Topic(place.topic)), place.partition)
            if place.partition not in there[place.topic]:
                failed.append(f"{sink}: {tp.topic} has no partition {tp.partition} now")
            elif tp in now and not overwrite:
                kept.append(f"{sink}: {tp.topic} {tp.partition}")
            else:
                times[tp] = place.since_ms
        try:
            await move_to_times(options, group, times)
            done += len(times)
        except GroupInUseError as problem:
            failed.append(f"{sink}: {problem}")
    return PutBack(done, 0, kept, failed)


def _topics(places: Sequence[SinkPlace]) -> set[str]:
    return {place.topic for place in places}
