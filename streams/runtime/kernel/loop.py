"""The one record loop: records -> step -> effects -> done, in the order of each partition.

Steps run ahead of effects: while a batch of a partition is on its way the next one is stepped, so that waiting for the
broker costs no round trip per record. A record is done when all of its effects are in place, and only then may its
offset be committed. What cannot be used goes to the dead letters, and the partition goes on.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

from schemas.errors import FatalError, RecordError
from streams.runtime.kernel.lifecycle import Part
from streams.runtime.kernel.offsets import Offsets
from streams.runtime.kernel.records import Place, Record
from streams.runtime.registry.serde import UnknownSchema
from streams.scheduling.acks import Begin

log = logging.getLogger(__name__)

E = TypeVar("E")

#: how long a rebalance or a stop waits for what is on its way; what is not in place then is done again
LEAVE_WITHIN_S: Final = 5.0
#: records that are stepped before others get the event loop
STEPPED_AT_ONCE: Final = 64


class Pace(NamedTuple):
    """How records gather on their way."""

    linger_s: float = 0.05  #: how long the first of a batch waits for others
    max_batch_bytes: int = 512 * 1024  #: of effects; what makes a batch larger than that does not wait
    max_batch_records: int = 500
    most_waiting_bytes: int = 64 * 2**20  #: of records and effects; no more is taken from Kafka meanwhile


#: for a stage with little to send
USUAL: Final = Pace()


class Handler(Protocol[E]):
    """What a stage does with records."""

    def step(self, record: Record) -> E:
        """Return what the record leads to, without effects. Raises RecordError, UnknownSchema."""
        ...

    def size(self, step: E) -> int:
        """Return about how many bytes that takes on its way."""
        ...

    async def deliver(self, partition: int, steps: Sequence[E]) -> None:
        """Return when everything is in place, however long that takes; doing it twice must be harmless.

        Raises RecordError for what will never be taken: a batch is tried step by step then, and the culprit set aside.
        """
        ...

    def forget(self, partition: int) -> None:
        """Forget what the steps remember beyond what was delivered: they are made again, here or elsewhere."""
        ...


class SetAside(Protocol):
    async def put(
        self, error: BaseException, *, origin: tuple[str, int, int], key: bytes | None, value: bytes | None
    ) -> None:
        """Store a record that cannot be used."""
        ...


class Flow(Protocol):
    """Where records come from."""

    def pause(self, place: Place) -> None:
        """Bring no more of a partition for now; what is on its way may still come."""
        ...

    def resume(self, place: Place) -> None:
        """Go on."""
        ...


class _Item(Generic[E]):
    """A record, or what was submitted beside the records, on its way."""

    __slots__ = ("done", "effects", "record", "size", "step", "unknown", "why")

    def __init__(self, record: Record | None, step: Callable[[], E], done: "asyncio.Future[bool] | None") -> None:
        self.record = record
        self.step = step
        self.done = done
        self.effects: E | None = None
        self.unknown: UnknownSchema | None = None  #: it is to be fetched before the step can be made
        self.why: Exception | None = None  #: it is to be set aside
        self.size = record.size if record is not None else 0


class _Lane(Generic[E]):
    """The way of one partition."""

    def __init__(self, partition: int) -> None:
        self.partition: Final = partition
        self.is_open = False
        self.is_broken = False  #: what it delivers ended in a fault, and is not tried again
        self.waiting: deque[_Item[E]] = deque()  #: not stepped yet
        self.stepped: deque[_Item[E]] = deque()  #: an item stays in line until its effects are in place
        self.stepped_bytes = 0
        self.bytes = 0  #: of everything in line
        self.task: asyncio.Task[None] | None = None
        self.paused: set[Place] = set()


class Loop(Part, Generic[E]):
    """The loop of one kind of records in one worker; any number of topics may feed it."""

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
        self._dead_letters: Final = dead_letters
        self._flow: Final = flow
        self._fail: Final = fail
        self._pace: Final = pace
        self._lanes: dict[int, _Lane[E]] = {}
        self._is_pausing = False
        self._is_failed = False  #: the worker is about to end: nothing more is stepped
        self._lingering: asyncio.TimerHandle | None = None
        self._idle: asyncio.Event | None = None
        self.bytes_waiting = 0  #: of records and effects on their way, in partitions that are open
        self.batches = 0

    # records and lanes

    def take(self, record: Record) -> None:
        """Take the next record of a partition."""
        lane = self._lanes.get(record.place.partition)
        if lane is None:  # it was fetched for an assignment that is over
            return
        if self._offsets.begin(record.place, record.offset) is not Begin.START:
            return
        self._put(lane, _Item(record, lambda: self._handler.step(record), None))
        # of a partition that is not begun there is no end of waiting: it must not use up what the others share
        if not lane.is_open or self.bytes_waiting > self._pace.most_waiting_bytes:
            self._pause(lane, record.place)

    async def submit(self, partition: int, step: Callable[[], E]) -> bool:
        """Have a step made between the records of a partition; return whether its effects are in place.

        If not, the partition is not, or no longer, this worker's. Raises what the step raises, RecordError where its
        effects are refused.
        """
        lane = self._lanes.get(partition)
        if lane is None:
            return False
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._put(lane, _Item(None, step, done))
        return await done

    def _put(self, lane: _Lane[E], item: _Item[E]) -> None:
        self._add(lane, item.size)
        if lane.waiting or not self._may_step(lane) or not self._stepped(lane, item):
            lane.waiting.append(item)
            if lane.is_open:
                self._start(lane)
        elif lane.stepped_bytes >= self._pace.max_batch_bytes:
            self._start(lane)
        else:
            self._linger()

    def _add(self, lane: _Lane[E], size: int) -> None:
        lane.bytes += size
        if lane.is_open:
            self.bytes_waiting += size

    def _may_step(self, lane: _Lane[E]) -> bool:
        may = lane.is_open and not (self._is_pausing or self._is_failed)
        return may and lane.stepped_bytes < 2 * self._pace.max_batch_bytes

    def _stepped(self, lane: _Lane[E], item: _Item[E]) -> bool:
        """Step an item; return whether it is in line now. If not, its schema is to be fetched first, or all is over."""
        item.unknown = None
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
            item.size += size
            self._add(lane, size)
        lane.stepped.append(item)
        lane.stepped_bytes += item.size
        return True

    # from lanes to effects

    def _linger(self) -> None:
        if self._lingering is None:
            self._lingering = asyncio.get_running_loop().call_later(self._pace.linger_s, self._go)

    def _go(self) -> None:
        self._lingering = None
        for lane in self._lanes.values():
            if lane.stepped:
                self._start(lane)

    def _start(self, lane: _Lane[E]) -> None:
        if lane.task is None and not lane.is_broken:
            lane.task = self._task(lambda: self._run(lane), f"lane-{lane.partition}")

    async def _run(self, lane: _Lane[E]) -> None:
        """Step what waits and deliver what is stepped, until little is left; that lingers for more."""
        try:
            while lane.waiting or lane.stepped:
                await self._step_waiting(lane)
                if not lane.stepped:
                    break  # what waits may not be stepped now
                await self._deliver(lane, self._next(lane))
                self._resume()
                if not (lane.waiting or self._is_pausing) and lane.stepped_bytes < self._pace.max_batch_bytes:
                    break
        except Exception:
            lane.is_broken = self._is_failed = True
            raise
        finally:
            lane.task = None
            if self._idle is not None:
                self._idle.set()
        if lane.stepped:
            self._linger()

    async def _step_waiting(self, lane: _Lane[E]) -> None:
        stepped = 0
        while lane.waiting and self._may_step(lane):
            item = lane.waiting[0]
            if not self._stepped(lane, item):
                if lane.stepped:
                    return  # the registry may be away: what is before it does not wait for that
                await _prepare(item)
                continue
            lane.waiting.popleft()
            stepped += 1
            if stepped % STEPPED_AT_ONCE == 0:
                await asyncio.sleep(0)

    def _next(self, lane: _Lane[E]) -> int:
        """Return how many of the stepped items go next: as many as a batch takes, one at least."""
        size = 0
        for count, item in enumerate(lane.stepped):
            size += item.size
            if count and (size > self._pace.max_batch_bytes or count >= self._pace.max_batch_records):
                return count
        return len(lane.stepped)

    async def _deliver(self, lane: _Lane[E], count: int) -> None:
        """Have the first items' effects put in place, and call the items done."""
        items = [lane.stepped[nth] for nth in range(count)]
        await self._set_aside(items)
        steps = [item.effects for item in items if item.effects is not None]
        try:
            if steps:
                await self._handler.deliver(lane.partition, steps)
        except RecordError as refused:
            if count > 1:
                await self._deliver_each(lane, items)
                return
            items[0].why = refused
            await self._set_aside(items)
            self._leave(lane, items)
            self._rewind(lane)
            return
        self.batches += 1
        self._leave(lane, items)

    async def _deliver_each(self, lane: _Lane[E], items: Sequence[_Item[E]]) -> None:
        for item in items:
            if not lane.stepped or lane.stepped[0] is not item:
                return  # one before it was refused: the rest is stepped anew
            await self._deliver(lane, 1)

    async def _set_aside(self, items: Iterable[_Item[E]]) -> None:
        """Store the records of items that cannot be used, once each; who submitted one hears of it."""
        letters = []
        for item in items:
            why, item.why = item.why, None
            if why is None:
                continue
            if item.record is not None:
                place, offset, key, value, _ = item.record
                letters.append(self._dead_letters.put(why, origin=(*place, offset), key=key, value=value))
            elif item.done is not None and not item.done.done():
                item.done.set_exception(why)
        await asyncio.gather(*letters)

    def _leave(self, lane: _Lane[E], items: Iterable[_Item[E]]) -> None:
        for item in items:
            lane.stepped.popleft()
            lane.stepped_bytes -= item.size
            self._add(lane, -item.size)
            if item.record is not None:
                self._offsets.done(item.record.place, item.record.offset)
            elif item.done is not None and not item.done.done():
                item.done.set_result(True)

    def _rewind(self, lane: _Lane[E]) -> None:
        """Step anew what was stepped after a record whose effects were refused: it may have built on them."""
        self._handler.forget(lane.partition)
        again = list(lane.stepped)
        lane.stepped.clear()
        lane.stepped_bytes = 0
        for item in again:
            before = item.record.size if item.record is not None else 0
            self._add(lane, before - item.size)
            item.size, item.effects, item.why = before, None, None
        lane.waiting.extendleft(reversed(again))

    def _pause(self, lane: _Lane[E], place: Place) -> None:
        if place not in lane.paused:
            lane.paused.add(place)
            self._flow.pause(place)

    def _resume(self) -> None:
        if self.bytes_waiting <= self._pace.most_waiting_bytes // 2:
            for lane in self._lanes.values():
                if lane.paused and lane.is_open:
                    self._let_flow(lane)

    def _let_flow(self, lane: _Lane[E]) -> None:
        for place in lane.paused:
            self._flow.resume(place)
        lane.paused.clear()

    def _task(self, work: Callable[[], Awaitable[None]], name: str) -> "asyncio.Task[None]":
        async def guarded() -> None:
            try:
                await work()
            except Exception as problem:  # noqa: BLE001 - the edge of the worker
                self._fail(problem)

        return asyncio.create_task(guarded(), name=name)

    # partitions

    async def pausing(self) -> None:
        """Let what is stepped be put in place, so that the next owner has little to do again."""
        self._is_pausing = True
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
        for partition in partitions:
            lane = self._lanes.pop(partition, None)
            if lane is not None:
                self._drop(lane)
                self._handler.forget(partition)

    def settled(self, owned: frozenset[int]) -> None:
        """Begin anew: what was not done of partitions that stay is brought again."""
        self._is_pausing = False
        for partition in owned:
            old = self._lanes.get(partition)
            lane = self._lanes[partition] = _Lane(partition)
            if old is not None:
                lane.is_open = old.is_open
                if old.stepped:
                    self._handler.forget(partition)
                self._drop(old)

    async def gained(self, partition: int) -> None:
        lane = self._lanes.get(partition)
        if lane is None or lane.is_open:
            return
        lane.is_open = True
        self.bytes_waiting += lane.bytes
        self._resume()
        if lane.waiting:
            self._start(lane)

    def _drop(self, lane: _Lane[E]) -> None:
        if lane.task is not None:
            lane.task.cancel()
        for item in (*lane.stepped, *lane.waiting):
            if item.done is not None and not item.done.done():
                item.done.set_result(False)
        lane.stepped.clear()
        lane.waiting.clear()
        self._add(lane, -lane.bytes)
        self._let_flow(lane)


async def _prepare(item: _Item[Any]) -> None:
    """Fetch the schema that an item's step asks for; where there is none, the item is set aside."""
    if item.unknown is None:
        return
    try:
        await item.unknown.prepare()
    except RecordError as why:
        item.step = _raising(why)


def _raising(why: Exception) -> Callable[[], Any]:
    def raises() -> Any:
        raise why

    return raises
