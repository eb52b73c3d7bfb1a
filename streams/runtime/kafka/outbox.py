"""The producer of a stage: `send` returns only when the record is stored.

Faust's own producer carries the tables' changelogs; what a stage publishes goes through this one, with `acks=all` and
idempotence. `flush()` is not delivery, so each record's own future is awaited.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaError, MessageSizeTooLargeError, RecordListTooLargeError

from schemas.errors import RecordError
from streams.runtime.kafka.client import pause_unanswered
from streams.runtime.kafka.partitions import partition_of
from streams.runtime.kafka.reach import AWAY, explained
from streams.runtime.ops.waiting import WAITS

log = logging.getLogger(__name__)

_BACKOFF_S: Final = (0.1, 0.5, 1.0, 2.0, 5.0)
MAX_BATCH_BYTES: Final = 512 * 1024
#: how long a record waits for others of whatever partition: requests and batches, not records, are what costs
GATHERED_FOR_S: Final = 0.05
#: more than Kafka's format takes for a record beside its key and value, and for a batch beside its records
_FRAME_BYTES: Final = 64


class Outgoing(NamedTuple):
    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None = None  #: by the key where there is none


#: topic and partition
_Place = tuple[str, int]
#: records of one place, each with what its sender waits for
_Group = list[tuple[Outgoing, asyncio.Future[None]]]


async def _at_once() -> None:
    """Wait for nothing."""


class Outbox:
    """Sends records until they are stored on every in-sync replica; safe to use from many tasks at once."""

    def __init__(
        self,
        client_options: Mapping[str, object],
        *,
        partitions: int,
        max_request_bytes: int,
        max_batch_bytes: int = MAX_BATCH_BYTES,
        sure: Callable[[], Awaitable[None]] = _at_once,
    ) -> None:
        """`sure` returns when the partitions are surely still this worker's: what is sent in order waits for that."""
        self._options = dict(
            client_options,
            acks="all",
            enable_idempotence=True,
            compression_type="zstd",
            max_batch_size=max_batch_bytes,
            max_request_size=max_request_bytes,
        )
        self._partitions = partitions  #: of every topic
        self._max_request_bytes = max_request_bytes
        self._max_batch_bytes = max_batch_bytes
        self._sure = sure
        self._producer: AIOKafkaProducer | None = None
        self._is_stopped = False  #: for good
        self._renewing = asyncio.Lock()
        self._gathered: dict[_Place, _Group] = {}  #: while they wait for others, or for those that went before
        self._gathering: asyncio.TimerHandle | None = None
        self._sending: dict[_Place, asyncio.Task[None]] = {}
        self.retries = 0  #: sends that had to be repeated

    async def start(self) -> None:
        """Connect. Raises KafkaError while there is no broker, KafkaRefusedError where it does not let us in."""
        producer = AIOKafkaProducer(**self._options)
        pause_unanswered(producer.client)
        try:
            await producer.start()
        except KafkaConnectionError as problem:
            await producer.stop()
            raise await explained(self._options, problem) from None
        except BaseException:
            await producer.stop()
            raise
        self._producer = producer

    async def stop(self) -> None:
        """Send nothing from now on: a retry would be stored after the records of the next owner."""
        self._is_stopped = True
        if self._producer is not None:
            await self._producer.stop()
            self._producer = None
        self._gathered = {}
        for task in self._sending.values():  # of what was not stored; who sent it waits until he is stopped as well
            task.cancel()

    async def send(self, topic: str, key: bytes | None, value: bytes | None, partition: int | None = None) -> None:
        """Return when the record is stored. Raises RecordError for one that no broker will take (too large)."""
        await self.send_all([Outgoing(topic, key, value, partition)])

    async def send_all(self, records: Sequence[Outgoing], wait_s: float = GATHERED_FOR_S) -> None:
        """Return when all records are stored, in any order across partitions.

        They go with what is gathered already, or else wait so many seconds for others. Raises RecordError for the first
        that no broker will take, when the others are stored.
        """
        refused: RecordError | None = None
        for stored in [self._gather(record, wait_s) for record in records]:
            try:
                await stored
            except RecordError as error:
                refused = refused or error
        if refused is not None:
            raise refused

    def _gather(self, record: Outgoing, wait_s: float) -> asyncio.Future[None]:
        """Have a record sent with all that come soon after the first of them; return what is done when it is stored."""
        loop = asyncio.get_running_loop()
        if self._gathering is None:
            self._gathering = loop.call_later(wait_s, self._go)
        partition = record.partition
        if partition is None:
            partition = partition_of(record.key or b"", self._partitions)
        stored: asyncio.Future[None] = loop.create_future()
        self._gathered.setdefault((record.topic, partition), []).append((record, stored))
        return stored

    def _go(self) -> None:
        self._gathering = None
        for place in self._gathered:
            if place not in self._sending:
                self._sending[place] = asyncio.create_task(self._deliver(place), name=f"send-{place}")

    async def _deliver(self, place: _Place) -> None:
        """Send what is gathered for a place, batch after batch.

        Aiokafka lets a second batch of a partition wait for the first, without regard to a producer that is closed
        meanwhile: it would wait for ever.
        """
        try:
            while group := self._gathered.pop(place, None):
                try:
                    for part in _parts(group, self._max_batch_bytes):
                        await self._store(*place, part)
                except Exception as fault:  # noqa: BLE001 - it is the senders' to handle
                    for _, stored in group:
                        if not stored.done():
                            stored.set_exception(fault)
        finally:
            del self._sending[place]

    async def _store(self, topic: str, partition: int, part: _Group) -> None:
        """Send records as one batch, and one by one where that is refused: only who sent the culprit hears of it."""
        try:
            await self.send_batch(topic, partition, [(record.key, [record.value]) for record, _ in part])
        except RecordError as refused:
            if len(part) > 1:
                for one in part:
                    await self._store(topic, partition, [one])
            elif not part[0][1].done():
                part[0][1].set_exception(refused)
        else:
            for _, stored in part:
                if not stored.done():  # or nobody waits for it any more
                    stored.set_result(None)

    async def send_in_order(
        self, topic: str, partition: int, records: Sequence[tuple[bytes | None, Sequence[bytes | None]]]
    ) -> None:
        """Return when all records (keys, each with its values) are stored, in their order, in few batches.

        A worker that was paused may have lost the partition unawares: its new owner's records are newer, and must stand
        last. So each try waits until the partition is surely this worker's; who lost it cancels what waits.

        Raises RecordError for one that no broker will take; those before it are stored.
        """
        part: list[tuple[bytes | None, Sequence[bytes | None]]] = []
        room = self._max_batch_bytes - _FRAME_BYTES
        for key, values in records:
            frame = len(key or b"") + _FRAME_BYTES
            first = 0
            for number, value in enumerate(values):
                needs = frame + len(value or b"")
                if needs > room and (part or number > first):
                    await self.send_batch(topic, partition, [*part, (key, values[first:number])], if_sure=True)
                    part, first, room = [], number, self._max_batch_bytes - _FRAME_BYTES
                room -= needs
            part.append((key, values[first:]))
        if part:
            await self.send_batch(topic, partition, part, if_sure=True)

    async def send_batch(
        self,
        topic: str,
        partition: int,
        records: Sequence[tuple[bytes | None, Sequence[bytes | None]]],
        *,
        if_sure: bool = False,
    ) -> None:
        """Return when all records (keys, each with its values) are stored, in their order, as one batch.

        Raises RecordError for a batch that is larger than the outbox's `max_batch_bytes` (one record may be larger) or
        `max_request_bytes`, or than the topic takes.
        """
        size = sum(len(value) for _, values in records for value in values if value is not None)

        async def attempt(producer: AIOKafkaProducer) -> None:
            if if_sure:
                await self._sure()
            if size > self._max_request_bytes:
                raise MessageSizeTooLargeError
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
        self, topic: str, size: int, send: Callable[[AIOKafkaProducer], Coroutine[object, None, None]]
    ) -> None:
        """Send, again and again if need be, until that is stored."""
        attempt = 0
        while True:
            producer = self._producer
            try:
                if producer is None:
                    raise KafkaError("producer is not connected")  # noqa: TRY301
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
            if self._producer is not broken or self._is_stopped:
                return
            self._producer = None
            if broken is not None:
                await _stop_quietly(broken)
            try:
                await self.start()
            except AWAY as problem:
                log.warning("waiting for kafka to send problem=%r", problem)


def _parts(group: _Group, most_bytes: int) -> Iterator[_Group]:
    """Yield the records that somebody waits for, in parts that fit into a batch; a large one by itself."""
    part: _Group = []
    room = most_bytes - _FRAME_BYTES
    for record, stored in group:
        if stored.cancelled():
            continue
        needs = len(record.key or b"") + len(record.value or b"") + _FRAME_BYTES
        if part and needs > room:
            yield part
            part, room = [], most_bytes - _FRAME_BYTES
        part.append((record, stored))
        room -= needs
    if part:
        yield part


async def _stop_quietly(producer: AIOKafkaProducer) -> None:
    try:
        await asyncio.wait_for(producer.stop(), timeout=5.0)
    except (KafkaError, OSError, TimeoutError) as problem:
        log.info("closing a broken producer problem=%r", problem)
