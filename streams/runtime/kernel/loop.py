"""The record loop: records -> step -> effects -> done, in the order of each partition.

Steps run ahead of effects: while a batch of a partition is on its way the next one is stepped, so that waiting for the
broker costs no round trip per record. A record is done when all of its effects are in place, and only then may its
offset be committed. What cannot be used goes to the dead letters, and the partition goes on.

What a stage brings is in `handler.py`, a partition's line in `lane.py`, and what follows the step in `delivery.py`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, Generic

from schemas.errors import FatalError
from streams.runtime.kernel.dispatch import Dispatch
from streams.runtime.kernel.handler import E, Flow, Handler, Pace, SetAside
from streams.runtime.kernel.lane import Item, Lane, Room
from streams.runtime.kernel.lifecycle import Part
from streams.runtime.kernel.offsets import Offsets
from streams.runtime.kernel.records import Record
from streams.runtime.registry.serde import UnknownSchema
from streams.scheduling.acks import Begin

log = logging.getLogger(__name__)

#: how long a rebalance or a stop waits for what is on its way; what is not in place then is done again
LEAVE_WITHIN_S: Final = 5.0
#: records that are stepped before others get the event loop
STEPPED_AT_ONCE: Final = 64


class Loop(Part, Generic[E]):
    """The record loop of one handler in one worker; any number of topics may feed it."""

    def __init__(
        self,
        handler: Handler[E],
        *,
        offsets: Offsets,
        dead_letters: SetAside,
        flow: Flow,
        fail: Callable[[Exception], None],
        pace: Pace,
    ) -> None:
        """`fail` ends the worker: going on after a fault of our own could lose records."""
        self._handler: Final = handler
        self._offsets: Final = offsets
        self._fail: Final = fail
        self._pace: Final = pace
        self._room: Final = Room(pace.most_waiting_bytes, flow)
        self._dispatch: Final = Dispatch(handler, offsets, dead_letters, pace)
        self._lanes: dict[int, Lane[E]] = {}
        self._is_pausing = False
        self._is_failed = False  #: the worker is about to end: nothing more is stepped
        self._lingering: asyncio.TimerHandle | None = None
        self._idle: asyncio.Event | None = None

    @property
    def bytes_waiting(self) -> int:
        """Return the size of records and effects in progress in open partitions."""
        return self._room.bytes

    @property
    def batches(self) -> int:
        """Return the number of finished batches."""
        return self._dispatch.batches

    # records come in

    def take(self, record: Record) -> None:
        """Take the next record of a partition."""
        lane = self._lanes.get(record.place.partition)
        if lane is None:  # it was fetched for an assignment that is over
            return
        if self._offsets.begin(record.place, record.offset) is not Begin.START:
            return
        self._put(lane, Item(record, lambda: self._handler.step(record), None))
        # of a partition that is not begun there is no end of waiting: it must not use up what the others share
        if not lane.is_open or self._room.is_full:
            lane.pause(record.place)

    async def submit(self, partition: int, step: Callable[[], E]) -> bool:
        """Run a step between the records of a partition; return whether its effects were carried out.

        If not, the partition is not, or no longer, this worker's. Raises what the step raises, RecordError where its
        effects are refused.
        """
        lane = self._lanes.get(partition)
        if lane is None:
            return False
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._put(lane, Item(None, step, done))
        return await done

    def _put(self, lane: Lane[E], item: Item[E]) -> None:
        lane.join(item)
        if lane.waiting or not self._may_step(lane) or not self._stepped(lane, item):
            lane.waiting.append(item)
            if lane.is_open:
                self._start(lane)
        elif lane.stepped_bytes >= self._pace.max_batch_bytes:
            self._start(lane)
        else:
            self._linger()

    # steps

    def _may_step(self, lane: Lane[E]) -> bool:
        may = lane.is_open and not (self._is_pausing or self._is_failed)
        return may and lane.stepped_bytes < 2 * self._pace.max_batch_bytes

    def _stepped(self, lane: Lane[E], item: Item[E]) -> bool:
        """Step an item; return whether it is in line now. If not, its schema is to be fetched first, or all is over."""
        item.unknown = None
        size = 0
        try:
            item.effects = item.step()
        except UnknownSchema as unknown:
            item.unknown = unknown
            return False
        except FatalError as fault:  # every record after it would be set aside as well, and each of them is good
            self._is_failed = True
            self._fail(fault)
            return False
        except Exception as why:  # noqa: BLE001 - a fault in our own code must neither stop the stream nor lose the record
            item.why = why
        else:
            size = self._handler.size(item.effects)
        lane.line_up(item, size)
        return True

    async def _step_waiting(self, lane: Lane[E]) -> None:
        stepped = 0
        while lane.waiting and self._may_step(lane):
            item = lane.waiting[0]
            if not self._stepped(lane, item):
                if lane.stepped:
                    return  # the registry may be away: what is before it does not wait for that
                await item.prepare()
                continue
            lane.waiting.popleft()
            stepped += 1
            if stepped % STEPPED_AT_ONCE == 0:
                await asyncio.sleep(0)

    # a lane at work

    def _linger(self) -> None:
        if self._lingering is None:
            self._lingering = asyncio.get_running_loop().call_later(self._pace.linger_s, self._go)

    def _go(self) -> None:
        self._lingering = None
        for lane in self._lanes.values():
            if lane.stepped:
                self._start(lane)

    def _start(self, lane: Lane[E]) -> None:
        if lane.task is None and not lane.is_broken:
            lane.task = self._task(lambda: self._run(lane), f"lane-{lane.partition}")

    async def _run(self, lane: Lane[E]) -> None:
        """Step what waits and deliver what is stepped, until little is left; that lingers for more."""
        try:
            while lane.waiting or lane.stepped:
                await self._step_waiting(lane)
                if not lane.stepped:
                    break  # what waits may not be stepped now
                await self._dispatch.next_batch(lane)
                if lane.task is not asyncio.current_task():
                    return  # the lane was begun anew, and has a task of its own
                self._resume()
                if not (lane.waiting or self._is_pausing) and lane.stepped_bytes < self._pace.max_batch_bytes:
                    break
        except Exception:
            lane.is_broken = self._is_failed = True
            raise
        finally:
            if lane.task is asyncio.current_task():
                lane.task = None
            if self._idle is not None:
                self._idle.set()
        if lane.stepped:
            self._linger()

    def _resume(self) -> None:
        if self._room.is_roomy:
            for lane in self._lanes.values():
                if lane.is_open:
                    lane.resume()

    def _task(self, work: Callable[[], Awaitable[None]], name: str) -> "asyncio.Task[None]":
        async def guarded() -> None:
            try:
                await work()
            except Exception as problem:  # noqa: BLE001 - the edge of the worker
                self._fail(problem)

        return asyncio.create_task(guarded(), name=name)

    # partitions

    async def pausing(self, *, lapsed: bool) -> None:
        """Finish the effects of stepped records, so that the next owner has little to repeat."""
        self._is_pausing = True
        if lapsed:  # the outbox sends nothing until the next assignment, which waits for us
            return
        deadline = asyncio.get_running_loop().time() + LEAVE_WITHIN_S
        self._idle = asyncio.Event()
        while stepped := [lane for lane in self._lanes.values() if lane.stepped and not lane.is_broken]:
            self._idle.clear()
            for lane in stepped:
                self._start(lane)
            left_s = deadline - asyncio.get_running_loop().time()
            try:
                await asyncio.wait_for(self._idle.wait(), left_s)
            except TimeoutError:
                log.warning("gave up waiting for effects in a rebalance bytes=%d", self.bytes_waiting)
                break
        self._idle = None

    def lost(self, partitions: frozenset[int]) -> None:
        for partition in partitions & self._lanes.keys():
            lane = self._lanes.pop(partition)
            self._dispatch.step_anew(lane)
            lane.clear()

    def settled(self, owned: frozenset[int]) -> None:
        """Start anew: unfinished records of partitions that stay are delivered again."""
        self._is_pausing = False
        for partition in owned:
            lane = self._lanes.setdefault(partition, Lane(partition, self._room))
            if lane.stepped:
                self._dispatch.step_anew(lane)
            lane.clear()

    async def gained(self, partition: int) -> None:
        lane = self._lanes.get(partition)
        if lane is None or lane.is_open:
            return
        lane.open()
        self._resume()
        if lane.waiting:
            self._start(lane)
