"""Wiring of a view sink: every worker reads the recent records of its topics, then follows them.

It joins no group: any number of workers show the same, and none has a place to keep.
"""

import asyncio
import logging
from functools import partial
from typing import Final, Protocol

from pollers.plugins.base import SinkPlugin, ViewSinkPlugin
from schemas.errors import RecordError
from streams.pipeline import Topic
from streams.runtime.kernel.context import now_ms
from streams.runtime.kernel.records import Record
from streams.runtime.kernel.worker import Worker
from streams.runtime.ops.metrics import Metrics
from streams.runtime.registry.serde import UnknownSchema
from streams.runtime.settings.plugin_sections import SinkSection
from streams.sinks.agent_inputs import Inputs
from streams.sinks.reading.records import Decoding, Records
from streams.sinks.senders.agent_scrape import ScrapeSink

log = logging.getLogger(__name__)


class Viewing(SinkPlugin, ViewSinkPlugin, Protocol):
    """A plugin that is both a SinkPlugin and a ViewSinkPlugin."""


class SinkView:
    """The stage in one worker, for a sink without committed offsets."""

    def __init__(self, worker: Worker, section: SinkSection, plugin: Viewing) -> None:
        self._inputs: Final = Inputs(worker.context, section)
        self._plugin: Final = plugin
        self._waiting: dict[Topic, list[bytes]] = {topic: [] for topic in self._inputs.topics}
        self._opened: Final = asyncio.Event()
        self._decoding: Decoding
        self.bad = 0
        since_ms = partial(_ago_ms, plugin.look_back_s)
        for topic in self._inputs.topics:
            worker.view(topic, partial(self._take, topic), since_ms=since_ms, settle=partial(self._fold, topic))
        worker.view(Topic.INVENTORY, self._left, since_ms=now_ms)
        worker.before_records(self._open)
        worker.before_leaving(plugin.close)
        worker.run("serve", plugin.serve)
        self._measure(worker.context.metrics, plugin)

    async def _open(self) -> None:
        """Make what needs the schemas to be registered."""
        self._decoding = self._inputs.decoding()
        self._opened.set()

    def _measure(self, metrics: Metrics, plugin: Viewing) -> None:
        metrics.counter("sink_bad_records", "records passed over: they are none", lambda: self.bad)
        if isinstance(plugin, ScrapeSink):
            latest = plugin.latest
            metrics.gauge("sink_rows", "rows that are remembered", lambda: latest.rows)
            metrics.counter("sink_left_out_records", "records of rows beyond max_rows", lambda: latest.left_out)
            metrics.counter("sink_scrapes", "pages served", lambda: plugin.scrapes)

    def _take(self, topic: Topic, record: Record) -> None:
        if record.value is not None:
            self._waiting[topic].append(record.value)

    def _left(self, record: Record) -> None:
        if record.value is None and record.key is not None:
            self._plugin.left(record.key.decode("utf-8", "replace"))

    async def _fold(self, topic: Topic) -> None:
        """Give the plugin what came; a record that is none is counted."""
        await self._opened.wait()
        values, self._waiting[topic] = self._waiting[topic], []
        while values:
            records = Records(topic, values, self._decoding)
            try:
                await self._plugin.write(records)
            except UnknownSchema:
                values = await self._readable(topic, values)
            else:
                self.bad += len(records.bad)
                return

    async def _readable(self, topic: Topic, values: list[bytes]) -> list[bytes]:
        """Return the records whose schemas are known now."""
        good = []
        for value in values:
            try:
                await self._inputs.prepare[topic](value)
            except RecordError as why:
                self.bad += 1
                log.warning("passed over topic=%s problem=%s", topic, why)
            else:
                good.append(value)
        return good


def _ago_ms(seconds: float) -> int:
    return now_ms() - int(seconds * 1000)
