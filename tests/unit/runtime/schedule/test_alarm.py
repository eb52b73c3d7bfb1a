"""Who waits for a time of day goes on when it has come, whatever the clock does meanwhile."""

import asyncio
from collections.abc import Callable

import pytest

from streams.runtime.schedule.alarm import Alarm

LOOK_EVERY_S = 0.001


class Clock:
    now_s = 100.0
    looks = 0

    def __call__(self) -> float:
        self.looks += 1
        return self.now_s


class Bench:
    def __init__(self) -> None:
        self.clock = Clock()
        self.alarm = Alarm(self.clock, LOOK_EVERY_S)
        self.woken: list[float] = []

    def waiting_for(self, *times_s: float) -> list[asyncio.Task[None]]:
        return [asyncio.create_task(self._wait(at_s)) for at_s in times_s]

    async def _wait(self, at_s: float) -> None:
        await self.alarm.until(at_s)
        self.woken.append(at_s)

    async def look(self) -> None:
        """Return when the alarm has looked at the clock again; only while somebody waits."""
        enough = self.clock.looks + 3
        await until(lambda: self.clock.looks >= enough)

    async def woken_are(self, *times_s: float) -> None:
        await until(lambda: sorted(self.woken) == [*times_s])


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10.0):
        while not condition():
            await asyncio.sleep(LOOK_EVERY_S)


@pytest.fixture
async def bench():
    return Bench()


async def test_what_is_over_is_not_waited_for(bench):
    await bench.alarm.until(100.0)
    await bench.alarm.until(99.5)


async def test_each_wakes_when_its_time_has_come(bench):
    tasks = bench.waiting_for(103.0, 101.0, 102.0, 101.0)
    await bench.look()
    assert bench.woken == []
    bench.clock.now_s = 101.0
    await bench.woken_are(101.0, 101.0)
    await bench.look()
    assert bench.woken == [101.0, 101.0]
    bench.clock.now_s = 200.0  # it steps
    await bench.woken_are(101.0, 101.0, 102.0, 103.0)
    await asyncio.gather(*tasks)


async def test_a_clock_that_steps_back_is_waited_for(bench):
    tasks = bench.waiting_for(100.01)
    bench.clock.now_s = 50.0
    await bench.look()
    assert bench.woken == []
    bench.clock.now_s = 100.01
    await bench.woken_are(100.01)
    await asyncio.gather(*tasks)


async def test_one_that_is_cancelled_holds_up_nobody(bench):
    gone, there = bench.waiting_for(101.0, 101.0)
    await bench.look()
    gone.cancel()
    bench.clock.now_s = 101.0
    await there
    assert bench.woken == [101.0]
    assert gone.cancelled()


async def test_one_that_comes_later_and_is_due_sooner_is_woken_in_its_time():
    loop = asyncio.get_running_loop()
    alarm = Alarm(loop.time)
    began_s = loop.time()
    later = asyncio.create_task(alarm.until(began_s + 60.0))
    await asyncio.sleep(0)
    await asyncio.wait_for(alarm.until(began_s + 0.01), 10.0)
    assert loop.time() >= began_s + 0.01
    assert not later.done()
    later.cancel()
