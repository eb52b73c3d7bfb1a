"""Groups on a real broker: where they stand, where new ones begin, and who may move them."""

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from streams.playground.services import Stack
from streams.runtime.kafka.groups import (
    EARLIEST,
    NOW,
    Ends,
    GroupInUseError,
    begin_new,
    begins,
    committed,
    move,
    places_last_s,
)
from streams.runtime.ops.waiting import wait_for

OLD_MS = 1_000_000_000_000


@pytest.fixture
async def options(stack: Stack) -> dict[str, Any]:
    """How to reach a broker that coordinates groups, as one that has just started does not yet."""
    found = {"bootstrap_servers": stack.environment()["PANOPTES_KAFKA_BOOTSTRAP_SERVERS"]}
    await wait_for("kafka", "the stack", lambda: committed(found, "nobody"), absent=(KafkaError,))
    return found


@pytest.fixture
async def topic(options: dict[str, Any]) -> AsyncIterator[str]:
    """A topic of two partitions: three records in the first, of which the last is new; none in the second."""
    name = f"groups{time.time_ns()}"
    admin = AIOKafkaAdminClient(**options)
    await admin.start()
    await admin.create_topics([NewTopic(name, 2, 1, topic_configs={"retention.ms": "-1"})])
    producer = AIOKafkaProducer(**options)
    await producer.start()
    for at_ms in (OLD_MS, OLD_MS + 1, None):
        await producer.send_and_wait(name, b"x", partition=0, timestamp_ms=at_ms)
    await producer.stop()
    yield name
    await admin.delete_topics([name])
    await admin.close()


@pytest.mark.parametrize(
    ("start", "expected"), [(NOW, 3), (EARLIEST, 0), (OLD_MS + 1, 1), (OLD_MS + 2, 2), (4_000_000_000_000, 3)]
)
async def test_a_place_to_begin(options, topic, start, expected):
    found = await begins(options, [topic], start)
    assert found == {TopicPartition(topic, 0): expected, TopicPartition(topic, 1): 0}


async def test_a_new_group_begins_once_and_stays(options, topic):
    group = f"{topic}-sink"
    assert await committed(options, group) == {}
    assert await begin_new(options, group, [topic], NOW) == 2
    assert await begin_new(options, group, [topic], EARLIEST) == 0, "it has a place"
    assert await committed(options, group) == {TopicPartition(topic, 0): 3, TopicPartition(topic, 1): 0}


async def test_a_group_with_workers_is_theirs(options, topic):
    group = f"{topic}-busy"
    consumer = AIOKafkaConsumer(topic, **options, group_id=group, auto_offset_reset="earliest")
    await consumer.start()
    try:
        await consumer.getone()
        with pytest.raises(GroupInUseError, match="has workers"):
            await move(options, group, {TopicPartition(topic, 0): 0})
    finally:
        await consumer.stop()


async def test_ends_are_told_again_and_again(options, topic):
    ends = Ends(options)
    try:
        for _ in range(2):
            assert await ends.of([TopicPartition(topic, 0)]) == {TopicPartition(topic, 0): 3}
    finally:
        await ends.close()


async def test_kafka_says_how_long_it_keeps_places(options):
    assert await places_last_s(options) == 7 * 86_400
