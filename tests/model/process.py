"""One worker process: the real kernel and a real stage in an event loop of its own, hosted as Faust hosts them."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final

from aiokafka.errors import KafkaError

from schemas.errors import BackendError
from streams.runtime.kernel.lifecycle import Part
from streams.runtime.kernel.loop import Loop
from streams.runtime.kernel.records import Place, Record
from streams.runtime.kernel.worker import Worker
from streams.runtime.ops.waiting import wait_for
from streams.runtime.schedule.owner import Owner
from tests.model.broker import Assignment, Broker
from tests.model.clock import ProcessLoop
from tests.model.services import Candidate

LOOK_S: Final = 0.1
FETCHED_AT_ONCE: Final = 20
STOP_STEP_S: Final = 3.0


class Reluctant(Part):
    """A part that cannot begin some partitions for a while."""

    def __init__(self, partitions: set[int]) -> None:
        self._partitions = partitions

    async def gained(self, partition: int) -> None:
        if partition in self._partitions:
            raise OSError(f"partition {partition} cannot be begun yet")


class Process:
    """A worker's host. Of what it fetches some waits in a buffer, which a rebalance empties, as Faust's does."""

    def __init__(
        self, name: str, broker: Broker, loop: ProcessLoop, build: Callable[[], Worker], reluctant: set[int]
    ) -> None:
        self.name: Final = name
        self.loop: Final = loop
        self.candidate: Candidate | None = None
        self.is_frozen = False
        self.is_over = False
        self.failed: Exception | None = None
        self._broker: Final = broker
        self._member = 0
        self._generation = -1
        self._flows = False
        self._positions: dict[Place, int] = {}
        self._paused: set[Place] = set()
        self._buffer: deque[Record] = deque()
        self._read_to: dict[Place, int] = {}  #: of changelogs
        self._tasks: list[asyncio.Task[None]] = []
        self._recovering: asyncio.Task[None] | None = None
        self.worker: Final = build()
        self.worker.host = self
        self.worker.lifecycle._parts.insert(0, Reluctant(reluctant))

    @property
    def loops(self) -> list[Loop[Any]]:
        return [part for part in self.worker.lifecycle._parts if isinstance(part, Loop)]

    @property
    def owner(self) -> Owner | None:
        return next((part for part in self.worker.lifecycle._parts if isinstance(part, Owner)), None)

    # what the worker asks of its host

    def pause(self, place: Place) -> None:
        self._paused.add(place)

    def resume(self, place: Place) -> None:
        self._paused.discard(place)

    def fail(self, problem: Exception) -> None:
        self.failed = self.failed or problem

    # its life

    def start(self) -> None:
        self._run(self._live, "live")

    def stop(self) -> "asyncio.Task[None]":
        """Return the task that ends it as a TERM does."""
        return self.loop.create_task(self._stop(), name="stop")

    def _run(self, work: Callable[[], Awaitable[None]], name: str) -> "asyncio.Task[None]":
        async def guarded() -> None:
            try:
                await work()
            except Exception as problem:  # noqa: BLE001 - as the app has it
                self.fail(problem)

        task = self.loop.create_task(guarded(), name=f"host-{name}")
        self._tasks.append(task)
        return task

    async def _live(self) -> None:
        context = self.worker.context
        await wait_for("kafka", "the model", context.outbox.start, absent=(KafkaError,))
        await wait_for("registry", "the model", context.serdes.register, absent=(BackendError,))
        for prepare in self.worker.first_steps:
            await prepare()
        for name, work in self.worker.background.items():
            self._run(work, name)
        self._member = self._broker.enter()
        self._run(self._heartbeats, "heartbeats")
        self._run(self._commits, "commits")
        await self._rebalance()
        while True:
            if self._broker.heartbeat(self._member, self._generation) != "fine":
                await self._rebalance()
            self._hand_on()
            if self._flows:
                self._fetch()
            await asyncio.sleep(LOOK_S)

    async def _heartbeats(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            self._broker.heartbeat(self._member, self._generation)

    async def _commits(self) -> None:
        while True:
            await asyncio.sleep(2.8)
            self.commit()

    async def _stop(self) -> None:
        # Faust stops what brings records first
        self._flows = False
        await self.worker.lifecycle.stop()
        await self._bounded(self.worker.revoked())
        for leave in self.worker.last_steps:
            await self._bounded(leave())
        await self._bounded(self.worker.revoked())
        self.commit()
        self._broker.leave(self._member)
        await self.worker.context.outbox.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.is_over = True

    async def _bounded(self, step: Any) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(step, STOP_STEP_S)

    # records

    def _fetch(self) -> None:
        for place, position in self._positions.items():
            if place in self._paused:
                continue
            log = self._broker.logs[place]
            for offset in range(position, min(position + FETCHED_AT_ONCE, len(log))):
                self.worker.offsets.fetched(place, offset)
                self._buffer.append(Record(place, offset, *log[offset]))
                self._positions[place] = offset + 1

    def _hand_on(self) -> None:
        """Hand what the last fetch brought to the worker: between the two a rebalance may begin."""
        topics = self.worker.topics()
        while self._buffer and self._flows:
            record = self._buffer.popleft()
            self.worker.inputs[topics[record.place.topic]](record)

    def commit(self) -> None:
        offsets = {place: self.worker.offsets.committable(place) for place in self.worker.offsets.places()}
        known = {place: offset for place, offset in offsets.items() if offset is not None and place in self._positions}
        self._broker.commit(self._member, self._generation, known)

    def skip(self, _record: Record) -> None:
        """Note a record that a rebalance throws out of the buffer: nothing, for it comes again."""

    def seek_back(self, records: int) -> None:
        """Have records brought a second time that are not committed, as after a consumer's own set-back."""
        for place, position in self._positions.items():
            self._positions[place] = max(self._broker.committed.get(place, 0), position - records)

    # partitions

    async def _rebalance(self) -> None:
        self._flows = False
        if self._recovering is not None:
            self._recovering.cancel()
        while self._buffer:
            self.skip(self._buffer.popleft())
        if self._generation >= 0:
            await self.worker.revoked()
            self.commit()
        while (assignment := await self._joined()) is None:
            pass
        self._member, self._generation = assignment.member, assignment.generation
        topics = [*self.worker.topics(), *(self.worker.changelog(table) for table in self.worker.tables)]
        self.worker.assigned([Place(topic, number) for topic in topics for number in assignment.partitions])
        self._recovering = self._run(partial(self._recover, assignment), "recover")

    async def _joined(self) -> Assignment | None:
        if self._broker.heartbeat(self._member, self._generation) == "unknown":
            self._member = self._broker.enter()
        joining: asyncio.Future[Assignment] = self.loop.create_future()
        self._broker.join(self._member, joining)
        assignment = await joining
        return assignment if assignment.generation == self._broker.generation else None

    async def _recover(self, assignment: Assignment) -> None:
        """Read the changelogs of what is new from their beginnings, of what stays from where they were read to."""
        places = {
            Place(self.worker.changelog(table), number): table
            for table in self.worker.tables
            for number in assignment.partitions
        }
        self._read_to = {place: at for place, at in self._read_to.items() if place in places}
        for place, table in places.items():
            await asyncio.sleep(self._broker.latency_s)
            log = self._broker.logs[place]
            for key, value in log[self._read_to.get(place, 0) :]:
                table.recover(place.partition, key or b"", value)
            self._read_to[place] = len(log)
        await asyncio.sleep(self._broker.latency_s)
        inputs = [Place(topic, number) for topic in self.worker.topics() for number in assignment.partitions]
        self._positions = {place: self._broker.committed.get(place, 0) for place in inputs}
        self._paused.clear()
        for place, offset in self._positions.items():
            self.worker.offsets.committed(place, offset)
        self._flows = True
        self.worker.lifecycle.recovered()
