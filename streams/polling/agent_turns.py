"""Starts due polls as `InFlight` admits them, and records the missed ones."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from streams.scheduling.inflight import Decision, InFlight, Missed, Next, PollId

SWEEP_EVERY_S: Final = 1.0


class PollTurns:
    """The running and waiting polls of this worker."""

    def __init__(self, in_flight: InFlight, miss: Callable[[Missed], Awaitable[None]]) -> None:
        self.in_flight = in_flight
        self._miss = miss
        self._turn: dict[PollId, asyncio.Future[bool]] = {}  #: whether a waiting poll is to start
        self._over: dict[PollId, asyncio.Future[bool]] = {}  #: whether a slot was accounted for, once that is known
        self._recording: set[asyncio.Task[None]] = set()

    async def take(self, poll: PollId, work: Callable[[PollId], Awaitable[bool]]) -> None:
        """Return when the slot is accounted for: polled by `work` (which returns whether the poll failed), or
        missed.
        """
        while (same := self._over.get(poll)) is not None:
            if await asyncio.shield(same):
                return
        with self._announced(poll):
            if await self._is_to_start(poll):
                await self._work(poll, work)

    async def _is_to_start(self, poll: PollId) -> bool:
        offer = self.in_flight.admit_poll(poll, time.time())
        # there before anything is awaited: another poll may end meanwhile, and give this one its turn
        turn = self._turn[poll] = asyncio.get_running_loop().create_future()
        if offer.decision in (Decision.START, Decision.ADOPT):
            turn.set_result(offer.decision is Decision.START)
        try:
            await self._record(offer.missed)
            start: bool = await turn
        except asyncio.CancelledError:
            self._leave(poll, turn)
            raise
        finally:
            del self._turn[poll]
        return start

    def _leave(self, poll: PollId, turn: "asyncio.Future[bool]") -> None:
        """Give back the room, or the place in line, of a poll that was cancelled before it began."""
        started = turn.done() and not turn.cancelled() and turn.exception() is None and turn.result()
        if started:
            self._go_on(self.in_flight.finish(poll, time.time(), badly=False))
        else:
            self.in_flight.withdraw(poll)

    async def _work(self, poll: PollId, work: Callable[[PollId], Awaitable[bool]]) -> None:
        badly = False
        try:
            badly = await work(poll)
        finally:
            self._go_on(self.in_flight.finish(poll, time.time(), badly=badly))

    @contextmanager
    def _announced(self, poll: PollId) -> Iterator[None]:
        over = self._over[poll] = asyncio.get_running_loop().create_future()
        accounted_for = False
        try:
            yield
            accounted_for = True
        finally:
            del self._over[poll]
            if not over.done():
                over.set_result(accounted_for)

    def _go_on(self, following: Next) -> None:
        for poll in following.start:
            self._resolve(poll, start=True)
        if following.missed:
            task = asyncio.create_task(self._record(following.missed), name="record-missed")
            self._recording.add(task)
            task.add_done_callback(self._recording.discard)

    async def _record(self, missed: Iterable[Missed]) -> None:
        for each in missed:
            try:
                await self._miss(each)
            except Exception as fault:  # noqa: BLE001 - the tick of this slot is run again, the others are recorded
                turn = self._turn.get(each.poll)
                if turn is not None and not turn.done():
                    turn.set_exception(fault)
            else:
                self._resolve(each.poll, start=False)

    def _resolve(self, poll: PollId, *, start: bool) -> None:
        turn = self._turn.get(poll)
        if turn is not None and not turn.done():
            turn.set_result(start)

    async def sweep(self) -> None:
        """Record as missed, every second until cancelled, the polls that have waited too long."""
        while True:
            await asyncio.sleep(SWEEP_EVERY_S)
            self._go_on(self.in_flight.sweep(time.time()))
