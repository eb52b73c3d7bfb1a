"""A real broker gives no answer for a while: all that was sent is stored when it is back, and each sender is told."""

import asyncio
import uuid

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streams.runtime.kafka.outbox import Outbox

REQUEST_TIMEOUT_S = 1.0
PARTITIONS = 2


@pytest.fixture
def bootstrap_servers(stack):
    return stack.environment()["PANOPTES_KAFKA_BOOTSTRAP_SERVERS"]


@pytest.fixture
async def topic(bootstrap_servers):
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    name = f"outbox-{uuid.uuid4().hex}"
    await admin.create_topics([NewTopic(name, PARTITIONS, 1)])
    yield name
    await admin.delete_topics([name])
    await admin.close()


@pytest.fixture
async def outbox(bootstrap_servers):
    options = {"bootstrap_servers": bootstrap_servers, "request_timeout_ms": int(REQUEST_TIMEOUT_S * 1000)}
    made = Outbox(options, partitions=PARTITIONS, max_request_bytes=100_000)
    await made.start()
    yield made
    await made.stop()


async def stored(bootstrap_servers, topic, least):
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap_servers, auto_offset_reset="earliest")
    await consumer.start()
    consumer.assign([TopicPartition(topic, partition) for partition in range(PARTITIONS)])
    values = set()
    while len(values) < least:
        for records in (await consumer.getmany(timeout_ms=500)).values():
            values.update(record.value for record in records)
    await consumer.stop()
    return values


@pytest.mark.parametrize("absent_s", [0.7 * REQUEST_TIMEOUT_S, 1.5 * REQUEST_TIMEOUT_S, 4 * REQUEST_TIMEOUT_S])
async def test_all_is_stored_after_a_broker_gave_no_answer(stack, bootstrap_servers, topic, outbox, absent_s):
    broker = stack.service("kafka")
    await outbox.send(topic, b"k", b"before")
    values = [b"%d" % number for number in range(60)]
    broker.pause()
    try:
        sending = []
        for value in values:
            sending.append(asyncio.ensure_future(outbox.send(topic, value, value)))
            await asyncio.sleep(absent_s / len(values))
    finally:
        broker.resume()
    async with asyncio.timeout(60):
        await asyncio.gather(*sending)
        assert await stored(bootstrap_servers, topic, len(values) + 1) == {b"before", *values}
