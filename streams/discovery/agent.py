"""Wiring of the discovery stage: runs each plugin section at its tick, and publishes its sightings."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing
from typing import Final
from zlib import crc32

from pollers.plugins.base import Kind, SightingBatch
from pollers.plugins.discovery.crawl_leads import Why
from schemas.errors import RecordError
from schemas.records import DiscoveryRun, EnrichedResource, Job, Resource, Unfollowed
from streams.discovery.known import KnownInventory
from streams.discovery.runs import Plugin, batches, takes_known
from streams.discovery.sightings import clash, named, publishable
from streams.discovery.territory import refuse_overlaps
from streams.pipeline import Topic
from streams.runtime.build import open_worker
from streams.runtime.kernel.effects import NOTHING, Effects, Write
from streams.runtime.kernel.latest import Latest
from streams.runtime.kernel.worker import Worker
from streams.runtime.ops.metrics import Metrics
from streams.runtime.plugins import Installed
from streams.runtime.schedule.owner import DueTick
from streams.runtime.schedule.stage_schedule import StageSchedule
from streams.runtime.snmp import open_plugins
from streams.scheduling.due import Schedule
from streams.scheduling.slots import is_too_old

log = logging.getLogger(__name__)

#: what a resource raises that is no record (its values do not fit the schema), or one that no topic takes
NO_RECORD: Final = (ValueError, TypeError, AttributeError, OverflowError, RecordError)

_MOST_UNFOLLOWED: Final = 1000  #: that are told one by one; the metrics count all


class Discoverer:
    """Runs the plugin sections of the partitions that this worker owns."""

    def __init__(self, worker: Worker, plugins: Sequence[Installed[Plugin]]) -> None:
        context = worker.context
        self._outbox, self._now_ms = context.outbox, context.now_ms
        self._partitions = context.settings.kafka.partitions
        self._zone = context.settings.polling.zone
        plugins = [plugin for plugin in plugins if plugin.section.zone == self._zone]
        self._plugins = {plugin.section.name: plugin for plugin in plugins}
        #: by section, each from 0 on: a counter that begins with its first fault shows no growth
        none = {plugin.section.title: 0 for plugin in plugins}
        self.published, self.passed_over, self.faults = Counter(none), Counter(none), Counter(none)
        self.done: dict[str, tuple[int, int]] = dict.fromkeys(none, (0, 0))  #: how far each section's run is, of what
        self._unfollowed: dict[str, Counter[str]] = {}
        self._serde = context.serdes.of(Topic.RESOURCES, Resource)
        self._topic = context.topic_name(Topic.RESOURCES)
        self._runs = context.serdes.of(Topic.DISCOVERY_RUNS, DiscoveryRun)
        self._runs_topic = context.topic_name(Topic.DISCOVERY_RUNS)
        self._known = KnownInventory(self._zone)
        self._inventory = Latest(worker, Topic.INVENTORY, Resource)
        self._enriched: Latest[EnrichedResource] | None = None
        if any(getattr(plugin.instance, "follows_neighbours", False) for plugin in plugins):
            self._enriched = Latest(worker, Topic.ENRICHED_RESOURCES, EnrichedResource)
        self._table = worker.table("discovery-state")
        self._fold = worker.fold((), lambda _record: NOTHING, self._table)
        self._schedules: dict[int, Schedule] = {}
        self._first_run: set[str] = set(self._plugins)  #: sections that this worker has not run yet
        self._running: set[str] = set()
        for name, plugin in self._plugins.items():
            job = Job(plugin=name, profile="", interval_s=plugin.section.interval_s)
            self._schedules.setdefault(self._partition(name), Schedule()).put(name, [job])
        self._measure(context.metrics)

    def _measure(self, metrics: Metrics) -> None:
        metrics.counters("sightings", "resources that a section saw and published", "section", self.published.items)
        metrics.counters(
            "sightings_passed_over", "entries that a section had to pass over", "section", self.passed_over.items
        )
        metrics.counters("plugin_faults", "calls in which a plugin failed", "section", self.faults.items)
        for why in Why:
            metrics.gauge(
                f"neighbours_unfollowed_{why.name.lower()}",
                f"neighbours that no section could follow, by the last runs: {why}",
                lambda why=why: sum(each[why] for each in self._unfollowed.values()),  # type: ignore[misc]
            )
        metrics.gauge("discoveries_running", "sections that are being run", lambda: len(self._running))
        metrics.gauge(
            "discovery_done_ratio",
            "how far the slowest run is of those that go step by step, 0 to 1",
            lambda: min((done / total for done, total in self.done.values() if total), default=1.0),
        )

    def _partition(self, name: str) -> int:
        """Return the partition of a section: discovery has no resources yet, so a section stands in for one."""
        return crc32(name.encode()) % self._partitions

    async def run(self, due: DueTick) -> None:
        """Run due sections; a worker runs each of its sections at its first tick, so that results appear at once."""
        schedule = self._schedules.get(due.partition)
        if schedule is None:
            return
        wanted = {
            name
            for slot in due.span.seconds
            for name, job in schedule.due(slot)
            if not is_too_old(slot, job.interval_s, time.time())
        }
        wanted |= {name for name in schedule if name in self._first_run}
        self._first_run -= wanted
        wanted -= self._running  # a run that takes longer than its interval is not begun twice
        self._running |= wanted
        try:
            outcomes = await asyncio.gather(
                *(self._discover(self._plugins[name]) for name in sorted(wanted)), return_exceptions=True
            )
        finally:
            self._running -= wanted
        if (fault := next((each for each in outcomes if each is not None), None)) is not None:
            raise fault  # it is no plugin's, but the tick's, which is run again

    async def _discover(self, plugin: Installed[Plugin]) -> None:
        name, title = plugin.section.name, plugin.section.title
        await self._look()
        started_ms, published, passed_over, failed = self._now_ms(), 0, 0, ""
        unfollowed: list[Unfollowed] = []
        stored = self._table.get(self._partition(name), name.encode()) if takes_known(plugin.instance) else None
        async with aclosing(batches(plugin.instance, self._known, stored or None)) as steps:
            while True:
                try:
                    batch = await anext(steps)
                    good, problems = publishable(batch, plugin.section.zone)
                except StopAsyncIteration:
                    break
                except Exception as fault:  # a plugin's own fault must not stop the stage
                    self.faults[title] += 1
                    failed = f"{type(fault).__name__}: {fault}"
                    log.exception("discovery plugin failed, running it again at its next slot plugin=%s", name)
                    break
                count, told = await self._publish(plugin, good, problems)
                published, passed_over, failed = published + count, passed_over + told, failed or batch.failed
                unfollowed += batch.unfollowed
                await self._keep(name, title, batch)
                await self._look()
        self._unfollowed[title] = Counter(each.why for each in unfollowed)
        log.info("discovered plugin=%s resources=%d problems=%d", name, published, passed_over)
        await self._tell(
            DiscoveryRun(
                section=name,
                zone=self._zone,
                interval_s=plugin.section.interval_s,
                started_at_ms=started_ms,
                ended_at_ms=self._now_ms(),
                resources=published,
                problems=passed_over,
                failed=failed,
                unfollowed=unfollowed[:_MOST_UNFOLLOWED],
            )
        )

    async def _look(self) -> None:
        """Take over what has changed in the inventory."""
        for identity, resource in await self._inventory.changes():
            self._known.take(identity, resource)
        if self._enriched is not None:
            for identity, enriched in await self._enriched.changes():
                self._known.take_neighbours(identity, enriched)

    async def _publish(
        self, plugin: Installed[Plugin], good: Sequence[Resource], problems: Sequence[str]
    ) -> tuple[int, int]:
        """Return how many sightings are stored, and how many were passed over."""
        title = plugin.section.title
        outcomes = await asyncio.gather(*(self._publish_one(plugin, resource) for resource in good))
        problems = [*problems, *(outcome for outcome in outcomes if isinstance(outcome, str))]
        for problem in problems:
            log.warning("not discovered plugin=%s problem=%s", plugin.section.name, problem)
        count = sum(outcome is True for outcome in outcomes)
        self.published[title] += count
        self.passed_over[title] += len(problems)
        return count, len(problems)

    async def _publish_one(self, plugin: Installed[Plugin], resource: Resource) -> bool | str:
        """Return whether the section wants the resource, which is then stored, or why it cannot be published."""
        try:
            if not plugin.wants(resource):
                return False
            if (why := clash(resource, self._known.named(resource.site, resource.resource_id))) is not None:
                return why
            await self._outbox.send(self._topic, resource.identity.encode(), self._serde.encode(resource))
        except NO_RECORD as problem:
            return f"{named(resource)}: {problem}"
        return True

    async def _keep(self, name: str, title: str, batch: SightingBatch) -> None:
        """Keep from where the section's next run goes on."""
        self.done[title] = (batch.done, batch.total)
        if batch.state is None:
            return
        effects = Effects(writes=(Write(name.encode(), batch.state or None),))
        loop, handler, partition = self._fold.loop, self._fold.handler, self._partition(name)
        await loop.submit(partition, lambda: handler.wanted(partition, effects))

    async def _tell(self, run: DiscoveryRun) -> None:
        await self._outbox.send(self._runs_topic, run.section.encode(), self._runs.encode(run))


def build() -> Worker:
    """Return a worker of the stage."""
    worker = open_worker("discovery")
    plugins = list(open_plugins(worker).of(Kind.DISCOVERY))
    refuse_overlaps(plugins)
    discoverer = Discoverer(worker, plugins)
    longest = max((plugin.section.interval_s for plugin in plugins), default=60)
    StageSchedule(worker, discoverer.run, longest_interval_s=longest)
    worker.longest_work_s = longest
    return worker
