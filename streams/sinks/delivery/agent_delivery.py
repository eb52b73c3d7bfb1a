"""Takes batches of one topic's records to a sink: waits while the store is away, sets aside what it will never have."""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Any, Final

from pollers.plugins.base import SinkPlugin
from pollers.plugins.batch import CannotEver, TryAgain, Written
from schemas.errors import BackendError, RecordError
from streams.pipeline import Topic
from streams.runtime.kernel.handler import SetAside
from streams.runtime.kernel.records import Record
from streams.runtime.ops.waiting import LINE_EVERY_S, WAITS
from streams.runtime.registry.serde import Serde, UnknownSchema
from streams.sinks.delivery.agent_places import Places
from streams.sinks.reading.records import Decoding, Records

log = logging.getLogger(__name__)

FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 15.0
#: of a pause: a worker that waits says so this often to the watch
_AT_ONCE_S: Final = 1.0


class Counts:
    """What became of everything that one worker was given."""

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
    """A sink as all partitions share it: where it is away, one of them asks whether it is back, and the others wait."""

    def __init__(self, name: str, plugin: SinkPlugin, counts: Counts) -> None:
        self.name: Final = name
        self.counts: Final = counts
        self._plugin = plugin
        self._asking = asyncio.Lock()
        self._well_s = float("-inf")  #: when it last took something
        self._next_line_s = float("-inf")

    async def write(self, records: Records) -> Written:
        """Return what became of the records, however long that takes. Raises UnknownSchema, RecordError."""
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


class SinkHandler:
    """The handler of one topic's records, for `Loop`."""

    def __init__(self, topic: Topic, store: Store, places: Places, dead_letters: SetAside) -> None:
        self._topic = topic
        self._store = store
        self._places = places
        self._dead_letters = dead_letters
        self._decoding: Decoding
        self._serde: Serde[Any]

    def open(self, decoding: Decoding, serde: Serde[Any]) -> None:
        """Take what decodes the records: schemas are registered when the worker starts, before any record comes."""
        self._decoding, self._serde = decoding, serde

    def step(self, record: Record) -> Record | None:
        """Note a record; a tombstone says nothing."""
        self._places.came(record)
        return None if record.value is None else record

    def size(self, step: Record | None) -> int:  # noqa: ARG002 - what it takes is what the record has
        return 0

    def forget(self, partition: int) -> None:  # noqa: ARG002
        """Forget the rows: a partition has come or gone."""
        self._decoding.reader.forget()

    async def deliver(self, partition: int, steps: Sequence[Record]) -> None:  # noqa: ARG002
        """Return when all records are in the store, or set aside."""
        while steps:
            records = Records(self._topic, [record.value or b"" for record in steps], self._decoding)
            try:
                written = await self._store.write(records)
            except UnknownSchema:
                steps = await self._readable(steps)
                continue
            except RecordError as never:
                self._store.counts.bad += len(steps)
                await self._set_aside([(record, never) for record in steps])
                return
            await self._done(steps, records, written)
            return

    async def _done(self, steps: Sequence[Record], records: Records, written: Written) -> None:
        counts, first = self._store.counts, steps[0]
        counts.add(written)
        counts.records += len(steps) - len(records.bad)
        counts.bad += len(records.bad)
        refused = [RecordError(f"{self._store.name} refused {one.series}: {one.reason}") for one in written.refused]
        await self._set_aside(
            [
                *((steps[bad.position], bad.error) for bad in records.bad),
                *((first._replace(value=None), why) for why in refused),
            ]
        )
        self._places.stored(steps[-1])

    async def _readable(self, steps: Sequence[Record]) -> list[Record]:
        """Return the records whose schemas are known now; those that no registry knows are set aside."""
        good: list[Record] = []
        for record in steps:
            try:
                await self._serde.prepare(record.value or b"")
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
