"""Every due poll gets its turn or is missed, whatever ends, fails or is cancelled while it waits."""

import asyncio
import time

import pytest

from schemas.records import Job
from streams.polling.agent_turns import PollTurns
from streams.scheduling.inflight import Caps, InFlight, PollId

JOB = Job(plugin="interfaces", profile="if-mib", interval_s=60)


def poll(key, slot=None):
    return PollId(key, JOB, int(time.time()) if slot is None else slot)


class Devices:
    """Polls end when they are told to; what was missed is recorded when that is allowed."""

    def __init__(self, room=1):
        self.polled = []
        self.missed = []
        self.fail = False
        self.may_end = asyncio.Event()
        self.may_record = asyncio.Event()
        self.may_record.set()
        self.turns = PollTurns(InFlight(Caps(polls=room, suspects=1)), self._miss)

    async def _miss(self, missed):
        await self.may_record.wait()
        self.missed.append(missed.poll)

    async def work(self, a_poll):
        self.polled.append(a_poll)
        await self.may_end.wait()
        if self.fail:
            self.fail = False
            raise RuntimeError("a fault")
        return False

    def take(self, a_poll):
        return asyncio.create_task(self.turns.take(a_poll, self.work))


async def settle():
    for _ in range(10):
        await asyncio.sleep(0)


async def within(*tasks):
    async with asyncio.timeout(5):
        return await asyncio.gather(*tasks)


async def test_a_turn_that_comes_while_the_slot_before_is_recorded_as_missed_is_taken():
    devices, now = Devices(), int(time.time())
    busy = devices.take(poll("a"))
    await settle()
    older = devices.take(poll("b", now - 30))
    await settle()
    devices.may_record.clear()
    newer = devices.take(poll("b", now))  # takes the older one's place, and records that first
    await settle()
    devices.may_end.set()
    await settle()  # now `a` has ended, and it is the turn of `b`
    devices.may_record.set()
    await within(busy, older, newer)
    assert devices.missed == [poll("b", now - 30)]
    assert [each.key for each in devices.polled] == ["a", "b"]
    assert devices.turns.in_flight.running == 0


async def test_the_same_slot_asked_for_again_while_it_waits_is_over_only_when_it_was_polled():
    devices = Devices()
    busy, waiting = devices.take(poll("a")), poll("b")
    await settle()
    first, again = devices.take(waiting), devices.take(waiting)
    await settle()
    assert not first.done()
    assert not again.done()
    devices.may_end.set()
    await within(busy, first, again)
    assert devices.polled.count(waiting) == 1


async def test_a_slot_whose_poll_failed_is_polled_again_for_those_that_wait_for_it():
    devices, same = Devices(), poll("a")
    devices.fail = True
    first = devices.take(same)
    await settle()
    again = devices.take(same)
    devices.may_end.set()
    with pytest.raises(RuntimeError):
        await within(first)
    await within(again)
    assert devices.polled == [same, same]


async def test_room_of_polls_that_were_cancelled_goes_to_those_that_wait():
    devices = Devices()
    busy = devices.take(poll("a"))
    await settle()
    cancelled, next_in_line = devices.take(poll("b")), devices.take(poll("c"))
    await settle()
    cancelled.cancel()
    await settle()
    busy.cancel()
    devices.may_end.set()
    await within(next_in_line)
    assert [each.key for each in devices.polled] == ["a", "c"]
    assert devices.turns.in_flight.running == 0
    assert devices.turns.in_flight.waiting == 0


async def test_a_slot_whose_miss_cannot_be_recorded_fails_alone_and_is_not_accounted_for():
    devices, now = Devices(), int(time.time())
    stale = [poll(key, now - 60) for key in "ab"]
    record = devices._miss

    async def miss(missed):
        if missed.poll.key == "a":
            raise RuntimeError("a fault")
        await record(missed)

    devices.turns = PollTurns(InFlight(Caps(polls=1, suspects=1)), miss)
    failed, recorded = await asyncio.gather(*map(devices.take, stale), return_exceptions=True)
    assert isinstance(failed, RuntimeError)
    assert recorded is None
    assert devices.missed == [stale[1]]


async def test_what_waits_behind_a_miss_that_cannot_be_recorded_is_told():
    devices, now = Devices(), int(time.time())
    refused = []

    async def miss(missed):
        refused.append(missed.poll.key)
        if missed.poll.key == "b":
            raise RuntimeError("a fault")

    devices.turns = PollTurns(InFlight(Caps(polls=1, suspects=1)), miss)
    busy = devices.take(poll("a"))
    await settle()
    waiting = [devices.take(poll(key, now - 30)) for key in "bc"]
    await settle()
    devices.turns._go_on(devices.turns.in_flight.sweep(now + 30.0))
    failed, recorded = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 5)
    assert isinstance(failed, RuntimeError)
    assert recorded is None
    assert refused == ["b", "c"]
    devices.may_end.set()
    await within(busy)
