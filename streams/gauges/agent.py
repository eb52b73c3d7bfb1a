"""Wiring of the gauges stage: raw counters in, gauges out, the last two samples of each series in a table between them.

The order of effects: gauges are stored, then the table's entry and its changelog, then the record's offset may be
committed. Lanes keep that order in each partition, so a record that is read again after a crash finds the table as it
was before, or as it left it.
"""

import asyncio
import logging
from collections.abc import Coroutine, Iterator, Sequence
from typing import Any, Final, NamedTuple

from faust.types import TP

from pollers.plugins.base import Kind
from schemas.errors import RecordError
from schemas.records import Gauge, RawCounters
from streams.gauges.agent_lanes import Lanes, Pace
from streams.gauges.agent_table import series_table
from streams.gauges.converter import Aside, Converted, Converter, SchemaNeeded, Series
from streams.gauges.fold.derived import Derived
from streams.gauges.fold.plan import Rules
from streams.gauges.limits import Limits
from streams.gauges.transforms.chain import Transform
from streams.gauges.transforms.derived_section import DerivedValues
from streams.pipeline import Topic, stage
from streams.runtime.build import stage_app
from streams.runtime.faust.app import MAX_RECORD_BYTES, StageApp, now_ms
from streams.runtime.plugins import NoAccess, Plugins
from streams.runtime.settings.sections import GaugesSettings
from streams.scheduling.acks import Begin

log = logging.getLogger(__name__)

#: how long a batch that is not full waits for more: gauges are hardly later for it, and each batch costs half a
#: millisecond of CPU
GAUGES_LINGER_S: Final = 0.05
CHANGELOG_LINGER_S: Final = 0.25
#: bytes of gauges that may wait for the broker before no more records are taken
MOST_WAITING: Final = 64 * 2**20
#: messages that are taken in one turn of the event loop, at most: some 10 ms
TAKEN_AT_ONCE: Final = 64
#: how long a rebalance waits for what is under way; what is not stored then is done by the next owner
LEAVE_WITHIN_S: Final = 5.0


class Work(NamedTuple):
    """A record on its way through the lanes."""

    tp: TP
    offset: int
    entry: tuple[bytes, bytes] | None  #: of the table
    series: Series | None  #: whose entry it is


class Gauges:
    """The stage in one worker."""

    def __init__(self, app: StageApp, rules: Rules, transforms: Sequence[Transform]) -> None:
        self._app = app
        self._raw = app.serdes.of(Topic.RAW_COUNTERS, RawCounters)
        self.table = series_table(app, "series")
        self.converter = Converter(
            rules, self._raw, app.serdes.of(Topic.GAUGES, Gauge), self.table.data.get, transforms
        )
        batch = app.settings.gauges.max_batch_bytes
        outbox = app.another_outbox(max_request_bytes=2 * batch + MAX_RECORD_BYTES, max_batch_bytes=batch)
        gauges, changes = app.topic_name(Topic.GAUGES), self.table.changelog_topic_name
        most = batch - batch // 16
        pace, calm = Pace(most, GAUGES_LINGER_S), Pace(most, CHANGELOG_LINGER_S)
        self.gauges: Lanes[Work] = Lanes(outbox, gauges, pace, self._gauges_stored, self._task)
        self.changelog: Lanes[Work] = Lanes(outbox, changes, calm, self._changelog_stored, self._task)
        app.before_stop.append(self._stop)
        app.on_partitions_revoked.connect(self._leave, weak=False)
        app.on_partitions_assigned.connect(self._arrive, weak=False)
        self._measure()

    async def take(self, stream: Any) -> None:
        """Body of the agent."""
        async for event in stream.noack().events():
            await self._take(event.message)
            for message in self._buffered(stream.channel.queue):
                await self._take(message)

    def _buffered(self, queue: Any) -> Iterator[Any]:
        """Yield messages that wait in the stream's buffer already: one turn of the event loop does for all of them.

        As the stream does, this leaves out what was fetched before the last rebalance, and stops during one.
        """
        app = self._app
        for _ in range(TAKEN_AT_ONCE):
            if queue.empty() or not app.flow_control.is_active():
                return
            message = queue.get_nowait().message
            if message.generation_id == app.consumer_generation_id:
                yield message

    async def _take(self, message: Any) -> None:
        offsets = self._app.offsets
        if message.tp not in self._app.assigned or offsets.begin(message.tp, message.offset) is not Begin.START:
            return
        converted = await self._convert(message)
        if converted is None:
            offsets.done(message.tp, message.offset)
            return
        work = Work(message.tp, message.offset, converted.entry, converted.series)
        self.gauges.put(message.partition, message.key or b"", converted.rows, work)
        if self.gauges.bytes_waiting > MOST_WAITING:
            await self.gauges.room(MOST_WAITING)

    async def _convert(self, message: Any) -> Converted | None:
        """Return what a record leads to; None where it was set aside."""
        if message.value is None:
            return Converted((), None)
        while True:
            try:
                converted = self.converter.convert(message.partition, message.key or b"", message.value)
            except SchemaNeeded as needed:
                try:
                    await self._raw.prepare(needed.value)
                except RecordError as why:
                    if needed.value == message.value:
                        await self._dead(message, why)
                        return None
                    self.converter.lost.add(needed.value[:5])
            except Exception as why:  # noqa: BLE001 - a fault of ours must neither stop the stream nor lose the record
                await self._dead(message, why)
                return None
            else:
                for aside in converted.asides:
                    await self._set_aside(message, aside)
                return converted

    async def _dead(self, message: Any, why: Exception) -> None:
        origin = (message.topic, message.partition, message.offset)
        await self._app.dead_letters.put(why, origin=origin, key=message.key, value=message.value)

    async def _set_aside(self, message: Any, aside: Aside) -> None:
        origin = (self.table.changelog_topic_name, message.partition, message.offset)
        await self._app.dead_letters.put(aside.why, origin=origin, key=aside.key, value=aside.value)

    def _gauges_stored(self, partition: int, works: Sequence[Work]) -> None:
        for work in works:
            key, values = b"", []
            if work.entry is not None:
                key, value = work.entry
                values = [value]
                self.table[key] = value
            if work.series is not None:
                work.series.unwritten -= 1
            self.changelog.put(partition, key, values, work)

    def _changelog_stored(self, _partition: int, works: Sequence[Work]) -> None:
        for work in works:
            self._app.offsets.done(work.tp, work.offset)

    def _task(self, work: Coroutine[Any, Any, None], name: str) -> "asyncio.Task[None]":
        async def guarded() -> None:
            try:
                await work
            except Exception as problem:  # noqa: BLE001 - the edge of the worker: going on would lose records
                await self._app.crash(problem)

        return asyncio.create_task(guarded(), name=name)

    async def _leave(self, _app: Any, revoked: set[TP], **_: Any) -> None:
        """Let what is under way be stored, so that the next owner has little to do again."""
        partitions = {tp.partition for tp in revoked}
        try:
            async with asyncio.timeout(LEAVE_WITHIN_S):
                await self.gauges.drained()
                await self.changelog.drained()
        except TimeoutError:
            log.warning("gave up waiting for the broker in a rebalance bytes=%d", self.gauges.bytes_waiting)
        self.gauges.drop(partitions)
        self.changelog.drop(partitions)
        self.converter.forget(partitions)

    async def _arrive(self, _app: Any, assigned: set[TP], **_: Any) -> None:
        """Begin anew from the recovered table: partitions may have been elsewhere meanwhile."""
        everything = range(self._app.settings.kafka.partitions)
        self.gauges.drop(everything)
        self.changelog.drop(everything)
        self.converter.forget()
        log.info("partitions assigned partitions=%s", sorted({tp.partition for tp in assigned}))

    async def _stop(self) -> None:
        try:
            async with asyncio.timeout(LEAVE_WITHIN_S):
                await self.gauges.drained()
                await self.changelog.drained()
        except TimeoutError:
            log.warning("stopping with gauges on their way bytes=%d", self.gauges.bytes_waiting)

    def _measure(self) -> None:
        metrics, converter = self._app.metrics, self.converter
        metrics.counters("samples", "samples by how they arrived", "arrival", converter.arrivals.items)
        metrics.counters("gauge_words", "reasons and doubts given", "word", converter.words.items)
        metrics.counter("gauges", "gauges made, one per row", lambda: converter.rows)
        metrics.counter("counters", "counters read", lambda: converter.numbers)
        metrics.counter("gauge_batches", "batches of gauges sent", lambda: self.gauges.batches)
        metrics.gauge("gauge_bytes_waiting", "bytes of gauges not yet stored", lambda: self.gauges.bytes_waiting)
        metrics.gauge("series_in_memory", "keys whose series are kept in memory", lambda: converter.series)


def rules_of(settings: GaugesSettings, derived: Sequence[Derived]) -> Rules:
    """Return the settings as the fold wants them."""
    limits = Limits(line_rate_margin=settings.line_rate_margin, max_gap_intervals=settings.max_gap_intervals)
    return Rules(limits=limits, derived=tuple(derived), with_counters=settings.emit_counters)


def build() -> StageApp:
    """Return the app of the stage. Raises SettingsError where a transform's section is wrong."""
    app = stage_app(stage("gauges"))
    installed = Plugins(app.settings, NoAccess(), now_ms).of(Kind.TRANSFORM)
    derived = [
        value._replace(wants=plugin.wants if plugin.section.filter else None)
        for plugin in installed
        if isinstance(plugin.instance, DerivedValues)
        for value in plugin.instance.values
    ]
    transforms = [
        Transform(plugin.section.name, plugin.wants, plugin.instance)
        for plugin in installed
        if not isinstance(plugin.instance, DerivedValues)
    ]
    gauges = Gauges(app, rules_of(app.settings.gauges, derived), transforms)
    app.agent(app.input_topic(Topic.RAW_COUNTERS), name="gauges.convert")(gauges.take)
    return app
