"""Records that get lost between Kafka and who takes them come again; those that do not exist are not waited for."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any, NamedTuple

import pytest
from faust.types import TP

from streams.runtime.faust.nothing_skipped import TAKEN_AT_ONCE, NothingSkipped
from streams.runtime.kernel.records import Place, Record

INPUT, CHANGELOG = TP("ticks", 0), TP("changelog", 0)


class Message(NamedTuple):
    offset: int
    key: bytes = b"k"
    value: bytes = b"v"
    timestamp: int = 7


class _App:
    consumer_generation_id = 1


class _Noted:
    def __init__(self) -> None:
        self.offsets: list[int] = []

    def fetched(self, tp: TP, offset: int) -> None:
        assert tp == INPUT
        self.offsets.append(offset)

    def committed(self, tp: TP, offset: int) -> None:
        assert tp == INPUT
        self.offsets = [each for each in self.offsets if each >= offset]


class Broken:
    """A consumer over lists of offsets; fetches that bring what it is told to throw away get lost on their way."""

    def __init__(self, log: Mapping[TP, list[int]], committed: int | None, throw_away: Collection[int]) -> None:
        self._log = log
        self._position = dict.fromkeys(log, 0)
        self.committed = {tp: committed for tp in log if tp == INPUT}
        self._throw_away = list(throw_away)
        self.flow_active = True
        self.active = set(log)  #: partitions that are not paused
        self.seeks: list[int] = []
        self.at_once = 10_000  #: records of a partition that a fetch brings at most
        self._thread = self
        self.answers = asyncio.Event()  #: the broker, when asked for a partition's beginning
        self.answers.set()

    async def earliest_offsets(self, *tps: TP) -> Mapping[TP, int]:
        await self.answers.wait()
        return {tp: min(self._log[tp], default=0) for tp in tps}

    async def seek_to_committed(self) -> Mapping[TP, int | None]:
        self._position |= {tp: offset or 0 for tp, offset in self.committed.items()}
        return dict(self.committed)

    async def call_thread(self, _work: Any, left: Mapping[TP, tuple[int, int]]) -> None:
        """Set back where nobody has moved the partition meanwhile, as the consumer's thread does."""
        for tp, (first, behind) in left.items():
            if self._position[tp] == behind:
                self._position[tp] = first

    async def seek(self, tp: TP, offset: int) -> None:
        self.seeks.append(offset)
        self._position[tp] = offset

    async def _getmany(self, _active: Any, _timeout: float) -> Mapping[TP, list[Message]]:
        batch = {
            tp: [Message(offset) for offset in offsets if offset >= self._position[tp]][: self.at_once]
            for tp, offsets in self._log.items()
        }
        for tp, messages in batch.items():
            if messages:
                self._position[tp] = messages[-1].offset + 1
        lost = {message.offset for messages in batch.values() for message in messages} & set(self._throw_away)
        for offset in lost:
            self._throw_away.remove(offset)
        return {} if lost else batch

    async def _wait_next_records(self, timeout: float) -> tuple[Mapping[TP, list[Message]], set[TP]]:  # noqa: ASYNC109
        return await self._getmany(None, timeout), self.active

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Message]]:  # noqa: ASYNC109
        batch, _ = await self._wait_next_records(timeout)
        for tp, messages in (batch or {}).items():
            for message in messages:
                yield tp, message


class Consumer(NothingSkipped, Broken):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.app = _App()
        self.offsets = _Noted()
        self.came: list[int] = []
        self.takes = {INPUT.topic: self.take}
        self.ends_at: int | None = None  #: the record with which the flow is suspended
        self.pauses_at: int | None = None  #: the record with which the partition is paused
        self.renewed_at: int | None = None  #: the record with which a newer assignment comes

    def take(self, record: Record) -> None:
        assert record[2:] == (b"k", b"v", 7)
        assert record.place == Place(*INPUT)
        self.came.append(record.offset)
        self.flow_active = self.flow_active and record.offset != self.ends_at
        if record.offset == self.pauses_at:
            self.active.discard(INPUT)
        self.app.consumer_generation_id += record.offset == self.renewed_at


async def read(consumer: Consumer, times: int = 30) -> list[int]:
    await consumer.seek_to_committed()
    return await go_on(consumer, times)


async def go_on(consumer: Consumer, times: int = 1) -> list[int]:
    for _ in range(times):
        assert [message async for _, message in consumer.getmany(1.0)] == [], "none goes through Faust"
    return consumer.came


@pytest.mark.parametrize("at_once", [1, 3, 10])
@pytest.mark.parametrize(
    ("committed", "lost"),
    [
        pytest.param(22, [], id="nothing-lost"),
        pytest.param(22, [22, 23, 24], id="lost-behind-the-committed-offset"),
        pytest.param(22, [25], id="lost-in-between"),
        pytest.param(None, [20], id="first-of-a-fresh-group"),
        pytest.param(None, [20, 21, 23, 26], id="here-and-there"),
    ],
)
async def test_every_record_comes_in_order(committed: int | None, lost: list[int], at_once: int) -> None:
    consumer = Consumer({INPUT: list(range(20, 40))}, committed, lost)
    consumer.at_once = at_once
    came = await read(consumer, times=60)
    assert came == list(range(committed or 20, 40))
    assert consumer.offsets.offsets == came


async def test_records_that_do_not_exist_are_not_waited_for() -> None:
    log = [3, 4, 9, 10, 30]
    consumer = Consumer({INPUT: log}, 4, set())
    assert await read(consumer) == [4, 9, 10, 30]
    assert consumer.seeks == []


@pytest.mark.parametrize("at_once", [1, 2, 3])
async def test_nor_are_those_between_two_fetches_for_which_is_looked_once(at_once: int) -> None:
    log = [3, 4, 9, 10, 30]
    consumer = Consumer({INPUT: log}, 4, set())
    consumer.at_once = at_once
    assert await read(consumer) == [4, 9, 10, 30]
    assert len(consumer.seeks) == len(set(consumer.seeks)) <= 2


async def test_a_compacted_topic_with_holes_everywhere_is_read_quickly() -> None:
    log = list(range(0, 2_000, 2))
    consumer = Consumer({INPUT: log}, None, set())
    consumer.at_once = 100
    assert await read(consumer, times=25) == log
    assert len(consumer.seeks) == 9, "one between two fetches"


async def test_a_record_that_is_lost_behind_any_number_of_holes_comes_again() -> None:
    log = list(range(0, 2_000, 2))
    consumer = Consumer({INPUT: log}, None, {1_500, 1_600, 1_900})
    consumer.at_once = 10
    assert await read(consumer, times=500) == log
    assert consumer.offsets.offsets == log


async def test_what_was_fetched_of_a_partition_that_is_paused_meanwhile_is_still_taken() -> None:
    consumer = Consumer({INPUT: list(range(300))}, 0, set())
    consumer.pauses_at = 80
    await consumer.seek_to_committed()
    assert await go_on(consumer) == list(range(300))
    assert consumer._position[INPUT] == 300, "nothing is fetched again"


@pytest.mark.parametrize("ends", ["flow", "assignment"])
async def test_what_was_not_taken_when_the_flow_ended_comes_again(ends: str) -> None:
    consumer = Consumer({INPUT: list(range(300))}, 0, set())
    if ends == "flow":
        consumer.ends_at = 80
    else:
        consumer.renewed_at = 80
    await consumer.seek_to_committed()
    came = list(await go_on(consumer))
    assert came == list(range(2 * TAKEN_AT_ONCE)), "looked at after each turn of the event loop"
    consumer.flow_active = True
    assert await go_on(consumer) == list(range(300))
    assert consumer.seeks == []


async def test_what_was_fetched_while_the_flow_was_suspended_comes_again() -> None:
    consumer = Consumer({INPUT: list(range(20, 30))}, 20, set())
    consumer.flow_active = False
    assert await read(consumer, times=3) == []
    consumer.flow_active = True
    assert await go_on(consumer) == list(range(20, 30))


async def test_others_get_a_turn_between_two_parts_of_a_batch() -> None:
    consumer = Consumer({INPUT: list(range(1_000))}, 0, set())
    await consumer.seek_to_committed()
    reading = asyncio.create_task(go_on(consumer))
    seen: set[int] = set()
    while not reading.done():
        await asyncio.sleep(0)
        seen.add(len(consumer.came))
    assert len(seen) > 10


async def test_a_fault_of_who_takes_ends_it_and_the_record_counts_as_not_done() -> None:
    consumer = Consumer({INPUT: [20, 21]}, 20, set())

    def take(record: Record) -> None:
        raise ValueError(record.offset)

    consumer.takes = {INPUT.topic: take}
    with pytest.raises(ValueError, match="20"):
        await read(consumer)
    assert consumer.offsets.offsets == [20]


async def test_a_seek_that_ends_after_a_newer_one_changes_nothing() -> None:
    consumer = Consumer({INPUT: list(range(20, 30))}, None, set())
    consumer.answers.clear()
    earlier = asyncio.create_task(consumer.seek_to_committed())
    await asyncio.sleep(0)
    consumer.committed[INPUT] = 27  # by the partition's owner before this one
    await consumer.seek_to_committed()
    consumer.answers.set()
    await earlier
    assert await go_on(consumer) == [27, 28, 29]
    assert consumer.seeks == []


async def test_a_newer_seek_that_fails_takes_nothing_from_an_earlier_one() -> None:
    consumer = Consumer({INPUT: list(range(20, 30))}, None, {20})
    consumer.at_once = 1
    consumer.answers.clear()
    earlier = asyncio.create_task(consumer.seek_to_committed())
    newer = asyncio.create_task(consumer.seek_to_committed())
    await asyncio.sleep(0)
    newer.cancel()
    consumer.answers.set()
    await earlier
    assert await go_on(consumer, times=20) == list(range(20, 30))


async def test_changelogs_are_left_to_faust_beside_inputs() -> None:
    consumer = Consumer({CHANGELOG: [5, 9], INPUT: [1, 2]}, 1, set())
    await consumer.seek_to_committed()
    assert [message.offset async for _, message in consumer.getmany(1.0)] == [5, 9]
    assert consumer.came == [1, 2]
    assert consumer.seeks == []


async def test_what_was_not_handed_on_of_a_changelog_when_its_reader_left_comes_again() -> None:
    consumer = Consumer({CHANGELOG: list(range(20, 30))}, None, set())
    await consumer.seek_to_committed()
    came: list[int] = []
    records = consumer.getmany(1.0)
    async for _, message in records:
        came.append(message.offset)
        if message.offset == 24:
            break
    await records.aclose()  # type: ignore[attr-defined]
    came += [message.offset async for _, message in consumer.getmany(1.0)]
    assert came == [20, 21, 22, 23, 24, 24, 25, 26, 27, 28, 29], "nobody knows what became of the last one"
