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
        self.answers = asyncio.Event()  #: the broker, when asked for a partition's beginning
        self.answers.set()

    async def earliest_offsets(self, *tps: TP) -> Mapping[TP, int]:
        await self.answers.wait()
        return {tp: min(self._log[tp], default=0) for tp in tps}

    async def seek_to_committed(self) -> Mapping[TP, int | None]:
        self._position |= {tp: offset or 0 for tp, offset in self.committed.items()}
        return dict(self.committed)

    async def seek(self, tp: TP, offset: int) -> None:
        self.seeks.append(offset)
        self._position[tp] = offset

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Message]]:  # noqa: ASYNC109
        batch = [
            (tp, offset) for tp, offsets in self._log.items() for offset in offsets if offset >= self._position[tp]
        ]
        for tp, offset in batch:
            self._position[tp] = offset + 1
        for tp, offset in batch:
            if offset in self._throw_away:
                self._throw_away.remove(offset)
            else:
                yield tp, Message(offset)


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
    assert consumer.seeks == [5, 11]


async def test_a_compacted_topic_with_holes_everywhere_is_read_quickly() -> None:
    log = list(range(0, 2_000, 2))
    consumer = Consumer({INPUT: log}, None, set())
    assert await read(consumer, times=25) == log
    assert len(consumer.seeks) == 20


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
