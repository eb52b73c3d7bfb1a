"""The leader's and the owner's side of the schedule, with fakes for Kafka and the clock."""

import asyncio
import threading
from collections import defaultdict
from dataclasses import replace

from schemas.errors import FatalError, RecordError
from schemas.records import Tick
from streams.runtime.kernel.lease import WorkerLease
from streams.runtime.kernel.offsets import Offsets
from streams.runtime.kernel.records import Place, Record
from streams.runtime.registry.serde import UnknownSchema
from streams.runtime.schedule.leadership import Term
from streams.runtime.schedule.owner import Owner
from streams.runtime.schedule.ticker import Ticker
from streams.runtime.settings.sections import KafkaSettings
from streams.scheduling.fencing import Verdict
from streams.scheduling.leader import TickPace
from tests.unit.runtime.kernel_fakes import Letters, settle

TOPIC = "panoptes.ticks.polling"


def tick(slot, *, epoch=1, partition=0, gap_from=None):
    return Tick(
        stage="polling", slot=slot, gap_from=gap_from, partition=partition, epoch=epoch, leader="w", published_at_ms=0
    )


class FakeSerde:
    """Ticks travel as themselves; anything else cannot be decoded."""

    def encode(self, record):
        return record

    async def read(self, value):
        if not isinstance(value, Tick):
            raise RecordError("not a tick")
        return value


class FakeLog:
    def __init__(self, ticks=()):
        self.by_partition = defaultdict(list)
        for each in ticks:
            self.by_partition[each.partition].append(each)

    async def ends(self):
        return {partition: self.by_partition[partition] for partition in (0, 1)}

    async def before(self, offsets):
        return {partition: self.by_partition[partition][:offset] for partition, offset in offsets.items()}


class FakeOutbox:
    def __init__(self, on_send=lambda: None):
        self.sent = []
        self._on_send = on_send

    async def send_batch(self, _topic, partition, records):
        self.sent.extend((partition, value) for _key, values in records for value in values)
        self._on_send()
        await asyncio.sleep(0)


def ticker(log, outbox, now_s):
    return Ticker(
        stage="polling", topic=TOPIC, worker="w", pace=TickPace(publish_ahead_s=3, longest_interval_s=60),
        log_of_ticks=log, serde=FakeSerde(), outbox=outbox, now_s=lambda: now_s,
    )  # fmt: skip


async def lead_until(condition, a_ticker, sequence=5):
    term = Term(sequence, threading.Event())
    leading = asyncio.create_task(a_ticker.lead(term))
    while not condition():
        await asyncio.sleep(0)
    term.over.set()
    await leading


async def test_a_new_leader_continues_each_partition_from_its_last_slot():
    outbox = FakeOutbox()
    a_ticker = ticker(FakeLog([tick(98), tick(96, partition=1)]), outbox, now_s=100)
    await lead_until(lambda: a_ticker.published >= 22, a_ticker)
    slots = {p: [value.slot for partition, value in outbox.sent if partition == p] for p in (0, 1)}
    assert slots == {0: list(range(99, 109)), 1: list(range(97, 109))}


async def test_a_new_leaders_epoch_is_above_every_epoch_on_the_topic_even_if_zookeeper_was_wiped():
    outbox = FakeOutbox()
    a_ticker = ticker(FakeLog([tick(99, epoch=41)]), outbox, now_s=100)
    await lead_until(lambda: a_ticker.published > 0, a_ticker, sequence=0)
    assert {value.epoch for _, value in outbox.sent} == {42}


async def test_a_deposed_leader_publishes_nothing_more():
    term = Term(1, threading.Event())
    outbox = FakeOutbox(on_send=term.over.set)  # deposed while its first ticks are on their way
    a_ticker = ticker(FakeLog([tick(99), tick(99, partition=1)]), outbox, now_s=100)
    await a_ticker.lead(term)
    assert [(partition, value.slot) for partition, value in outbox.sent] == [(0, slot) for slot in range(100, 109)]
    assert a_ticker.terms[0].ended_at_ms is not None


async def test_many_ticks_at_once_go_in_batches_of_which_a_deposed_leader_sends_no_further_one():
    term = Term(1, threading.Event())
    outbox = FakeOutbox(on_send=lambda: len(outbox.sent) >= 2_000 and term.over.set())
    pace = TickPace(publish_ahead_s=3, longest_interval_s=86_400)
    a_ticker = replace(ticker(FakeLog([tick(1), tick(100_000, partition=1)]), outbox, now_s=80_000), pace=pace)
    await a_ticker.lead(term)
    assert [value.slot for _, value in outbox.sent] == list(range(2, 2_002))


class Harness:
    """An owner whose ticks run until they are released; its partitions are open unless a test closes them."""

    def __init__(self, log=None, now_s=100.0):
        self.offsets = Offsets()
        self.letters = Letters()
        self.ran = []
        self.given_up = []
        self.clock_s = 0.0
        self.lease = WorkerLease(KafkaSettings(), lambda: self.clock_s)
        self.release = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()
        self.owner = Owner(
            run=self._run, offsets=self.offsets, tick_log=log or FakeLog(), serde=FakeSerde(),
            dead_letters=self.letters, now_s=lambda: now_s, give_up=self.given_up.append, lease=self.lease,
            room=asyncio.Semaphore(10), opened=lambda _partition: self.open.wait(),
        )  # fmt: skip
        self._obeying = None

    async def _run(self, due):
        self.ran.append((due.partition, due.span.last))
        await self.release.wait()

    async def deliver(self, *values, first_offset=0, partition=0):
        if self._obeying is None:
            self._obeying = asyncio.create_task(self.owner.obey())
        for offset, value in enumerate(values, first_offset):
            self.owner.take(Record(Place(TOPIC, partition), offset, b"0", value))
        await settle()

    def rebalance(self, *, lost=(), owned=(0, 1)):
        """Take partitions away, and have what is not committed of the others come again."""
        self.owner.lost(frozenset(lost))
        self.offsets.forget([Place(TOPIC, partition) for partition in lost])
        self.owner.settled(frozenset(owned))

    def committable(self, partition=0):
        return self.offsets.committable(Place(TOPIC, partition))

    async def finish(self):
        self.release.set()
        async with asyncio.timeout(60):
            while self.owner.in_flight:
                await asyncio.sleep(0)
        await settle()


async def test_a_tick_is_committed_only_when_its_work_is_done_also_the_first_of_a_fresh_group():
    harness = Harness()
    await harness.deliver(tick(99), tick(100))
    assert harness.ran == [(0, 99), (0, 100)]
    assert harness.committable() == 0
    await harness.finish()
    assert harness.committable() == 2


async def test_a_tick_of_a_deposed_leader_is_dropped_and_does_not_hold_up_the_commit():
    harness = Harness()
    await harness.deliver(tick(99, epoch=2), tick(100, epoch=1))
    await harness.finish()
    assert harness.ran == [(0, 99)]
    assert harness.owner.verdicts[Verdict.LOWER_EPOCH] == 1
    assert harness.committable() == 2


async def test_a_new_owner_knows_what_was_seen_before_its_committed_offset():
    harness = Harness(FakeLog([tick(98, epoch=3), tick(99, epoch=3)]))
    await harness.deliver(tick(99, epoch=4), tick(100, epoch=2), tick(100, epoch=4), first_offset=2)
    await harness.finish()
    assert harness.ran == [(0, 100)]


async def test_a_tick_delivered_again_while_its_work_goes_on_is_not_run_twice():
    harness = Harness()
    await harness.deliver(tick(99))
    harness.offsets.forget([Place(TOPIC, 0)])  # a rebalance: everything uncommitted comes again
    await harness.deliver(tick(99))
    await harness.finish()
    assert harness.ran == [(0, 99)]
    assert harness.committable() == 1


async def test_work_of_partitions_that_left_is_cancelled_and_not_committed():
    harness = Harness()
    await harness.deliver(tick(99))
    harness.owner.lost(frozenset((0,)))
    await harness.finish()
    assert harness.committable() == 0


async def test_a_tick_that_comes_again_while_its_cancelled_work_winds_up_is_run():
    harness = Harness()
    await harness.deliver(tick(99))
    harness.rebalance(lost=[0])  # and back at once
    await harness.deliver(tick(99))
    await harness.finish()
    assert harness.ran == [(0, 99), (0, 99)]
    assert harness.committable() == 1


async def test_a_tick_whose_partition_leaves_while_it_waits_for_room_is_left_to_the_new_owner():
    harness = Harness()
    await harness.deliver(*(tick(slot) for slot in range(90, 100)))  # as many as there is room for
    await harness.deliver(tick(100, partition=1), partition=1)
    harness.owner.lost(frozenset((1,)))
    await harness.finish()
    await harness.finish()
    assert (1, 100) not in harness.ran
    assert harness.committable(1) == 0
    assert harness.owner.in_flight == 0


async def test_a_record_that_is_no_tick_goes_to_dead_letters_and_the_stream_goes_on():
    harness = Harness()
    await harness.deliver(b"garbage", tick(99))
    await harness.finish()
    assert harness.letters.origins == [(TOPIC, 0, 0)]
    assert harness.ran == [(0, 99)]
    assert harness.committable() == 2


async def test_a_tick_that_needs_a_schema_waits_for_it_and_is_run():
    harness, learnt = Harness(), []

    async def learn():
        learnt.append(True)

    async def run(due):
        if not learnt:
            raise UnknownSchema("not known yet", learn)
        harness.ran.append((due.partition, due.span.last))

    harness.owner.run = run
    await harness.deliver(tick(99))
    await harness.finish()
    assert harness.ran == [(0, 99)]
    assert harness.committable() == 1


async def test_a_tick_is_held_until_its_second():
    harness = Harness(now_s=90.0)
    await harness.deliver(tick(99))
    assert harness.ran == []
    await harness.owner.stop()


async def test_ticks_that_were_skipped_and_come_later_are_judged_by_what_stands_before_them():
    log = [tick(95, epoch=1), tick(96, epoch=1), tick(97, epoch=1), tick(98, epoch=2), tick(99, epoch=2)]
    harness = Harness(FakeLog(log))
    await harness.deliver(log[0])
    await harness.deliver(*log[3:], first_offset=3)  # what stood between was thrown away on its way
    await harness.deliver(*log[1:], first_offset=1)
    await harness.finish()
    assert sorted(harness.ran) == [(0, slot) for slot in range(95, 100)]
    assert harness.committable() == 5


async def test_a_tick_whose_work_is_over_is_not_run_again_when_its_commit_was_lost():
    harness = Harness()
    await harness.deliver(tick(99), tick(100))
    await harness.finish()
    harness.offsets.forget([Place(TOPIC, 0)])
    await harness.deliver(tick(99), tick(100))
    assert harness.ran == [(0, 99), (0, 100)]
    assert harness.committable() == 2


async def test_a_fatal_fault_stops_the_worker_and_its_tick_is_left_to_the_next_owner():
    harness, fault = Harness(), FatalError("the registry refuses the schema")

    async def fails(_due):
        raise fault

    harness.owner.run = fails
    await harness.deliver(tick(99))
    await harness.finish()
    assert (harness.given_up, harness.committable()) == ([fault], 0)


async def test_a_rebalance_waits_for_the_work_of_a_worker_unless_that_was_paused_for_too_long():
    harness = Harness()
    await harness.deliver(tick(99))
    winding_up = asyncio.create_task(harness.owner.pausing(lapsed=False))
    await asyncio.sleep(0)
    assert not winding_up.done()
    harness.release.set()
    await winding_up
    assert harness.committable() == 1

    harness.release.clear()
    harness.owner.settled(frozenset((0,)))
    await harness.deliver(tick(100), first_offset=1)
    async with asyncio.timeout(1):
        await harness.owner.pausing(lapsed=True)
    assert harness.owner.in_flight == 1, "what is to become of it is decided by the new assignment"
    await harness.owner.stop()


async def test_a_tick_waits_until_its_partition_is_begun_and_runs_then():
    harness = Harness()
    harness.open.clear()
    await harness.deliver(tick(99))
    assert harness.ran == []
    harness.open.set()
    await harness.finish()
    assert (harness.ran, harness.committable()) == ([(0, 99)], 1)


async def test_ticks_that_were_not_judged_before_a_rebalance_are_left_to_their_second_delivery():
    harness = Harness()
    harness.owner.take(Record(Place(TOPIC, 1), 7, b"0", tick(99, partition=1)))
    harness.rebalance(lost=[1], owned=[0])
    await harness.deliver(tick(99))
    await harness.finish()
    assert harness.ran == [(0, 99)]
    assert harness.committable(1) is None


async def test_no_tick_starts_while_nobody_knows_whose_its_partition_will_be():
    harness = Harness()
    await harness.owner.pausing(lapsed=False)
    await harness.deliver(tick(99))
    assert harness.ran == []
    harness.owner.settled(frozenset((0,)))
    await harness.deliver(tick(99))  # again, and it is held already
    await harness.finish()
    assert (harness.ran, harness.committable()) == ([(0, 99)], 1)


async def test_a_tick_that_fails_is_run_again_and_counted(monkeypatch):
    monkeypatch.setattr("streams.runtime.schedule.owner._RETRY_S", 0)
    harness, faults = Harness(), [OSError("no room"), OSError("no room")]

    async def run(due):
        if faults:
            raise faults.pop()
        harness.ran.append((due.partition, due.span.last))

    harness.owner.run = run
    await harness.deliver(tick(99))
    await harness.finish()
    assert harness.ran == [(0, 99)]
    assert (harness.owner.retries, harness.committable()) == (2, 1)
