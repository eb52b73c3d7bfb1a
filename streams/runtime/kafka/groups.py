"""Reads and sets the committed offsets of consumer groups."""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import CommitFailedError, IllegalGenerationError, KafkaError, UnknownMemberIdError

from schemas.errors import BackendError
from streams.runtime.kafka.reach import asking
from streams.runtime.kafka.replay import partitions_of, reader

NOW: Final = "now"
EARLIEST: Final = "earliest"
_PLACES_LAST: Final = "offsets.retention.minutes"

Offsets = Mapping[TopicPartition, int]


class GroupInUseError(BackendError):
    """The group has workers, and only they may move it."""


async def committed(client_options: Mapping[str, object], group: str) -> dict[TopicPartition, int]:
    """Return a group's committed offsets. Raises KafkaError."""
    async with asking(client_options) as admin:
        found = await admin.list_consumer_group_offsets(group)
    return {tp: at.offset for tp, at in found.items() if at.offset >= 0}


async def begins(
    client_options: Mapping[str, object], topics: Iterable[str], start: str | int
) -> dict[TopicPartition, int]:
    """Return the start offset of each partition: `NOW`, `EARLIEST`, or a time, Unix milliseconds.

    Raises BackendError if a topic does not exist, KafkaError.
    """
    consumer = AIOKafkaConsumer(**client_options, enable_auto_commit=False)
    try:
        await consumer.start()
        tps = [tp for topic in topics for tp in await partitions_of(consumer, topic)]
        if start == EARLIEST:
            return dict(await consumer.beginning_offsets(tps))
        ends: dict[TopicPartition, int] = await consumer.end_offsets(tps)
        if start == NOW:
            return ends
        found = await consumer.offsets_for_times(dict.fromkeys(tps, start))
        return {tp: ends[tp] if at is None else at.offset for tp, at in found.items()}
    finally:
        await consumer.stop()


async def written_at(client_options: Mapping[str, object], offsets: Offsets) -> dict[TopicPartition, int]:
    """Return when the first record from each offset on was written, Unix milliseconds; none where there is none yet.

    Raises KafkaError.
    """
    async with reader(client_options) as consumer:
        first, ends = await consumer.beginning_offsets(list(offsets)), await consumer.end_offsets(list(offsets))
        wanted = {tp: max(at, first[tp]) for tp, at in offsets.items() if max(at, first[tp]) < ends[tp]}
        consumer.assign(list(wanted))
        found: dict[TopicPartition, int] = {}
        for tp, at in wanted.items():
            consumer.seek(tp, at)
        while unread := wanted.keys() - found.keys():
            for tp, records in (await consumer.getmany(*unread, timeout_ms=1_000, max_records=len(unread))).items():
                found.setdefault(tp, records[0].timestamp)
        return found


async def move_to_times(
    client_options: Mapping[str, object], group: str, times: Mapping[TopicPartition, int]
) -> dict[TopicPartition, int]:
    """Have a group without workers begin with the first record of each partition's time; return the offsets.

    Raises as `begins` and `move`.
    """
    if not times:
        return {}
    async with reader(client_options) as consumer:
        ends = await consumer.end_offsets(list(times))
        found = await consumer.offsets_for_times(dict(times))
    offsets = {tp: ends[tp] if at is None else at.offset for tp, at in found.items()}
    await move(client_options, group, offsets)
    return offsets


async def move(client_options: Mapping[str, object], group: str, offsets: Offsets) -> None:
    """Commit offsets for a group that has no workers. Raises GroupInUseError where it has, KafkaError."""
    if not offsets:
        return
    consumer = AIOKafkaConsumer(**client_options, group_id=group, enable_auto_commit=False)
    try:
        await consumer.start()
        consumer.assign(list(offsets))
        await consumer.commit(dict(offsets))
    except (CommitFailedError, IllegalGenerationError, UnknownMemberIdError) as problem:
        raise GroupInUseError(f"group {group} has workers: only without them can it be moved") from problem
    finally:
        await consumer.stop()


async def begin_new(client_options: Mapping[str, object], group: str, topics: Collection[str], start: str | int) -> int:
    """Commit `start` for a group in partitions without a committed offset; return how many.

    Once there it stays: a worker that dies before its first commit leaves nothing out. Raises as `begins` and `move`.
    """
    known = await committed(client_options, group)
    found = await begins(client_options, topics, start)
    fresh = {tp: offset for tp, offset in found.items() if tp not in known}
    await move(client_options, group, fresh)
    return len(fresh)


async def places_last_s(client_options: Mapping[str, object]) -> int | None:
    """Return how long Kafka keeps the offsets of a group without workers, if it tells. Raises KafkaError."""
    async with asking(client_options) as admin:
        cluster = await admin.describe_cluster()
        broker = ConfigResource(ConfigResourceType.BROKER, str(cluster["brokers"][0]["node_id"]), {_PLACES_LAST: None})
        [response] = await admin.describe_configs([broker])
    found = [entry[1] for _, _, _, _, entries in response.resources for entry in entries if entry[0] == _PLACES_LAST]
    return int(found[0]) * 60 if found else None


class Ends:
    """Looks up end offsets of partitions over one kept connection, opened on first use."""

    def __init__(self, client_options: Mapping[str, object]) -> None:
        self._options = client_options
        self._consumer: AIOKafkaConsumer | None = None

    async def of(self, tps: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Return the end offset of each partition. Raises KafkaError."""
        try:
            if self._consumer is None:
                self._consumer = AIOKafkaConsumer(**self._options, enable_auto_commit=False)
                await self._consumer.start()
            found: Mapping[TopicPartition, int] = await self._consumer.end_offsets(list(tps))
        except (KafkaError, OSError):
            await self.close()
            raise
        return found

    async def close(self) -> None:
        """Close the connection."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()
