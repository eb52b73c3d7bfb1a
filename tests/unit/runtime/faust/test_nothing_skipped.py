"""Records that the consumer below throws away come again; those that do not exist are not waited for."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, NamedTuple

import pytest
from faust.types import TP

from streams.runtime.faust.nothing_skipped import NothingSkipped

INPUT, CHANGELOG = TP("ticks", 0), TP("changelog", 0)


class Message(NamedTuple):
    offset: int


class _Topics:
    def acks_enabled_for(self, topic: str) -> bool:
        return topic == "ticks"


class _App:
    topics = _Topics()


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
    """A consumer over lists of offsets, which throws away what it is told to."""

    def __init__(self, log: Mapping[TP, list[int]], committed: int | None, throw_away: set[int]) -> None:
        self._log = log
        self._position = dict.fromkeys(log, 0)
        self.committed = {tp: committed for tp in log if tp == INPUT}
        self._throw_away = throw_away
        self.seeks: list[int] = []
        self.fetches = 0
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
        self.fetches += 1
        batch = {
            tp: [Message(offset) for offset in offsets if offset >= self._position[tp]][: self.at_once]
            for tp, offsets in self._log.items()
        }
        for tp, messages in batch.items():
            if messages:
                self._position[tp] = messages[-1].offset + 1
        return batch

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Message]]:  # noqa: ASYNC109
        batch = await self._getmany(None, timeout)
        for tp, messages in batch.items():
            for message in messages:
                if message.offset in self._throw_away:
                    self._throw_away.remove(message.offset)
                else:
                    yield tp, message


class Consumer(NothingSkipped, Broken):
    app = _App()

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.offsets = _Noted()


async def read(consumer: Consumer, times: int = 30) -> list[int]:
    await consumer.seek_to_committed()
    return [message.offset for _ in range(times) async for tp, message in consumer.getmany(1.0) if tp == INPUT]


@pytest.mark.parametrize(
    ("committed", "thrown_away"),
    [
        pytest.param(22, set(), id="nothing-lost"),
        pytest.param(22, {22, 23, 24}, id="lost-behind-the-committed-offset"),
        pytest.param(22, {25}, id="lost-in-between"),
        pytest.param(None, {20}, id="first-of-a-fresh-group"),
        pytest.param(None, {20, 21, 23, 26}, id="here-and-there"),
    ],
)
async def test_every_record_comes_in_order(committed: int | None, thrown_away: set[int]) -> None:
    consumer = Consumer({INPUT: list(range(20, 30))}, committed, thrown_away)
    came = await read(consumer)
    assert list(dict.fromkeys(came)) == list(range(committed or 20, 30))
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


async def test_a_record_that_is_thrown_away_behind_any_number_of_holes_comes_again() -> None:
    log = list(range(0, 2_000, 2))
    consumer = Consumer({INPUT: log}, None, {1_500, 1_600, 1_998})
    consumer.at_once = 10
    assert await read(consumer, times=400) == log
    assert consumer.offsets.offsets == log


async def test_a_record_that_is_thrown_away_twice_is_not_taken_for_a_hole() -> None:
    consumer = Consumer({INPUT: list(range(20, 30))}, 20, set())
    consumer._throw_away = [22, 22, 22]  # type: ignore[assignment]
    assert await read(consumer) == list(range(20, 30))


async def test_what_was_not_handed_on_when_its_reader_left_comes_again() -> None:
    consumer = Consumer({INPUT: list(range(20, 30))}, 20, set())
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


async def test_a_seek_that_ends_after_a_newer_one_changes_nothing() -> None:
    consumer = Consumer({INPUT: list(range(20, 30))}, None, set())
    consumer.answers.clear()
    earlier = asyncio.create_task(consumer.seek_to_committed())
    await asyncio.sleep(0)
    consumer.committed[INPUT] = 27  # by the partition's owner before this one
    await consumer.seek_to_committed()
    consumer.answers.set()
    await earlier
    assert [message.offset async for _, message in consumer.getmany(1.0)] == [27, 28, 29]
    assert consumer.seeks == []


async def test_a_newer_seek_that_fails_takes_nothing_from_an_earlier_one() -> None:
    consumer = Consumer({INPUT: list(range(20, 30))}, None, {20})
    consumer.answers.clear()
    earlier = asyncio.create_task(consumer.seek_to_committed())
    newer = asyncio.create_task(consumer.seek_to_committed())
    await asyncio.sleep(0)
    newer.cancel()
    consumer.answers.set()
    await earlier
    came = [message.offset for _ in range(3) async for _, message in consumer.getmany(1.0)]
    assert came == list(range(20, 30))


async def test_changelogs_are_left_to_faust() -> None:
    consumer = Consumer({CHANGELOG: [5, 9]}, None, set())
    await consumer.seek_to_committed()
    assert [message.offset async for _, message in consumer.getmany(1.0)] == [5, 9]
    assert consumer.seeks == []
