"""Gives each due poll its turn, as `InFlight` decides it: this file only waits, and says what was missed."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Final

from streams.scheduling.inflight import Decision, InFlight, Missed, Next, PollId

SWEEP_EVERY_S: Final = 1.0


class Turns:
    """The polls of this worker that run or wait."""

    def __init__(self, in_flight: InFlight, miss: Callable[[Missed], Awaitable[None]]) -> None:
        self.in_flight = in_flight
        self._miss = miss
        self._turn: dict[PollId, asyncio.Future[bool]] = {}  #: whether a waiting poll is to start
        self._over: dict[PollId, asyncio.Future[None]] = {}  #: set when a poll's slot is accounted for
        self._recording: set[asyncio.Task[None]] = set()

    async def take(self, poll: PollId, work: Callable[[PollId], Awaitable[bool]]) -> None:
        """Return when the slot is accounted for: polled by `work` (which says whether that went badly), or missed."""
        if (same := self._over.get(poll)) is not None:
            await asyncio.shield(same)
            return
        offer = self.in_flight.admit_poll(poll, time.time())
        await self._record(offer.missed)
        if offer.decision is Decision.START or (offer.decision is Decision.WAIT and await self._wait(poll)):
            await self._work(poll, work)

    async def _wait(self, poll: PollId) -> bool:
        turn = self._turn[poll] = asyncio.get_running_loop().create_future()
        try:
            start: bool = await turn
            return start
        except asyncio.CancelledError:
            self.in_flight.drop([poll.key])
            raise
        finally:
            del self._turn[poll]

    async def _work(self, poll: PollId, work: Callable[[PollId], Awaitable[bool]]) -> None:
        badly = False
        async with self._announced(poll):
            try:
                badly = await work(poll)
            finally:
                self._go_on(self.in_flight.finish(poll, time.time(), badly=badly))

    @asynccontextmanager
    async def _announced(self, poll: PollId) -> AsyncIterator[None]:
        over = self._over[poll] = asyncio.get_running_loop().create_future()
        try:
            yield
        finally:
            del self._over[poll]
            if not over.done():
                over.set_result(None)

    def _go_on(self, following: Next) -> None:
        for poll in following.start:
            self._resolve(poll, start=True)
        if following.missed:
            task = asyncio.create_task(self._record(following.missed), name="record-missed")
            self._recording.add(task)
            task.add_done_callback(self._recording.discard)

    async def _record(self, missed: Iterable[Missed]) -> None:
        for each in missed:
            await self._miss(each)
            self._resolve(each.poll, start=False)

    def _resolve(self, poll: PollId, *, start: bool) -> None:
        turn = self._turn.get(poll)
        if turn is not None and not turn.done():
            turn.set_result(start)

    async def sweep(self) -> None:
        """Record what waited for too long, every second, until cancelled."""
        while True:
            await asyncio.sleep(SWEEP_EVERY_S)
            self._go_on(self.in_flight.sweep(time.time()))
