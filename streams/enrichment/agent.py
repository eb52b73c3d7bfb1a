"""Wiring of the enrichment stage: inventory in, enriched resources with their jobs out."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from pollers.plugins.base import EnrichmentPlugin, Kind, PollingPlugin
from schemas.errors import DeviceError
from schemas.records import EnrichedResource, Enrichment, Job, Resource
from streams.enrichment.merging import NEVER, first_seen, is_news, with_findings, with_resource
from streams.pipeline import Topic
from streams.runtime.build import open_worker
from streams.runtime.kernel.context import StageContext, now_ms
from streams.runtime.kernel.effects import NOTHING, Effects, Send, Write, decoding
from streams.runtime.kernel.folding import Fold
from streams.runtime.kernel.lifecycle import Part
from streams.runtime.kernel.records import Record
from streams.runtime.kernel.table import Table
from streams.runtime.kernel.worker import Worker
from streams.runtime.plugins import Installed, Plugins
from streams.runtime.schedule.owner import DueTick
from streams.runtime.schedule.schedules import Schedules
from streams.runtime.schedule.stage_schedule import StageSchedule
from streams.runtime.snmp import open_plugins

log = logging.getLogger(__name__)

RETRY_S: Final = 60  #: after a device did not answer
MAX_IN_FLIGHT: Final = 200


class Enricher(Part):
    """Runs the enrichment plugins of one resource at a time, and keeps their findings."""

    def __init__(self, context: StageContext, table: Table, plugins: Plugins) -> None:
        self.table = table
        self.fold: Fold | None = None  #: the loop of the inventory; what was found is kept in its order
        self._context = context
        self._serde = context.serdes.of(Topic.ENRICHED_RESOURCES, EnrichedResource)
        self._inventory_serde = context.serdes.of(Topic.INVENTORY, Resource)
        self._topic = context.topic_name(Topic.ENRICHED_RESOURCES)
        self._zone = context.settings.polling.zone
        self._sections = {plugin.section.name: plugin for plugin in plugins.of(Kind.ENRICHMENT)}
        self._pollers = plugins.of(Kind.POLLING)
        self._know = plugins.know
        #: by section, from 0 on: a counter that begins with its first fault shows no growth
        self.faults = Counter({plugin.section.title: 0 for plugin in (*self._sections.values(), *self._pollers)})
        context.metrics.counters("plugin_faults", "calls in which a plugin failed", "section", self.faults.items)
        self._room = asyncio.Semaphore(MAX_IN_FLIGHT)
        self._is_stopping = False
        self._running: dict[str, asyncio.Task[None]] = {}
        self._retry_at: dict[int, dict[str, float]] = {}  #: by partition and resource
        self._unborn: dict[int, set[str]] = {}  #: by partition, resources whose first enrichment has not ended
        self.schedules = Schedules(table, self._jobs_of)
        self.longest_interval_s = max((each.section.interval_s for each in self._sections.values()), default=60)

    def _jobs_of(self, key: str, value: bytes) -> Iterable[Job]:
        """Return when to enrich: the enrichment sections that want the resource, as jobs of this stage's schedule."""
        enriched = self._serde.decode(value)
        self._know(enriched)
        unborn = self._unborn.setdefault(self._context.partition_of(key), set())
        if enriched.jobs_since_ms == NEVER:
            unborn.add(key)
        else:
            unborn.discard(key)
        return [_job(plugin) for plugin in self._sections.values() if plugin.wants(enriched)]

    def lost(self, partitions: frozenset[int]) -> None:
        for key, task in tuple(self._running.items()):
            if self._context.partition_of(key) in partitions:
                task.cancel()
        for partition in partitions:
            self._unborn.pop(partition, None)
            self._retry_at.pop(partition, None)

    def step(self, record: Record) -> Effects:
        """Take an inventory record."""
        return decoding(self._inventory_serde, partial(self._take, record.place.partition))(record)

    def _take(self, partition: int, key: str, resource: Resource | None) -> Effects:
        raw = key.encode()
        if resource is not None and resource.zone != self._zone:  # the workers of its zone publish what is known of it
            return Effects(writes=(Write(raw, None),), then=lambda: self._forget(partition, key))
        if resource is None:
            return Effects(
                (Send(self._topic, raw, (None,)),), (Write(raw, None),), lambda: self._forget(partition, key)
            )
        stored = self.table.get(partition, raw)
        known = first_seen(resource) if stored is None else self._serde.decode(stored)
        after = with_resource(known, resource)
        value = self._serde.encode(after)
        moved = stored is None or known.resource.endpoint != after.resource.endpoint

        def then() -> None:
            self.schedules.put(partition, key, value)
            if moved:
                self.start(key, self._sections)

        published = () if after.jobs_since_ms == NEVER else (Send(self._topic, raw, (value,)),)
        return Effects(published, (Write(raw, value),), then)

    def _forget(self, partition: int, key: str) -> None:
        self.schedules.remove(partition, key)
        self._retry_at.get(partition, {}).pop(key, None)
        self._unborn.get(partition, set()).discard(key)

    def _retry(self, key: str, at_s: float) -> None:
        self._retry_at.setdefault(self._context.partition_of(key), {})[key] = at_s

    def start(self, key: str, sections: Iterable[str]) -> "asyncio.Task[None]":
        """Start to enrich the resource, and return the task; one at a time for each resource."""
        running = self._running.get(key)
        if running is None or running.done():
            running = self._running[key] = asyncio.create_task(self._enrich(key, tuple(sections)), name=f"enrich-{key}")
            running.add_done_callback(lambda task: self._over(key, task))
        return running

    def _over(self, key: str, task: "asyncio.Task[None]") -> None:
        self._running.pop(key, None)
        if not task.cancelled() and (fault := task.exception()) is not None:
            log.error("enrichment failed resource=%s fault=%r", key, fault)
            self._retry(key, time.time() + RETRY_S)

    async def run(self, due: DueTick) -> None:
        """Run what is due at a tick: sections, interrupted first attempts, and retries."""
        wanted: dict[str, list[str]] = {}
        for slot in due.span.seconds:
            for key, job in self.schedules.of(due.partition).due(slot):
                wanted.setdefault(key, []).append(job.plugin)
        now = time.time()
        retries = self._retry_at.get(due.partition, {})
        again = [key for key, at_s in retries.items() if at_s <= now]
        for key in (*self._unborn.get(due.partition, ()), *again):
            wanted.setdefault(key, list(self._sections))
        # not awaited: an enrichment that is cut short is due again, and ticks must not wait for slow devices
        for key, sections in wanted.items():
            self.start(key, sections)

    async def _enrich(self, key: str, sections: Iterable[str]) -> None:
        if self._is_stopping:
            return
        async with self._room:
            partition = self._context.partition_of(key)
            stored = self.table.get(partition, key.encode())
            if stored is None:
                return
            known = self._serde.decode(stored)
            resource = known.resource
            self._retry_at.get(partition, {}).pop(key, None)
            found = await self._ask_all(known, sections)
            # in the order of the inventory's records: a record sent late would stand last
            if self.fold is not None and not await self.fold.submit(
                key, lambda: self._keep(partition, key, resource, found)
            ):
                self._retry(key, 0.0)  # a rebalance came between: where the partition stays it is asked again

    async def _ask_all(self, known: EnrichedResource, sections: Iterable[str]) -> dict[str, Enrichment]:
        """Return what the sections find, and those that want the resource only now that this is known."""
        found: dict[str, Enrichment] = {}
        asked: set[str] = set()
        waiting = [name for name in self._sections if not self._sections[name].wants(known)]
        for name in (*sections, *waiting):
            plugin, now = self._sections[name], replace(known, enrichments={**known.enrichments, **found})
            if name not in asked and plugin.wants(now):
                asked.add(name)
                found.update(await self._ask(plugin, known.resource))
        return found

    async def _ask(self, plugin: Installed[EnrichmentPlugin], resource: Resource) -> Mapping[str, Enrichment]:
        key = resource.identity
        try:
            findings: Mapping[str, Enrichment] = await plugin.instance.enrich(resource)
            return dict(findings)
        except DeviceError as problem:
            log.info("not enriched resource=%s plugin=%s problem=%s", key, plugin.section.name, problem)
        except Exception:  # a plugin's own fault must not stop the stage
            self.faults[plugin.section.title] += 1
            log.exception("plugin fault resource=%s plugin=%s", key, plugin.section.name)
        self._retry(key, time.time() + RETRY_S)
        return {}

    def _keep(self, partition: int, key: str, asked: Resource, found: Mapping[str, Enrichment]) -> Effects:
        raw = key.encode()
        stored = self.table.get(partition, raw)
        if stored is None:
            return NOTHING  # it expired meanwhile
        before = self._serde.decode(stored)
        if before.resource.endpoint != asked.endpoint:
            self._retry(key, 0.0)  # what was found is another device's: ask where the resource is now
            return NOTHING
        after = with_findings(before, found, self._jobs_wanted(before, found), now_ms())
        if not is_news(before, after):
            return NOTHING
        value = self._serde.encode(after)
        return Effects(
            (Send(self._topic, raw, (value,)),),
            (Write(raw, value),),
            lambda: self.schedules.put(partition, key, value),
        )

    def _jobs_wanted(self, known: EnrichedResource, found: Mapping[str, Enrichment]) -> Sequence[Job]:
        now = replace(known, enrichments={**known.enrichments, **found})
        return [
            job
            for plugin in self._pollers
            if plugin.wants(now)
            for job in self._jobs_by(plugin, known, now.enrichments)
        ]

    def _jobs_by(
        self, plugin: Installed[PollingPlugin], known: EnrichedResource, enrichments: Mapping[str, Enrichment]
    ) -> Sequence[Job]:
        """Return the jobs that a section wants for the resource; those that it has, where the plugin fails."""
        try:
            return list(plugin.instance.jobs(known.resource, enrichments))
        except Exception:  # a plugin's own fault must not take along what was found, nor the others' jobs
            key = known.resource.identity
            self.faults[plugin.section.title] += 1
            log.exception("plugin fault in jobs resource=%s plugin=%s", key, plugin.section.name)
            self._retry(key, time.time() + RETRY_S)
            return [job for job in known.jobs if job.plugin == plugin.section.name]

    async def stop(self) -> None:
        """Stop all enrichments; unfinished resources are enriched by their next owner."""
        self._is_stopping = True
        running = tuple(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def _job(plugin: Installed[EnrichmentPlugin]) -> Job:
    return Job(plugin=plugin.section.name, profile="", interval_s=plugin.section.interval_s)


def build() -> Worker:
    """Return a worker of the stage."""
    worker = open_worker("enrichment")
    enricher = Enricher(worker.context, worker.table("enriched"), open_plugins(worker))
    worker.lifecycle.register(enricher)
    worker.lifecycle.register(enricher.schedules)
    enricher.fold = worker.fold([Topic.INVENTORY], enricher.step, enricher.table)
    StageSchedule(worker, enricher.run, longest_interval_s=enricher.longest_interval_s)
    worker.before_leaving(enricher.stop)
    return worker
