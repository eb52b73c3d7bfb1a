"""The owner's side of the schedule: hold each tick until its second, run it beside the stream, and commit in order."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol

from aiokafka.errors import KafkaError
from faust.types import TP
from faust.types.events import EventT

from schemas.errors import FatalError, RecordError
from schemas.records import Tick
from streams.runtime.faust.offsets import Offsets
from streams.runtime.kafka.dead_letters import DeadLetters
from streams.runtime.ops.waiting import wait_for
from streams.runtime.registry.serde import UnknownSchema
from streams.runtime.schedule.alarm import Alarm
from streams.runtime.schedule.tenure import Tenure
from streams.scheduling.fencing import Admission, Fence, Verdict
from streams.scheduling.reigns import Reigns
from streams.scheduling.slots import Span

log = logging.getLogger(__name__)

_RETRY_S: Final = 1.0
#: ticks of a partition, one a second, whose commit may have been lost: what is older is judged by the log again
_REMEMBERED: Final = 600


class Due(NamedTuple):
    """What an admitted tick asks of a stage."""

    partition: int
    span: Span  #: the seconds that the tick stands for; one, mostly
    gap: bool  #: its past seconds are missed, not run late


class _Judge(NamedTuple):
    fence: Fence
    behind: int  #: it has seen everything before this offset


class TickLog(Protocol):
    async def before(self, offsets: Mapping[int, int]) -> Mapping[int, Sequence[Tick]]: ...


class _Reader(Protocol):
    async def read(self, value: bytes) -> Tick: ...


@dataclass(kw_only=True)
class Owner:
    """Runs the ticks of the partitions that this worker owns."""

    run: Callable[[Due], Awaitable[None]]
    offsets: Offsets
    tick_log: TickLog
    serde: _Reader
    dead_letters: DeadLetters
    now_s: Callable[[], float]
    give_up: Callable[[FatalError], None]  #: stop the worker
    tenure: Tenure
    room: asyncio.Semaphore  #: as many ticks may be held or running at once
    verdicts: Counter[Verdict] = field(default_factory=Counter, init=False)
    reigns: Reigns = field(default=Reigns(), init=False)
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

    async def consume(self, events: AsyncIterator[EventT[bytes]]) -> None:
        """Take every tick of the stream; this is the body of the stage's agent."""
        async for event in events:
            message = event.message
            self.offsets.begin(message.tp, message.offset)
            try:
                tick = await self.serde.read(message.value or b"")
            except RecordError as error:
                origin = (message.topic, message.partition, message.offset)
                await self.dead_letters.put(error, origin=origin, key=message.key, value=message.value)
                self.offsets.done(message.tp, message.offset)
                continue
            await self._take(tick, message.tp, message.offset)

    async def _take(self, tick: Tick, tp: TP, offset: int) -> None:
        running = self._running.get((tp.partition, tick.slot))
        if running is not None and not running.cancelling():  # delivered again after a rebalance: the work goes on
            running.add_done_callback(lambda task: self._finish(task, tp, offset))
            return
        taken = self._taken_of(tp)
        if offset in taken:  # its work is over, or there was none; only the commit was lost
            self.offsets.done(tp, offset)
            return
        departures = self._departures[tp.partition]
        admission = await self._admit(tick, tp.partition, offset)
        self.verdicts[admission.verdict] += 1
        if admission.span is None:
            taken.add(offset)
            self.offsets.done(tp, offset)
            return
        await self.room.acquire()
        if departures != self._departures[tp.partition]:  # it left while this waited: its owner is given the tick anew
            self._fences.pop(tp.partition, None)
            self.room.release()
            return
        taken.add(offset)
        due = Due(tp.partition, admission.span, admission.gap)
        task = asyncio.create_task(self._hold_and_run(due), name=f"tick-{tp.partition}-{tick.slot}")
        self._running[tp.partition, tick.slot] = task
        task.add_done_callback(lambda task: self._leave(task, tp.partition, tick.slot))
        task.add_done_callback(lambda task: self._finish(task, tp, offset))

    def _taken_of(self, tp: TP) -> set[int]:
        taken = self._taken.setdefault(tp.partition, set())
        if len(taken) > 2 * _REMEMBERED:
            taken.intersection_update(sorted(taken)[-_REMEMBERED:])
        return taken

    async def _admit(self, tick: Tick, partition: int, offset: int) -> Admission:
        """Judge a tick by what stands before it in the log, also where others of it were not delivered, or later."""
        known = self._fences.get(partition)
        if known is not None and known.behind == offset:
            self.reigns = self.reigns.after((tick,))
            self._fences[partition] = known._replace(behind=offset + 1)
            return known.fence.admit(tick)
        past = await wait_for(
            "kafka",
            "the ticks topic",
            lambda: self.tick_log.before({partition: offset}),
            absent=(KafkaError, OSError),
        )
        ticks = (past or {}).get(partition, ())
        self.reigns = self.reigns.after((*ticks, tick))
        fence = Fence().replay(ticks)
        if known is None or known.behind < offset:
            self._fences[partition] = _Judge(fence, offset + 1)
        return fence.admit(tick)

    async def _hold_and_run(self, due: Due) -> None:
        await self._alarm.until(due.span.last)
        await self._may_start.wait()
        await self.tenure.sure()
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

    def _finish(self, task: "asyncio.Task[None]", tp: TP, offset: int) -> None:
        if not task.cancelled() and task.exception() is None:
            self.offsets.done(tp, offset)

    async def wind_up(self, within_s: float) -> None:
        """Start no tick until `go_on`, and return when those at work have ended, but within that time.

        In a rebalance nobody knows whose a partition will be; what is done before it is not done again after it. A
        worker that was paused for too long waits for nothing: its work is another's already.
        """
        self._may_start.clear()
        if self._working and self.tenure.holds():
            await asyncio.wait(tuple(self._working), timeout=within_s)

    def go_on(self) -> None:
        """Let ticks start again."""
        self._may_start.set()

    def left(self, partitions: Iterable[int]) -> None:
        """Cancel what runs for partitions that now belong to another worker, and forget their past."""
        gone = set(partitions)
        for (partition, _), task in tuple(self._running.items()):
            if partition in gone:
                task.cancel()
        for partition in gone:
            self._departures[partition] += 1
            self._fences.pop(partition, None)
            self._taken.pop(partition, None)

    async def stop(self) -> None:
        """Cancel everything; what was not done is run by the next owner."""
        running = tuple(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def partitions_of(tps: Iterable[Any], topic: str) -> set[int]:
    """Return the partition numbers of one topic."""
    return {tp.partition for tp in tps if tp.topic == topic}
