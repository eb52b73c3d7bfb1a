"""Wiring of the gauges stage: raw counters in, gauges out; a table holds the last two samples of each series."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from pollers.plugins.base import Kind
from schemas.errors import RecordError
from schemas.records import Gauge, RawCounters
from streams.gauges.converter import Converter, SchemaNeeded
from streams.gauges.fold.plan import Rules
from streams.gauges.rules import rules_of
from streams.gauges.samples.form import HEADER_SIZE
from streams.gauges.transforms.chain import Transform
from streams.gauges.transforms.derived_section import DerivedValues
from streams.pipeline import Topic
from streams.runtime.build import open_worker
from streams.runtime.kernel.context import now_ms
from streams.runtime.kernel.effects import NOTHING, Aside, Effects, Send, Write
from streams.runtime.kernel.handler import Pace
from streams.runtime.kernel.records import Record
from streams.runtime.kernel.worker import MAX_RECORD_BYTES, Worker
from streams.runtime.ops.metrics import Metrics
from streams.runtime.plugins import NoAccess, Offered, Plugins
from streams.runtime.registry.serde import UnknownSchema

#: how long a batch that is not full waits for more: gauges are hardly later for it, and each batch costs half a
#: millisecond of CPU
LINGER_S: Final = 0.1
#: of a batch; what bounds it is its size
MOST_RECORDS: Final = 10_000


class Gauges:
    """The gauges stage in one worker: feeds records to the converter."""

    def __init__(self, worker: Worker, rules: Rules, transforms: Sequence[Transform]) -> None:
        context = worker.context
        self._raw = context.serdes.of(Topic.RAW_COUNTERS, RawCounters)
        self.table = worker.table("series")
        self.converter = Converter(
            rules,
            self._raw,
            context.serdes.of(Topic.GAUGES, Gauge),
            self.table.get,
            transforms,
            most_kept_bytes=context.settings.gauges.series_bytes,
        )
        self._topic = context.topic_name(Topic.GAUGES)
        self._changelog = worker.changelog(self.table)
        batch = context.settings.gauges.max_batch_bytes
        self.fold = worker.fold(
            [Topic.RAW_COUNTERS],
            self.step,
            self.table,
            pace=Pace(linger_s=LINGER_S, max_batch_bytes=batch - batch // 16, max_batch_records=MOST_RECORDS),
            outbox=worker.make_outbox(max_request_bytes=2 * batch + MAX_RECORD_BYTES, max_batch_bytes=batch),
            forget=lambda partition: self.converter.forget((partition,)),
        )
        self._measure(context.metrics)

    def step(self, record: Record) -> Effects:
        """Convert a sample to gauges and table entries."""
        place, _, key, value, _ = record
        if value is None:
            return NOTHING
        raw_key = key or b""
        try:
            converted = self.converter.convert(place.partition, raw_key, value)
        except SchemaNeeded as needed:
            raise UnknownSchema(str(needed), partial(self._prepare, needed.value, value)) from needed
        asides = [Aside(self._changelog, *aside) for aside in converted.asides]
        sends = (Send(self._topic, raw_key, converted.rows),) if converted.rows else ()
        writes = (Write(*converted.entry),) if converted.entry is not None else ()
        return Effects(sends, writes, None, asides)

    async def _prepare(self, needed: bytes, value: bytes) -> None:
        """Fetch a schema; where the state's is lost, the state is."""
        try:
            await self._raw.prepare(needed)
        except RecordError:
            if needed == value:
                raise
            self.converter.lost.add(needed[:HEADER_SIZE])

    def _measure(self, metrics: Metrics) -> None:
        converter, loop = self.converter, self.fold.loop
        metrics.counters("samples", "samples by how they arrived", "arrival", converter.arrivals.items)
        metrics.counters("gauge_words", "reasons and doubts given", "word", converter.words.items)
        metrics.counter("gauges", "gauges made, one per row", lambda: converter.rows)
        metrics.counter("counters", "counters read", lambda: converter.numbers)
        metrics.counter("gauge_batches", "batches of gauges sent", lambda: loop.batches)
        metrics.gauge("gauge_bytes_waiting", "bytes of samples and gauges not yet stored", lambda: loop.bytes_waiting)
        metrics.gauge("series_in_memory", "keys whose series are kept in memory", lambda: converter.series)
        metrics.gauge("series_bytes", "memory that they take, about", lambda: converter.kept_bytes)
        metrics.counter("series_loaded", "series read from the table", lambda: converter.loads)


def build() -> Worker:
    """Return a worker of the stage. Raises SettingsError where a transform's section is wrong."""
    worker = open_worker("gauges")
    settings = worker.context.settings
    installed = Plugins(settings, Offered(NoAccess(), now_ms)).of(Kind.TRANSFORM)
    transforms = [
        Transform(plugin.section.name, plugin.wants, plugin.instance)
        for plugin in installed
        if not isinstance(plugin.instance, DerivedValues)
    ]
    Gauges(worker, rules_of(settings), transforms)
    return worker
