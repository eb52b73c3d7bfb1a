"""Reads topics without a consumer group, from the beginning or from a time, up to their present end."""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaConnectionError
from aiokafka.structs import ConsumerRecord

from schemas.errors import BackendError
from streams.runtime.kafka.reach import explained

_METADATA_TIMEOUT_S = 10.0


@asynccontextmanager
async def reader(client_options: Mapping[str, object]) -> AsyncIterator[AIOKafkaConsumer]:
    """Give a consumer that joins no group and commits nothing.

    Raises KafkaError if the broker is away, KafkaRefusedError if it does not let us in.
    """
    consumer = AIOKafkaConsumer(**client_options, enable_auto_commit=False, auto_offset_reset="earliest")
    try:
        try:
            await consumer.start()
        except KafkaConnectionError as problem:
            raise await explained(client_options, problem) from None
        yield consumer
    finally:
        await consumer.stop()


async def read_until(
    consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]
) -> AsyncIterator[tuple[TopicPartition, ConsumerRecord]]:
    """Yield every record before these offsets from the consumer's position on, in order within a partition."""
    unread = {tp for tp, end in ends.items() if await consumer.position(tp) < end}
    while unread:
        for tp, records in (await consumer.getmany(*unread, timeout_ms=1_000)).items():
            for record in records:
                if record.offset < ends[tp]:
                    yield tp, record
        unread = {tp for tp in unread if await consumer.position(tp) < ends[tp]}


async def replay(
    client_options: Mapping[str, object],
    topic: str,
    *,
    since_ms: int | None = None,
    only: Collection[int] | None = None,
) -> AsyncIterator[ConsumerRecord]:
    """Yield every record, in order within a partition; no group is joined and nothing is committed.

    `since_ms` leaves out what was stored before that time, `only` all partitions but those.

    Raises BackendError if the topic does not exist, KafkaError if the broker goes away.
    """
    async with reader(client_options) as consumer:
        tps = {tp for tp in await partitions_of(consumer, topic) if only is None or tp.partition in only}
        ends = await consumer.end_offsets(tps)
        consumer.assign(tps)
        await seek(consumer, tps, since_ms)
        async for _, record in read_until(consumer, ends):
            yield record


async def partitions(client_options: Mapping[str, object], topic: str) -> list[int]:
    """Return the numbers of a topic's partitions. Raises as `replay` does."""
    async with reader(client_options) as consumer:
        return sorted(tp.partition for tp in await partitions_of(consumer, topic))


async def partitions_of(consumer: AIOKafkaConsumer, topic: str) -> set[TopicPartition]:
    """Return a topic's partitions. Raises BackendError if it does not exist."""
    await consumer._client.set_topics([topic])  # noqa: SLF001 - a consumer asks for a topic's metadata only so
    numbers = consumer.partitions_for_topic(topic)
    if not numbers:
        raise BackendError(f"there is no topic {topic}: has the pipeline run (or `panoptes topics create`)?")
    return {TopicPartition(topic, number) for number in numbers}


async def seek(consumer: AIOKafkaConsumer, tps: Collection[TopicPartition], since_ms: int | None) -> None:
    """Move the consumer to the first record of that time or later; None is the beginning."""
    if since_ms is None:
        await consumer.seek_to_beginning(*tps)
        return
    ends = await consumer.end_offsets(tps)
    found = await consumer.offsets_for_times(dict.fromkeys(tps, since_ms))
    for tp, at in found.items():
        consumer.seek(tp, ends[tp] if at is None else at.offset)
