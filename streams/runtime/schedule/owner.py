"""Holds each tick until its second, runs it beside the stream, and releases offsets in order."""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from schemas.errors import FatalError, RecordError
from schemas.records import Tick
from streams.runtime.kafka.reach import AWAY
from streams.runtime.kernel.handler import SetAside
from streams.runtime.kernel.lease import WorkerLease
from streams.runtime.kernel.lifecycle import Part
from streams.runtime.kernel.offsets import Offsets
from streams.runtime.kernel.records import Place, Record
from streams.runtime.ops.waiting import wait_for
from streams.runtime.registry.serde import UnknownSchema
from streams.runtime.schedule.alarm import Alarm
from streams.scheduling.fencing import Admission, Fence, Verdict
from streams.scheduling.slots import Span
from streams.scheduling.terms import SeenTerms

log = logging.getLogger(__name__)

_RETRY_S: Final = 1.0
#: ticks of a partition, one a second, whose commit may have been lost: what is older is judged by the log again
_REMEMBERED: Final = 600
#: how long a rebalance waits for the ticks at work; what takes longer is done again by the next owner
WIND_UP_S: Final = 5.0


class DueTick(NamedTuple):
    """The work that an admitted tick asks of a stage."""

    partition: int
    span: Span  #: the seconds that the tick stands for; one, mostly
    gap: bool  #: its past seconds are missed, not run late


class _Judge(NamedTuple):
    fence: Fence
    behind: int  #: it has seen everything before this offset


class TicksBefore(Protocol):
    async def before(self, offsets: Mapping[int, int]) -> Mapping[int, Sequence[Tick]]: ...


class _Reader(Protocol):
    async def read(self, value: bytes) -> Tick: ...


@dataclass(kw_only=True, eq=False)
class Owner(Part):
    """Runs the ticks of the partitions that this worker owns."""

    run: Callable[[DueTick], Awaitable[None]]
    offsets: Offsets
    tick_log: TicksBefore
    serde: _Reader
    dead_letters: SetAside
    now_s: Callable[[], float]
    give_up: Callable[[FatalError], None]  #: stop the worker
    lease: WorkerLease
    room: asyncio.Semaphore  #: as many ticks may be held or running at once
    opened: Callable[[int], Awaitable[None]]  #: returns when everything else of the stage has begun a partition
    retries: int = field(default=0, init=False)  #: ticks that failed and were run again
    _came: deque[Record] = field(default_factory=deque, init=False)  #: ticks that are not judged yet
    _comes: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    verdicts: Counter[Verdict] = field(default_factory=Counter, init=False)
    terms_seen: SeenTerms = field(default=SeenTerms(), init=False)
    _fences: dict[int, _Judge] = field(default_factory=dict, init=False)
    _taken: dict[int, set[int]] = field(default_factory=dict, init=False)  #: per partition, offsets that were judged
    _running: dict[tuple[int, int], asyncio.Task[None]] = field(default_factory=dict, init=False)
    _working: set[asyncio.Task[None]] = field(default_factory=set, init=False)  #: those whose second has come
    _may_start: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _departures: Counter[int] = field(default_factory=Counter, init=False)  #: how often each partition has left

    def __post_init__(self) -> None:
        self._alarm = Alarm(self.now_s)
        self._may_start.set()

    @property
    def in_flight(self) -> int:
        """Return how many ticks are held or running."""
        return len(self._running)

    def take(self, record: Record) -> None:
        """Take the next tick of a partition; `obey` judges it."""
        self._came.append(record)
        self._comes.set()

    async def obey(self) -> None:
        """Judge ticks as they come, and run the admitted ones, until cancelled. Raises FatalError."""
        while True:
            await self._comes.wait()
            while self._came:
                await self._judge(self._came.popleft())
            self._comes.clear()

    async def _judge(self, record: Record) -> None:
        place, offset, key, value, _ = record
        self.offsets.begin(place, offset)
        try:
            tick = await self.serde.read(value or b"")
        except RecordError as error:
            await self.dead_letters.put(error, origin=(*place, offset), key=key, value=value)
            self.offsets.done(place, offset)
            return
        await self._take(tick, place, offset)

    async def _take(self, tick: Tick, place: Place, offset: int) -> None:
        running = self._running.get((place.partition, tick.slot))
        if running is not None and not running.cancelling():  # delivered again after a rebalance: the work goes on
            running.add_done_callback(lambda task: self._finish(task, place, offset))
            return
        taken = self._taken_of(place)
        if offset in taken:  # its work is over, or there was none; only the commit was lost
            self.offsets.done(place, offset)
            return
        departures = self._departures[place.partition]
        admission = await self._admit(tick, place.partition, offset)
        self.verdicts[admission.verdict] += 1
        if admission.span is None:
            taken.add(offset)
            self.offsets.done(place, offset)
            return
        await self.room.acquire()
        if departures != self._departures[place.partition]:  # it left meanwhile: its owner is given the tick anew
            self._fences.pop(place.partition, None)
            self.room.release()
            return
        taken.add(offset)
        due = DueTick(place.partition, admission.span, admission.gap)
        task = asyncio.create_task(self._hold_and_run(due), name=f"tick-{place.partition}-{tick.slot}")
        self._running[place.partition, tick.slot] = task
        task.add_done_callback(lambda task: self._leave(task, place.partition, tick.slot))
        task.add_done_callback(lambda task: self._finish(task, place, offset))

    def _taken_of(self, place: Place) -> set[int]:
        taken = self._taken.setdefault(place.partition, set())
        if len(taken) > 2 * _REMEMBERED:
            taken.intersection_update(sorted(taken)[-_REMEMBERED:])
        return taken

    async def _admit(self, tick: Tick, partition: int, offset: int) -> Admission:
        """Judge a tick by what stands before it in the log, also where others of it were not delivered, or later."""
        known = self._fences.get(partition)
        if known is not None and known.behind == offset:
            self.terms_seen = self.terms_seen.after((tick,))
            self._fences[partition] = known._replace(behind=offset + 1)
            return known.fence.admit(tick)
        past = await wait_for(
            "kafka",
            "the ticks topic",
            lambda: self.tick_log.before({partition: offset}),
            absent=AWAY,
        )
        ticks = (past or {}).get(partition, ())
        self.terms_seen = self.terms_seen.after((*ticks, tick))
        fence = Fence().replay(ticks)
        if known is None or known.behind < offset:
            self._fences[partition] = _Judge(fence, offset + 1)
        return fence.admit(tick)

    async def _hold_and_run(self, due: DueTick) -> None:
        await self._alarm.until(due.span.last)
        await self._may_start.wait()
        await self.opened(due.partition)
        await self.lease.sure()
        task = asyncio.current_task()
        if task is not None:
            self._working.add(task)
            task.add_done_callback(self._working.discard)
        while True:
            try:
                await self.run(due)
            except UnknownSchema as unknown:  # of a table's entry that a newer worker wrote
                await self._learn(unknown)
            except FatalError as fault:  # every further try would end like this one
                self.give_up(fault)
                raise
            except Exception:  # the edge of the stage: a tick is not lost to a fault in our own code
                self.retries += 1
                log.exception("tick failed, running it again partition=%d slot=%d", due.partition, due.span.last)
                await asyncio.sleep(_RETRY_S)
            else:
                return

    async def _learn(self, unknown: UnknownSchema) -> None:
        try:
            await unknown.prepare()
        except RecordError as problem:
            log.warning("tick waits for a schema, trying again problem=%s", problem)
            await asyncio.sleep(_RETRY_S)

    def _leave(self, task: "asyncio.Task[None]", partition: int, slot: int) -> None:
        self.room.release()
        if self._running.get((partition, slot)) is task:
            del self._running[partition, slot]

    def _finish(self, task: "asyncio.Task[None]", place: Place, offset: int) -> None:
        if not task.cancelled() and task.exception() is None:
            self.offsets.done(place, offset)

    async def wind_up(self, within_s: float) -> None:
        """Start no tick until `go_on`, and return when the running ones have ended, or after that time.

        In a rebalance nobody knows whose a partition will be; what is done before it is not done again after it.
        """
        self._may_start.clear()
        if self._working:
            await asyncio.wait(tuple(self._working), timeout=within_s)

    async def pausing(self, *, lapsed: bool) -> None:
        await self.wind_up(0.0 if lapsed else WIND_UP_S)

    def lost(self, partitions: frozenset[int]) -> None:
        """Cancel the ticks of partitions that belong to another worker now, and forget their fences."""
        for (partition, _), task in tuple(self._running.items()):
            if partition in partitions:
                task.cancel()
        for partition in partitions:
            self._departures[partition] += 1
            self._fences.pop(partition, None)
            self._taken.pop(partition, None)

    def settled(self, owned: frozenset[int]) -> None:  # noqa: ARG002
        """Start ticks again; those that were not judged are delivered again."""
        self._came.clear()
        self._may_start.set()

    async def stop(self) -> None:
        """Cancel everything; unfinished ticks are run by the next owner."""
        running = tuple(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
