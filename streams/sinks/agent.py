"""Wiring of the sinks stage: one `[sink:NAME]` section, its topics and its group; `$PANOPTES_SINK` names it."""

import logging
import os
import signal
import sys
from functools import partial
from typing import Final, cast

from aiokafka.errors import KafkaError

from pollers.plugins.base import Kind, SinkPlugin, ViewSinkPlugin
from pollers.plugins.registry import make
from schemas.errors import BackendError
from streams.runtime.build import open_worker
from streams.runtime.kafka.client import client_options
from streams.runtime.kafka.groups import begin_new, places_last_s
from streams.runtime.kafka.reach import AWAY
from streams.runtime.kernel.context import now_ms
from streams.runtime.kernel.handler import Pace
from streams.runtime.kernel.worker import Worker
from streams.runtime.ops.long_lived import keep_setting_aside
from streams.runtime.ops.metrics import Metrics
from streams.runtime.ops.waiting import wait_for
from streams.runtime.plugins import NoAccess, Offered, make_plugin
from streams.runtime.secrets.named import open_named_secrets
from streams.runtime.settings.ini import ENV_SINK
from streams.runtime.settings.loading import Settings, SettingsError
from streams.runtime.settings.plugin_sections import SinkSection
from streams.runtime.settings.setting import seconds
from streams.sinks.agent_ends import SeriesEnds
from streams.sinks.agent_inputs import Inputs
from streams.sinks.agent_view import SinkView
from streams.sinks.delivery.agent_delivery import Counts, SinkHandler, Store
from streams.sinks.delivery.agent_places import LOOK_EVERY_S, Places
from streams.sinks.reading.gauges import GaugeReader
from streams.sinks.senders.agent_http import HttpSink

log = logging.getLogger(__name__)

#: requests cost more than records do, and a second is little for what is asked once a minute
PACE: Final = Pace(linger_s=1.0, max_batch_bytes=4 * 2**20, max_batch_records=2_000, most_waiting_bytes=32 * 2**20)
#: a store may take this long for one batch without saying that it waits
LONGEST_WORK_S: Final = 1_200.0


class NoSink(Exception):
    """The configuration has no sink."""


class Sink:
    """The stage in one worker."""

    def __init__(self, worker: Worker, section: SinkSection, plugin: SinkPlugin) -> None:
        context = self._context = worker.context
        self._worker, self._section = worker, section
        self._inputs = Inputs(context, section)
        self._options = client_options(context.settings.kafka)
        self.counts = Counts()
        self.places = Places(self._options, worker.group, self._inputs.names, worker.offsets)
        self.reader: GaugeReader | None = None
        worker.lifecycle.register(self.places)
        store = Store(section.name, plugin, self.counts)
        self._handlers = {
            topic: SinkHandler(topic, store, self.places, context.dead_letters) for topic in self._inputs.topics
        }
        self._loops = {topic: worker.drain([topic], handler, pace=PACE) for topic, handler in self._handlers.items()}
        lines = {topic: (handler, self._loops[topic]) for topic, handler in self._handlers.items()}
        self._ends = SeriesEnds(worker, lines, self.places)
        worker.longest_work_s = LONGEST_WORK_S
        worker.before_records(self._open, self._begin, self._compare_retention)
        worker.before_leaving(plugin.close, self.places.close)
        worker.every(LOOK_EVERY_S, "lag", self.places.look)
        worker.run("garbage", keep_setting_aside)  # half a million rows may be remembered
        self._measure(context.metrics, plugin)

    async def _open(self) -> None:
        """Make what needs the schemas to be registered."""
        decoding = self._inputs.decoding()
        self.reader = decoding.reader
        for topic, handler in self._handlers.items():
            handler.open(decoding, self._inputs.prepare[topic])

    async def _begin(self) -> None:
        """Have a group that is new begin where the section says."""
        group, start = self._worker.group, since(self._section.start)
        names = self._inputs.names
        fresh = await wait_for(
            "kafka", group, partial(begin_new, self._options, group, names, start),
            absent=(KafkaError, OSError, BackendError),
        )  # fmt: skip
        if fresh:
            log.info("sink=%s is new and begins at start=%s partitions=%d", self._section.name, start, fresh)

    async def _compare_retention(self) -> None:
        """Say where a sink that rests for long would forget its place before the topics forget their records."""
        kept_s = await wait_for("kafka", self._worker.group, partial(places_last_s, self._options), absent=AWAY)
        topics = self._context.settings.topics
        longest_s = max(topics.retention_s(topic) for topic in self._inputs.topics)
        if kept_s is not None and kept_s < longest_s:
            log.warning(
                "kafka keeps the place of a sink without workers for %d min, its topics keep records for %d min: a sink"
                " that rests longer begins anew (broker: offsets.retention.minutes)", kept_s // 60, longest_s // 60,
            )  # fmt: skip

    def _measure(self, metrics: Metrics, plugin: SinkPlugin) -> None:
        counts, places = self.counts, self.places
        metrics.gauge("sink_lag_records", "records that are not in the store yet", lambda: sum(places.lag.values()))
        metrics.gauge("sink_lag_seconds", "how old the oldest of these is, about", places.lag_s)
        metrics.counter("sink_batches", "batches delivered", lambda: sum(loop.batches for loop in self._loops.values()))
        metrics.counter("sink_records", "records delivered", lambda: counts.records)
        metrics.counter("sink_retries", "batches given again because the store was away", lambda: counts.retries)
        metrics.counter("sink_waited_seconds", "time for which the store was waited for", lambda: counts.waited_s)
        metrics.counter("sink_bad_records", "records set aside: none, or such as no store takes", lambda: counts.bad)
        metrics.counter("sink_lost_records", "records gone before they were read", lambda: places.gone)
        metrics.counters(
            "sink_numbers",
            "numbers by what became of them",
            "became",
            lambda: (
                *(("stored", counts.stored), ("repeat", counts.repeats)),
                *(("refused", counts.refused), ("passed-over", counts.passed_over)),
            ),
        )
        rows = "rows that are remembered"
        metrics.gauge("sink_rows", rows, lambda: 0 if self.reader is None else self.reader.rows)
        if isinstance(plugin, HttpSink):
            metrics.counters("sink_requests", "requests by what they were answered", "answer", plugin.requests.items)
            metrics.counter("sink_bytes_sent", "bytes of requests", lambda: plugin.bytes_sent)
            metrics.counter("sink_encode_seconds", "CPU time of encoding", lambda: plugin.encode_s)
            bound = plugin.cardinality
            metrics.gauge("sink_series", "series of rows that go on, about", lambda: bound.series)
            metrics.counter("sink_left_out_numbers", "numbers of rows beyond max_series", lambda: bound.left_out)
            metrics.counter("sink_halved", "requests that were sent again in halves", lambda: plugin.halved)


def since(start: str) -> str | int:
    """Return the start time of a new group; `24h` becomes Unix milliseconds."""
    found = seconds(start)
    return now_ms() - found * 1000 if isinstance(found, int) else start


def chosen(settings: Settings, name: str) -> SinkSection:
    """Return the section of this worker. Raises NoSink, SettingsError."""
    sections = {section.name: section for section in settings.plugins(Kind.SINK) if isinstance(section, SinkSection)}
    if not sections and not name:
        raise NoSink("no [sink:NAME] in the configuration: this worker has nothing to do (docs/sinks.md)")
    if not name and len(sections) > 1:
        raise SettingsError(
            f"environment {ENV_SINK}: expected the sink that this worker serves, one of {', '.join(sections)}"
        )
    found = sections.get(name) if name else next(iter(sections.values()))
    if found is None:
        there = ", ".join(sections) or "none"
        raise SettingsError(f"environment {ENV_SINK}: expected the name of an enabled sink ({there}), found {name!r}")
    return found


def rest(why: str) -> None:
    """Wait until stopped, without work, so that other processes started with this worker go on."""
    sys.stderr.write(f"{why}\n")
    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    signal.sigwait(ends)
    raise SystemExit(0)


def build() -> Worker:
    """Return a worker of one sink. Raises SettingsError; without any sink, it returns when the process is to end."""
    name = os.environ.get(ENV_SINK, "").strip()
    try:
        worker = open_worker("sinks", lambda settings: chosen(settings, name).name)
    except NoSink as nothing:
        rest(str(nothing))
        raise
    settings = worker.context.settings
    section = chosen(settings, name)
    secrets = open_named_secrets(settings.redis)
    plugin = cast("SinkPlugin", make_plugin(section, make, Offered(NoAccess(), now_ms, secrets.of)))
    if isinstance(plugin, ViewSinkPlugin):
        SinkView(worker, section, plugin)
    else:
        Sink(worker, section, plugin)
    worker.before_leaving(secrets.close)
    return worker
