"""The topic that Telegraf writes to: made, and read back whole to see that what was counted has arrived."""

import asyncio
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

PARTITIONS: Final = 8


def create(brokers: str, name: str) -> None:
    """Make the topic, with as many partitions as the pipeline's have here."""

    async def make() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=brokers)
        await admin.start()
        try:
            await admin.create_topics([NewTopic(name, PARTITIONS, 1)])
        finally:
            await admin.close()

    asyncio.run(make())


def read(brokers: str, name: str) -> list[str]:
    """Return every record as text, without its line's end; those of a partition in their order."""

    async def take() -> list[str]:
        parts = [TopicPartition(name, number) for number in range(PARTITIONS)]
        consumer = AIOKafkaConsumer(bootstrap_servers=brokers, auto_offset_reset="earliest")
        await consumer.start()
        try:
            consumer.assign(parts)
            await consumer.seek_to_beginning(*parts)
            left = sum((await consumer.end_offsets(parts)).values())
            lines: list[str] = []
            while len(lines) < left:
                for records in (await consumer.getmany(timeout_ms=1000)).values():
                    lines.extend(record.value.decode().rstrip("\n") for record in records)
            return lines
        finally:
            await consumer.stop()

    return asyncio.run(take())
