"""Topic -> pure step -> topic: sends, then the table, then done; later steps see what earlier ones want."""

import asyncio
from collections.abc import Callable

import pytest

from schemas.errors import RecordError
from streams.pipeline import Topic
from streams.runtime.kernel.effects import NOTHING, Aside, Effects, Send, Step, Write, decoding
from streams.runtime.kernel.folding import Fold
from streams.runtime.kernel.handler import Pace
from streams.runtime.kernel.records import Place, Record
from streams.runtime.kernel.table import Table
from streams.runtime.registry.serde import UnknownSchema
from tests.unit.runtime.kernel_fakes import FakeWorker, Stored, settle, until

IN, OUT = Topic.RESOURCES, "out"
AT_ONCE = Pace(linger_s=0)


class Counting:
    """A stage that counts the records of each key: its step sends the count and keeps it."""

    def __init__(self) -> None:
        self.worker = FakeWorker("resources")
        self.table: Table = self.worker.table("counts")
        self.thens: list[bytes] = []
        self.fold: Fold = self.worker.fold([IN], self.step, self.table, pace=AT_ONCE)

    @property
    def changelog(self) -> str:
        return self.worker.changelog(self.table)

    def step(self, record: Record) -> Effects:
        key = record.key or b""
        if record.value is None:
            return Effects((Send(OUT, key, (None,)),), (Write(key, None),))
        return self.counted(record.place.partition, key, record.value)

    def counted(self, partition: int, key: bytes, mark: bytes = b"") -> Effects:
        count = b"%s=%d" % (key, int((self.table.get(partition, key) or b"=0").rpartition(b"=")[2]) + 1)
        return Effects((Send(OUT, key, (count + mark,)),), (Write(key, count),), lambda: self.thens.append(count))

    def bring(self, *keys: str, value: bytes | None = b"") -> None:
        for key in keys:
            self.worker.bring(IN, key, value, 0)


@pytest.fixture
async def stage() -> Counting:
    made = Counting()
    await made.worker.own(0)
    return made


async def test_a_key_that_comes_many_times_in_a_batch_is_folded_one_after_the_other_and_written_once(stage: Counting):
    stage.bring("a", "b", "a", "a")
    await stage.worker.idle()
    assert stage.worker.sent.values(OUT) == [b"a=1", b"b=1", b"a=2", b"a=3"]
    written = [(each.key, each.value) for each in stage.worker.sent.stored if each.topic == stage.changelog]
    assert written == [(b"b", b"\xf1b=1"), (b"a", b"\xf1a=3")]
    assert stage.table.get(0, b"a") == b"a=3"
    assert stage.thens == [b"a=1", b"b=1", b"a=2", b"a=3"]


async def test_sends_are_stored_then_the_changelog_then_the_table_and_then_the_record_is_done(stage: Counting):
    worker = stage.worker
    sent, written = worker.sent.hold(OUT), worker.sent.hold(stage.changelog)
    offset = worker.bring(IN, "a", b"", 0)
    place = Place(worker.context.topic_name(IN), 0)

    def seen() -> tuple[int, list[bytes], int, int | None]:
        return len(worker.sent.stored), list(stage.table.keys(0)), len(stage.thens), worker.offsets.committable(place)

    await until(worker.sent.waits.is_set)
    assert seen() == (0, [], 0, offset)
    sent.set()
    await until(lambda: worker.sent.stored)
    await settle()
    assert seen() == (1, [], 0, offset)
    written.set()
    await worker.idle()
    assert seen() == (2, [b"a"], 1, offset + 1)


async def test_what_was_refused_is_forgotten_and_later_steps_of_the_key_are_made_anew(stage: Counting):
    worker = stage.worker
    worker.sent.refused = {b"a=2!"}
    stage.bring("a")
    stage.bring("a", value=b"!")
    stage.bring("a", "b")
    await worker.idle()
    assert worker.sent.values(OUT, "a")[-1] == b"a=2", "the refused one does not count"
    assert stage.table.get(0, b"a") == b"a=2"
    assert worker.sent.values(OUT, "b")[-1] == b"b=1"
    assert [offset for *_, offset in worker.letters.origins] == [2]
    assert stage.thens == [b"a=1", b"a=2", b"b=1"]


async def test_a_value_that_the_changelog_refuses_is_seen_by_nobody(stage: Counting):
    worker = stage.worker
    worker.sent.refused = {b"\xf1a=1"}
    stage.bring("a")
    await worker.idle()
    assert stage.table.get(0, b"a") is None
    assert worker.letters.count == 1
    assert stage.thens == []


async def test_a_tombstone_deletes_and_the_next_record_begins_anew(stage: Counting):
    stage.bring("a", "a")
    stage.bring("a", value=None)
    stage.bring("a")
    await stage.worker.idle()
    assert stage.worker.sent.values(OUT) == [b"a=1", b"a=2", None, b"a=1"]
    assert stage.worker.sent.values(stage.changelog) == [b"\xf1a=1"]
    stage.bring("a", value=None)
    await stage.worker.idle()
    assert stage.worker.sent.values(stage.changelog)[-1] is None
    assert len(stage.table) == 0


async def test_what_is_submitted_sees_the_records_before_it_and_is_seen_by_those_after_it(stage: Counting):
    worker = stage.worker
    key = next(str(number) for number in range(1_000) if worker.partition(str(number)) == 0)
    stage.bring(key)
    submitted = asyncio.create_task(stage.fold.submit(key, lambda: stage.counted(0, key.encode())))
    await asyncio.sleep(0)
    stage.bring(key)
    assert await submitted
    await worker.idle()
    assert worker.sent.values(OUT) == [b"%s=%d" % (key.encode(), count) for count in (1, 2, 3)]


async def test_what_a_step_sets_aside_beside_its_record_is_stored_before_the_record_is_done(stage: Counting):
    worker = stage.worker
    aside = Aside("entries", b"a", b"rubbish", RecordError("cannot be read"))
    offset = worker.bring(IN, "x", b"", 0)
    await worker.idle()
    assert await stage.fold.loop.submit(0, lambda: Effects(asides=(aside,)))
    assert worker.letters.origins == [("entries", 0, -1)]
    assert worker.offsets.committable(Place(worker.context.topic_name(IN), 0)) == offset + 1


async def test_what_was_wanted_and_not_stored_before_a_rebalance_is_not_there_after_it(stage: Counting):
    worker = stage.worker
    worker.sent.hold(stage.changelog)
    stage.bring("a")
    await until(worker.sent.waits.is_set)
    assert stage.table.get(0, b"a") == b"a=1"
    worker.assigned(worker.places(0))
    assert stage.table.get(0, b"a") is None


async def test_records_for_several_topics_go_side_by_side():
    worker = FakeWorker("resources")
    worker.fold(
        [IN], lambda _: Effects((Send("one", b"k", (b"1",)), Send("two", b"k", (b"2", b"3")))), pace=AT_ONCE
    )  # fmt: skip
    await worker.own(0)
    held = worker.sent.hold("one")
    worker.bring(IN, "a", b"", 0)
    await until(lambda: len(worker.sent.values("two")) == 2)
    assert worker.offsets.in_flight() == 1
    held.set()
    await worker.idle()
    assert Stored("one", 0, b"k", b"1") in worker.sent.stored


# decoding


class Serde:
    def __init__(self) -> None:
        self.known = False

    async def learn(self) -> None:
        self.known = True

    def decode(self, value: bytes) -> str:
        if value == b"bad":
            raise RecordError("damaged")
        if value == b"new" and not self.known:
            raise UnknownSchema("not known yet", self.learn)
        return value.decode()


def decoded(step: Callable[[str, str | None], Effects]) -> tuple[FakeWorker, Step]:
    worker = FakeWorker("resources")
    made = decoding(Serde(), step)
    worker.fold([IN], made, pace=Pace(linger_s=0))
    return worker, made


async def test_records_are_decoded_and_a_tombstone_is_none():
    taken: list[tuple[str, str | None]] = []
    worker, _ = decoded(lambda key, record: taken.append((key, record)) or NOTHING)  # type: ignore[func-returns-value]
    await worker.own(0)
    for value in (b"x", b"new", None):
        worker.bring(IN, "k", value, 0)
    await worker.idle()
    assert taken == [("k", "x"), ("k", "new"), ("k", None)]


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        pytest.param(None, b"x", "has no key", id="no-key"),
        pytest.param(b"\xff", b"x", "no UTF-8", id="key-is-no-text"),
        pytest.param(b"k", b"bad", "damaged", id="damaged"),
    ],
)
async def test_a_record_that_cannot_be_read_is_set_aside_and_the_partition_goes_on(
    key: bytes | None, value: bytes, why: str
):
    taken: list[str] = []
    worker, _ = decoded(lambda key, _record: taken.append(key) or NOTHING)  # type: ignore[func-returns-value]
    await worker.own(0)
    worker.inputs[IN](Record(Place(worker.context.topic_name(IN), 0), 0, key, value))
    worker.bring(IN, "good", b"x", 0)
    await worker.idle()
    assert taken == ["good"]
    [problem] = worker.letters.why
    assert why in str(problem)
