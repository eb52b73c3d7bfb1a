"""Reads what the pipeline publishes into the board."""

import io
from typing import Any, Final

import fastavro
from aiokafka import AIOKafkaConsumer

from schemas.codec import parsed_schema
from streams.pipeline import TOPICS, Topic
from streams.playground.demo.board import Board

HEADER_BYTES: Final = 5  #: magic byte and schema id of the Confluent wire format
SHOWN: Final = (Topic.GAUGES, Topic.POLL_STATUS, Topic.DEAD_LETTERS)
#: a batch this large at most, so that the view stays fluent while catching up
MAX_RECORDS: Final = 2_000


async def follow(board: Board, bootstrap: str, prefix: str) -> None:
    """Fill the board until cancelled. Raises KafkaError."""
    topics = {f"{prefix}.{topic}": topic for topic in SHOWN}
    consumer = AIOKafkaConsumer(
        *topics, bootstrap_servers=bootstrap, group_id=None, auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
    try:
        while True:
            batches = await consumer.getmany(timeout_ms=500, max_records=MAX_RECORDS)
            for partition, records in batches.items():
                for record in records:
                    _take(board, topics[partition.topic], record)
    finally:
        await consumer.stop()


def _take(board: Board, topic: Topic, record: Any) -> None:
    if topic is Topic.DEAD_LETTERS:
        board.dead_letters += 1
        return
    value: Any = fastavro.schemaless_reader(
        io.BytesIO(record.value[HEADER_BYTES:]), parsed_schema(TOPICS[topic].schema), None
    )
    if topic is Topic.GAUGES:
        board.gauge(value, record.timestamp / 1000)
    else:
        board.status(value)
