"""Delivers batches to a sink: waits while the store is away, and dead-letters what it rejects for good."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

from pollers.plugins.base import SinkPlugin
from pollers.plugins.batch import CannotEver, TryAgain, Written
from schemas.errors import BackendError, RecordError
from streams.pipeline import Topic
from streams.runtime.kernel.context import now_ms
from streams.runtime.kernel.handler import SetAside
from streams.runtime.kernel.records import Record
from streams.runtime.ops.waiting import LINE_EVERY_S, WAITS
from streams.runtime.registry.serde import UnknownSchema
from streams.sinks.delivery.agent_places import Places
from streams.sinks.reading.held import Ending, HeldRows
from streams.sinks.reading.records import Decoding, Records

log = logging.getLogger(__name__)

FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 15.0
#: of a pause: a worker that waits says so this often to the watch
_AT_ONCE_S: Final = 1.0


class Counts:
    """Counters of one worker's records by result."""

    def __init__(self) -> None:
        self.stored = 0
        self.repeats = 0
        self.refused = 0
        self.passed_over = 0
        self.records = 0
        self.bad = 0
        self.retries = 0
        self.waited_s = 0.0

    def add(self, written: Written) -> None:
        self.stored += written.stored
        self.repeats += written.repeats
        self.refused += len(written.refused)
        self.passed_over += written.passed_over


class Store:
    """A sink shared by all partitions: while it is away, one of them retries and the others wait."""

    def __init__(self, name: str, plugin: SinkPlugin, counts: Counts) -> None:
        self.name: Final = name
        self.counts: Final = counts
        self._plugin = plugin
        self._asking = asyncio.Lock()
        self._well_s = float("-inf")  #: when it last took something
        self._next_line_s = float("-inf")

    async def write(self, records: Records) -> Written:
        """Write the records and return the result, however long that takes. Raises UnknownSchema, RecordError."""
        try:
            return await self._tried(records)
        except UnknownSchema:
            raise
        except BackendError as away:
            return await self._again(records, away, time.monotonic())

    async def _tried(self, records: Records) -> Written:
        try:
            written = await self._plugin.write(records)
        except (BackendError, RecordError):
            raise
        except Exception as fault:  # the edge to somebody else's code: the batch is set aside, and told
            log.exception("sink=%s has a fault", self.name)
            raise CannotEver(f"{type(fault).__name__}: {fault}") from fault
        self._well_s = time.monotonic()
        return written

    async def _again(self, records: Records, away: BackendError, since_s: float) -> Written:
        async with self._asking:
            pause_s = 0.0 if self._well_s > since_s else FIRST_PAUSE_S
            while True:
                asked_s = away.after_s if isinstance(away, TryAgain) else None
                await self._pause(pause_s if asked_s is None or not pause_s else asked_s, away)
                self.counts.retries += 1
                try:
                    written = await self._tried(records)
                except UnknownSchema:
                    raise
                except BackendError as still:
                    away, pause_s = still, min(max(2 * pause_s, FIRST_PAUSE_S), LONGEST_PAUSE_S)
                else:
                    if self._next_line_s > since_s:
                        log.info("sink=%s takes records again after_s=%.1f", self.name, time.monotonic() - since_s)
                    return written

    async def _pause(self, pause_s: float, why: BackendError) -> None:
        began_s = time.monotonic()
        if pause_s and began_s >= self._next_line_s:
            self._next_line_s = began_s + LINE_EVERY_S
            log.warning("sink=%s waits, nothing is lost meanwhile problem=%s", self.name, why)
        while True:
            WAITS.seen()
            left_s = began_s + pause_s - time.monotonic()
            if left_s <= 0:
                break
            await asyncio.sleep(min(left_s, _AT_ONCE_S))
        self.counts.waited_s += pause_s


#: what is delivered: a record, or what has to end
Step = Record | Ending


class SinkHandler:
    """The handler of one topic's records, for `Loop`."""

    def __init__(self, topic: Topic, store: Store, places: Places, dead_letters: SetAside) -> None:
        self._topic = topic
        self._store = store
        self._places = places
        self._dead_letters = dead_letters
        self._decoding: Decoding
        self._prepare: Callable[[bytes], Awaitable[None]]
        self._held: dict[int, HeldRows] = {}

    def open(self, decoding: Decoding, prepare: Callable[[bytes], Awaitable[None]]) -> None:
        """Set the decoders, which need the schemas that the worker registers at its start."""
        self._decoding, self._prepare = decoding, prepare

    def step(self, record: Record) -> Step | None:
        """Accept a record; tombstones are ignored."""
        self._places.came(record)
        return None if record.value is None else record

    def size(self, step: Step | None) -> int:  # noqa: ARG002 - what it takes is what the record has
        return 0

    def forget(self, partition: int) -> None:
        """Forget the rows: a partition has come or gone."""
        self._decoding.reader.forget()
        self._held.pop(partition, None)

    def holds(self, partition: int) -> bool:
        """Return whether any series of a partition could end."""
        return bool(self._held.get(partition))

    async def deliver(self, partition: int, steps: Sequence[Step]) -> None:
        """Return when all records are stored or dead-lettered, and due series are ended."""
        came = [step for step in steps if isinstance(step, Record)]
        ends = [step for step in steps if isinstance(step, Ending)]
        held = self._held.setdefault(partition, HeldRows())
        while came or ends:
            values = [record.value or b"" for record in came]
            records = Records(self._topic, values, self._decoding, partial(held.ending, ends, now_ms()))
            try:
                written = await self._store.write(records)
            except UnknownSchema:
                came = await self._readable(came)
                continue
            except RecordError as never:
                self._store.counts.bad += len(came)
                await self._set_aside([(record, never) for record in came])
                return
            await self._done(came, records, written)
            return

    async def _done(self, came: Sequence[Record], records: Records, written: Written) -> None:
        counts = self._store.counts
        counts.add(written)
        if not came:  # of what ended alone nothing is set aside: there is no record of it
            return
        counts.records += len(came) - len(records.bad)
        counts.bad += len(records.bad)
        refused = [RecordError(f"{self._store.name} refused {one.series}: {one.reason}") for one in written.refused]
        await self._set_aside(
            [
                *((came[bad.position], bad.error) for bad in records.bad),
                *((came[0]._replace(value=None), why) for why in refused),
            ]
        )
        self._places.stored(came[-1])

    async def _readable(self, steps: Sequence[Record]) -> list[Record]:
        """Return the records whose schemas are known now; those that no registry knows are set aside."""
        good: list[Record] = []
        for record in steps:
            try:
                await self._prepare(record.value or b"")
            except RecordError as why:
                self._store.counts.bad += 1
                await self._set_aside([(record, why)])
            else:
                good.append(record)
        return good

    async def _set_aside(self, letters: Sequence[tuple[Record, RecordError]]) -> None:
        await asyncio.gather(
            *(
                self._dead_letters.put(why, origin=(*record.place, record.offset), key=record.key, value=record.value)
                for record, why in letters
            )
        )
