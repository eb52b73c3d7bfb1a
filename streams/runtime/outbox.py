"""The producer of a stage: a record is delivered or the call does not return.

Faust's own producer carries the tables' changelogs; what a stage publishes goes through this one, with `acks=all` and
idempotence. `flush()` is not delivery, so each record's own future is awaited.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError

from schemas.errors import RecordError
from streams.runtime.waiting import WAITS

log = logging.getLogger(__name__)

_BACKOFF_S: Final = (0.1, 0.5, 1.0, 2.0, 5.0)
MAX_BATCH_BYTES: Final = 512 * 1024
#: how long a record waits for others, of whatever partition: requests, not records, are what costs. Aiokafka's own
#: `linger_ms` is of each partition by itself, and so are then its requests. Whole batches do not wait
GATHERED_FOR_S: Final = 0.05


class Record(NamedTuple):
    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None = None  #: by the key where there is none


#: a producer that was handed something, and what is done when that is stored
_Begun = tuple[AIOKafkaProducer, Awaitable[Any]]


class Outbox:
    """Sends records until they are stored on every in-sync replica; safe to use from many tasks at once."""

    def __init__(
        self, client_options: Mapping[str, Any], *, max_request_bytes: int, max_batch_bytes: int = MAX_BATCH_BYTES
    ) -> None:
        self._options = dict(
            client_options,
            acks="all",
            enable_idempotence=True,
            compression_type="zstd",
            max_batch_size=max_batch_bytes,
            max_request_size=max_request_bytes,
        )
        self._producer: AIOKafkaProducer | None = None
        self._renewing = asyncio.Lock()
        self._gathering: asyncio.Event | None = None  #: while records wait for others; set when they go
        self.retries = 0  #: sends that had to be repeated

    async def start(self) -> None:
        """Connect. Raises KafkaError while there is no broker."""
        producer = AIOKafkaProducer(**self._options)
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        self._producer = producer

    async def stop(self) -> None:
        if self._producer is not None:
            await self._producer.stop()
            self._producer = None

    async def send(self, topic: str, key: bytes | None, value: bytes | None, partition: int | None = None) -> None:
        """Return when the record is stored. Raises RecordError for one that no broker will take (too large)."""
        await self.send_all([Record(topic, key, value, partition)])

    async def send_all(self, records: Sequence[Record]) -> None:
        """Return when all records are stored, in whatever order.

        Raises RecordError for the first that no broker will take, when the others are stored.
        """
        if records:
            await self._gathered()
        begun = [(record, await self._begin(record)) for record in records]
        refused: RecordError | None = None
        for record, under_way in begun:
            try:
                await self._stored(record, under_way)
            except RecordError as error:
                refused = refused or error
        if refused is not None:
            raise refused

    async def _gathered(self) -> None:
        """Return when records go to the producer, at once with all that came since the first of them."""
        if self._gathering is None:
            self._gathering = asyncio.Event()
            asyncio.get_running_loop().call_later(GATHERED_FOR_S, self._go, self._gathering)
        await self._gathering.wait()

    def _go(self, gathered: asyncio.Event) -> None:
        self._gathering = None
        gathered.set()

    async def _begin(self, record: Record) -> _Begun | None:
        """Hand a record to the producer, as the first try, which may have failed already; None without a producer."""
        producer = self._producer
        if producer is None:
            return None
        try:
            return producer, await _hand_over(producer, record)
        except (KafkaError, OSError) as problem:
            failed = asyncio.get_running_loop().create_future()
            failed.set_exception(problem)
            return producer, failed

    async def _stored(self, record: Record, begun: _Begun | None) -> None:
        async def attempt(producer: AIOKafkaProducer) -> None:
            await (await _hand_over(producer, record))

        await self._until_stored(record.topic, len(record.value or b""), attempt, begun)

    async def send_batch(self, topic: str, partition: int, records: Sequence[tuple[bytes, Sequence[bytes]]]) -> None:
        """Return when all records (keys, each with its values) are stored, in their order, as one batch.

        Raises RecordError for a batch that is larger than the outbox's `max_batch_bytes` or than the topic takes.
        """
        size = sum(sum(map(len, values)) for _, values in records)

        async def attempt(producer: AIOKafkaProducer) -> None:
            batch = producer.create_batch()
            append, at_ms = batch.append, time.time_ns() // 1_000_000
            for key, values in records:
                for value in values:
                    if append(timestamp=at_ms, key=key, value=value) is None:
                        raise MessageSizeTooLargeError
            batch.close()
            await (await producer.send_batch(batch, topic, partition=partition))

        await self._until_stored(topic, size, attempt)

    async def _until_stored(
        self,
        topic: str,
        size: int,
        send: Callable[[AIOKafkaProducer], Coroutine[Any, Any, None]],
        begun: _Begun | None = None,
    ) -> None:
        """Send, again and again if need be, until that is stored; `begun` is the first try if it is under way."""
        attempt = 0
        while True:
            producer = self._producer
            try:
                if begun is not None:
                    producer, stored = begun
                    begun = None
                    await stored
                elif producer is None:
                    raise KafkaError("producer is not connected")  # noqa: TRY301
                else:
                    await send(producer)
            except (MessageSizeTooLargeError, RecordListTooLargeError) as problem:
                raise RecordError(f"{size} bytes for {topic} are more than the topic takes at once") from problem
            except (KafkaError, OSError) as problem:
                self.retries += 1
                WAITS.seen()
                if attempt % len(_BACKOFF_S) == 0:
                    log.warning("send failed, trying again topic=%s problem=%r", topic, problem)
                await asyncio.sleep(_BACKOFF_S[min(attempt, len(_BACKOFF_S) - 1)])
                attempt += 1
                await self._renew(producer)
            else:
                return

    async def _renew(self, broken: AIOKafkaProducer | None) -> None:
        """Replace a producer whose send failed for good: after a fatal error an idempotent one takes nothing more."""
        async with self._renewing:
            if self._producer is not broken:
                return
            self._producer = None
            if broken is not None:
                await _stop_quietly(broken)
            try:
                await self.start()
            except (KafkaError, OSError) as problem:
                log.warning("waiting for kafka to send problem=%r", problem)


async def _hand_over(producer: AIOKafkaProducer, record: Record) -> Awaitable[Any]:
    """Return what is done when the record is stored. Raises KafkaError, OSError."""
    topic, key, value, partition = record
    stored: Awaitable[Any] = await producer.send(topic, value, key=key, partition=partition)
    return stored


async def _stop_quietly(producer: AIOKafkaProducer) -> None:
    try:
        await asyncio.wait_for(producer.stop(), timeout=5.0)
    except (KafkaError, OSError, TimeoutError) as problem:
        log.info("closing a broken producer problem=%r", problem)
