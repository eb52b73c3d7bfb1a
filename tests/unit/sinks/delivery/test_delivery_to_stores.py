"""Batches wait while a store is away, nothing is given up, and what it will never have is set aside."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from pollers.plugins.batch import Batch, CannotEver, Refused, TryAgain, Written
from schemas.errors import RecordError
from streams.pipeline import Topic
from streams.runtime.kernel.offsets import Offsets
from streams.runtime.kernel.records import Place, Record
from streams.runtime.ops.waiting import WAITS
from streams.runtime.registry.serde import UnknownSchema
from streams.sinks.delivery import agent_delivery
from streams.sinks.delivery.agent_delivery import Counts, SinkHandler, Store
from streams.sinks.delivery.agent_places import Places
from tests.unit.sinks.batches import decoding
from tests.unit.sinks.gauges import encode, gauge

PLACE = Place("gauges", 3)


class Scripted:
    """A sink that answers as it is told, then stores everything."""

    def __init__(self, *answers: Exception | Written) -> None:
        self.answers = list(answers)
        self.given: list[Batch] = []

    async def write(self, batch: Batch) -> Written:
        self.given.append(batch)
        answer = self.answers.pop(0) if self.answers else Written(len(batch.gauges))
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self) -> None:
        """Do nothing."""


class Letters:
    def __init__(self) -> None:
        self.put_aside: list[tuple[int, str, bytes | None]] = []

    async def put(
        self, error: BaseException, *, origin: tuple[str, int, int], key: bytes | None, value: bytes | None
    ) -> None:
        self.put_aside.append((origin[2], str(error), value))


class Registry:
    """Knows every schema but those that it is told not to know."""

    def __init__(self, unknown: Sequence[bytes] = ()) -> None:
        self.unknown = unknown
        self.asked: list[bytes] = []

    async def prepare(self, value: bytes) -> None:
        self.asked.append(value)
        if value in self.unknown:
            raise RecordError("no such schema")


class Harness:
    def __init__(self, *answers: Exception | Written, unknown: Sequence[bytes] = ()) -> None:
        self.sink, self.letters, self.counts = Scripted(*answers), Letters(), Counts()
        self.registry: Any = Registry(unknown)
        self.store = Store("store", self.sink, self.counts)
        self.places = Places({}, "group", [PLACE.topic], Offsets())
        self.delivery = SinkHandler(Topic.GAUGES, self.store, self.places, self.letters)
        self.delivery.open(decoding(), self.registry.prepare)

    async def deliver(self, *values: bytes) -> None:
        await self.delivery.deliver(3, [Record(PLACE, 10 + at, b"k", value) for at, value in enumerate(values)])


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_delivery, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(agent_delivery, "LONGEST_PAUSE_S", 0.002)


async def test_a_store_that_is_away_is_given_the_same_batch_until_it_takes_it():
    harness = Harness(TryAgain("away"), TryAgain("away", after_s=0.01), TryAgain("away"))
    before_s = WAITS.seen_s
    await harness.deliver(encode(gauge()))
    assert len(harness.sink.given) == 4
    assert all(batch is harness.sink.given[0] for batch in harness.sink.given)
    assert (harness.counts.retries, harness.counts.stored, harness.counts.records) == (3, 1, 1)
    assert WAITS.seen_s > before_s, "a worker that waits is not stuck"
    assert not harness.letters.put_aside


async def test_while_a_store_is_away_one_partition_asks_and_the_others_wait():
    back, asking = asyncio.Event(), 0

    class Away(Scripted):
        async def write(self, batch: Batch) -> Written:
            nonlocal asking
            asking += 1
            try:
                await asyncio.sleep(0)
                assert asking == 1 or len(self.given) < 4, "after the first round only one is there"
                if not back.is_set():
                    self.given.append(batch)
                    raise TryAgain("away")
                return Written(1)
            finally:
                asking -= 1

    harness = Harness()
    away = Away()
    store = Store("store", away, harness.counts)
    delivery = SinkHandler(Topic.GAUGES, store, harness.places, harness.letters)
    delivery.open(decoding(), harness.registry)
    deliveries = [
        asyncio.create_task(delivery.deliver(at, [Record(Place("gauges", at), 0, b"k", encode(gauge()))]))
        for at in range(4)
    ]
    while len(away.given) < 8:
        await asyncio.sleep(0.001)
    assert len(set(map(id, away.given[4:]))) == 1, "the one that asks"
    back.set()
    await asyncio.gather(*deliveries)
    assert harness.counts.stored == 4


async def test_a_refused_series_is_a_dead_letter_without_the_record():
    harness = Harness(Written(5, refused=[Refused("up{}", "400 bad label")]))
    await harness.deliver(encode(gauge()), encode(gauge(row="Gi0/2")))
    assert harness.letters.put_aside == [(10, "store refused up{}: 400 bad label", None)]
    assert (harness.counts.stored, harness.counts.refused) == (5, 1)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        pytest.param(CannotEver("too wide"), "too wide", id="cannot-ever"),
        pytest.param(KeyError("x"), "KeyError: 'x'", id="a-fault-of-the-plugin"),
    ],
)
async def test_what_waiting_never_helps_sets_the_batch_aside(fault, reason):
    harness = Harness(fault)
    values = encode(gauge()), encode(gauge(row="Gi0/2"))
    await harness.deliver(*values)
    assert harness.letters.put_aside == [(10, reason, values[0]), (11, reason, values[1])]
    assert (harness.counts.bad, harness.counts.records) == (2, 0)


async def test_what_is_no_record_is_set_aside_and_the_others_are_stored():
    harness = Harness()
    await harness.deliver(encode(gauge()), b"\0\0\0\0\1x", encode(gauge(row="Gi0/2")))
    assert [offset for offset, *_ in harness.letters.put_aside] == [11]
    assert (harness.counts.stored, harness.counts.records, harness.counts.bad) == (2, 2, 1)


async def test_a_schema_that_is_not_known_yet_is_fetched_and_one_that_nobody_knows_costs_its_record():
    async def never() -> None:
        raise AssertionError("each record's schema is asked for by itself")

    odd = encode(gauge(row="odd"))
    harness = Harness(UnknownSchema("later", never), unknown=[odd])
    await harness.deliver(encode(gauge()), odd)
    assert harness.registry.asked == [encode(gauge()), odd]
    assert harness.letters.put_aside == [(11, "no such schema", odd)]
    assert harness.counts.stored == 1


def record(offset: int) -> Record:
    return Record(PLACE, offset, b"k", b"v", 1_000)


@pytest.mark.parametrize(
    ("committed", "offsets", "gone"),
    [
        pytest.param(5, [5, 6, 7], 0, id="nothing"),
        pytest.param(5, [9, 10], 4, id="before-the-first"),
        pytest.param(5, [5, 6, 20], 13, id="while-it-ran"),
        pytest.param(5, [5, 6, 5, 6, 7], 0, id="again-after-a-rebalance"),
        pytest.param(None, [9], 0, id="a-place-that-is-not-known"),
    ],
)
async def test_records_that_were_gone_before_they_were_read_are_counted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, committed, offsets, gone
):
    await places_at(monkeypatch, committed, came := [])
    [places] = came
    for offset in offsets:
        places.came(record(offset))
    assert places.gone == gone
    assert ("were gone before they were read" in caplog.text) is bool(gone)


async def places_at(monkeypatch: pytest.MonkeyPatch, committed: int | None, made: list[Places]) -> None:
    async def known(*_: object) -> dict[tuple[str, int], int]:
        return {} if committed is None else {(PLACE.topic, PLACE.partition): committed}

    monkeypatch.setattr("streams.sinks.delivery.agent_places.committed", known)
    places = Places({}, "group", [PLACE.topic], Offsets())
    await places.gained(PLACE.partition)
    made.append(places)


async def test_how_far_behind_a_sink_is_goes_by_what_is_done(monkeypatch: pytest.MonkeyPatch):
    offsets = Offsets()

    async def known(*_: object) -> dict[tuple[str, int], int]:
        return {(PLACE.topic, PLACE.partition): 5}

    async def ends(*_: object) -> dict[tuple[str, int], int]:
        return {(PLACE.topic, PLACE.partition): 25}

    monkeypatch.setattr("streams.sinks.delivery.agent_places.committed", known)
    places = Places({}, "group", [PLACE.topic], offsets)
    monkeypatch.setattr(places._ends, "of", ends)
    await places.gained(PLACE.partition)
    await places.look()
    assert places.lag == {PLACE: 20}
    offsets.begin(PLACE, 5)
    places.came(record(5))
    assert places.lag_s() > 0
    offsets.done(PLACE, 5)
    places.stored(record(5))
    await places.look()
    assert places.lag == {PLACE: 19}
    places.lost(frozenset({PLACE.partition}))
    assert (places.lag, places.lag_s()) == ({}, 0.0)
