"""Reads what the pipeline publishes into the board."""

from typing import Final, cast

from aiokafka import AIOKafkaConsumer

from schemas.errors import RecordError
from schemas.records import Gauge, PollStatus
from streams.pipeline import Topic
from streams.playground.demo.board import Board, BoardGaugeForm, BoardStatusForm
from streams.runtime.kafka.client import client_options
from streams.runtime.kafka.topic_names import topic_name
from streams.runtime.registry.opening import open_registry
from streams.runtime.registry.serde import Serdes
from streams.runtime.settings.loading import Settings

SHOWN: Final = (Topic.GAUGES, Topic.POLL_STATUS, Topic.DEAD_LETTERS)
#: a batch this large at most, so that the view stays fluent while catching up
MAX_RECORDS: Final = 2_000


async def follow(board: Board, settings: Settings) -> None:
    """Fill the board until cancelled. Raises KafkaError."""
    topics = {topic_name(settings, topic): topic for topic in SHOWN}
    reader = FeedReader(board, Serdes(settings, open_registry(settings)))
    consumer = AIOKafkaConsumer(
        *topics, **client_options(settings.kafka), auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
    try:
        while True:
            batches = await consumer.getmany(timeout_ms=500, max_records=MAX_RECORDS)
            for partition, records in batches.items():
                for record in records:
                    await reader.take(topics[partition.topic], record.value, record.timestamp / 1000)
    finally:
        await consumer.stop()


class FeedReader:
    """Decodes records with their writer's schema, and puts them on the board."""

    def __init__(self, board: Board, serdes: Serdes) -> None:
        self._board = board
        self._gauges = serdes.of(Topic.GAUGES, Gauge)
        self._statuses = serdes.of(Topic.POLL_STATUS, PollStatus)

    async def take(self, topic: Topic, value: bytes, stored_s: float) -> None:
        """Take a record that was stored at that time; unreadable ones are counted."""
        if topic is Topic.DEAD_LETTERS:
            self._board.dead_letters += 1
            return
        gauges, statuses = self._gauges, self._statuses
        prepare, decode = (
            (gauges.prepare, gauges.decode_dict) if topic is Topic.GAUGES else (statuses.prepare, statuses.decode_dict)
        )
        try:
            await prepare(value)
            datum = decode(value)
        except RecordError:
            self._board.unreadable += 1
            return
        if topic is Topic.GAUGES:
            self._board.gauge(cast("BoardGaugeForm", datum), stored_s)
        else:
            self._board.status(cast("BoardStatusForm", datum))
