"""Where a topic ends is told at once, also while a fetch of nothing new waits at the broker."""

import asyncio
import contextlib
import time
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streams.playground.services import Stack
from streams.runtime.faust.consumer import OffsetsApart

#: how long the broker holds the fetch; Faust's is 1.5 s
HELD_S = 20


async def test_ends_are_told_while_a_fetch_waits(stack: Stack) -> None:
    options: dict[str, Any] = {"bootstrap_servers": stack.environment()["PANOPTES_KAFKA_BOOTSTRAP_SERVERS"]}
    place = TopicPartition(f"apart{time.time_ns()}", 0)
    admin = AIOKafkaAdminClient(**options)
    await admin.start()
    await admin.create_topics([NewTopic(place.topic, 1, 1)])
    consumer = AIOKafkaConsumer(fetch_max_wait_ms=HELD_S * 1000, auto_offset_reset="earliest", **options)
    fetches = asyncio.Event()
    send = consumer._client.send

    async def noting(node_id: int, request: Any, **how: Any) -> Any:
        if "Fetch" in type(request).__name__:
            fetches.set()
        return await send(node_id, request, **how)

    consumer._client.send = OffsetsApart(noting)
    await consumer.start()
    consumer.assign([place])
    reading = asyncio.create_task(consumer.getone())
    async with asyncio.timeout(HELD_S - 1):
        await fetches.wait()
        assert await consumer.end_offsets([place]) == {place: 0}
    reading.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await reading
    await consumer.stop()
    await admin.delete_topics([place.topic])
    await admin.close()
