"""Wiring of the enrichment stage: inventory in, enriched resources with their jobs out."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pollers.plugins.base import Kind
from schemas.errors import DeviceError
from schemas.records import EnrichedResource, Enrichment, Job, Resource
from streams.enrichment.merging import NEVER, first_seen, is_news, with_findings, with_resource
from streams.pipeline import Topic, stage
from streams.runtime.build import stage_app
from streams.runtime.faust.app import StageApp, now_ms
from streams.runtime.kernel.alone import Alone
from streams.runtime.kernel.folding import Effects, Received, Send, fold_topic, write
from streams.runtime.plugins import Installed, Plugins
from streams.runtime.schedule.owned import Owned
from streams.runtime.schedule.owner import Due
from streams.runtime.schedule.stage_schedule import StageSchedule
from streams.runtime.snmp import open_plugins

log = logging.getLogger(__name__)

RETRY_S: Final = 60  #: after a device did not answer
MAX_IN_FLIGHT: Final = 200


class Enricher:
    """Asks plugins about one resource at a time and keeps what they found."""

    def __init__(self, app: StageApp, plugins: Plugins) -> None:
        self.table = app.bytes_table("enriched")
        self.alone = Alone()  #: for whoever sends and writes what is known of a resource
        self._app = app
        self._serde = app.serdes.of(Topic.ENRICHED_RESOURCES, EnrichedResource)
        self._inventory_serde = app.serdes.of(Topic.INVENTORY, Resource)
        self._topic = app.topic_name(Topic.ENRICHED_RESOURCES)
        self._sections = {plugin.section.name: plugin for plugin in plugins.of(Kind.ENRICHMENT)}
        self._pollers = plugins.of(Kind.POLLING)
        #: by section, from 0 on: a counter that begins with its first fault shows no growth
        self.faults = Counter({plugin.section.title: 0 for plugin in (*self._sections.values(), *self._pollers)})
        app.metrics.counters("plugin_faults", "calls in which a plugin failed", "section", self.faults.items)
        self._room = asyncio.Semaphore(MAX_IN_FLIGHT)
        self._running: dict[str, asyncio.Task[None]] = {}
        self._retry_at: dict[str, float] = {}
        self._unborn: set[str] = set()  #: resources whose first enrichment has not ended
        self.owned = Owned(app, self.table, self._jobs_of)

    def _jobs_of(self, key: str, value: bytes) -> Iterable[Job]:
        """Return when to enrich: the enrichment sections that want the resource, as jobs of this stage's schedule."""
        enriched = self._serde.decode(value)
        if enriched.jobs_since_ms == NEVER:
            self._unborn.add(key)
        else:
            self._unborn.discard(key)
        return [_job(plugin) for plugin in self._sections.values() if plugin.wants(enriched.resource)]

    def take(self, received: Received[Resource]) -> Effects:
        """Step of the inventory's agent."""
        key = received.key
        if received.record is None:
            self._retry_at.pop(key, None)
            self._unborn.discard(key)
            return Effects([Send(self._topic, key, None)], [(key, None)], lambda: self.owned.remove(key))
        stored = self.table.get(key)
        known = first_seen(received.record) if stored is None else self._serde.decode(stored)
        after = with_resource(known, received.record)
        value = self._serde.encode(after)
        moved = stored is None or known.resource.endpoint != after.resource.endpoint

        def then() -> None:
            self.owned.put(key, value)
            if moved:
                self.start(key, self._sections)

        published = [] if after.jobs_since_ms == NEVER else [Send(self._topic, key, value)]
        return Effects(published, [(key, value)], then)

    def start(self, key: str, sections: Iterable[str]) -> "asyncio.Task[None]":
        """Return the task that enriches the resource; one at a time each."""
        running = self._running.get(key)
        if running is None or running.done():
            running = self._running[key] = asyncio.create_task(self._enrich(key, tuple(sections)), name=f"enrich-{key}")
            running.add_done_callback(lambda task: self._over(key, task))
        return running

    def _over(self, key: str, task: "asyncio.Task[None]") -> None:
        self._running.pop(key, None)
        if not task.cancelled() and (fault := task.exception()) is not None:
            log.error("enrichment failed resource=%s fault=%r", key, fault)
            self._retry_at[key] = time.time() + RETRY_S

    async def run(self, due: Due) -> None:
        """Do what is due at a tick: its sections, first attempts that were cut short, and retries."""
        await self.owned.build()
        wanted: dict[str, list[str]] = {}
        for slot in due.span.seconds:
            for key, job in self.owned.schedule(due.partition).due(slot):
                wanted.setdefault(key, []).append(job.plugin)
        now = time.time()
        unborn = [key for key in self._unborn if self._app.partition_of(key) == due.partition]
        for key in (*self.owned.keys(due.partition), *unborn):
            if self._retry_at.get(key, float("inf")) <= now or key in self._unborn:
                wanted.setdefault(key, list(self._sections))
        # not awaited: an enrichment that is cut short is due again, and ticks must not wait for slow devices
        for key, sections in wanted.items():
            self.start(key, sections)

    async def _enrich(self, key: str, sections: Iterable[str]) -> None:
        async with self._room:
            stored = self.table.get(key)
            if stored is None:
                return
            resource = self._serde.decode(stored).resource
            self._retry_at.pop(key, None)
            found: dict[str, Enrichment] = {}
            for name in sections:
                plugin = self._sections[name]
                if plugin.wants(resource):
                    found.update(await self._ask(plugin, key, resource))
            await self._keep(key, resource, found)

    async def _ask(self, plugin: Installed, key: str, resource: Resource) -> Mapping[str, Enrichment]:
        try:
            findings: Mapping[str, Enrichment] = await plugin.instance.enrich(resource)
            return dict(findings)
        except DeviceError as problem:
            log.info("not enriched resource=%s plugin=%s problem=%s", key, plugin.section.name, problem)
        except Exception:  # a plugin's own fault must not stop the stage
            self.faults[plugin.section.title] += 1
            log.exception("plugin fault resource=%s plugin=%s", key, plugin.section.name)
        self._retry_at[key] = time.time() + RETRY_S
        return {}

    async def _keep(self, key: str, asked: Resource, found: Mapping[str, Enrichment]) -> None:
        async with self.alone.of(key):
            stored = self.table.get(key)
            if stored is None or not self._app.owns(Topic.INVENTORY, key):
                return  # it expired meanwhile, or another worker answers for it
            before = self._serde.decode(stored)
            if before.resource.endpoint != asked.endpoint:
                self._retry_at[key] = 0.0  # what was found is another device's: ask where the resource is now
                return
            after = with_findings(before, found, self._jobs_wanted(before, found), now_ms())
            if is_news(before, after):
                value = self._serde.encode(after)
                await self._app.outbox.send(self._topic, key.encode(), value)
                write(self.table, key, value)
                self.owned.put(key, value)

    def _jobs_wanted(self, known: EnrichedResource, found: Mapping[str, Enrichment]) -> Sequence[Job]:
        enrichments = {**known.enrichments, **found}
        return [
            job
            for plugin in self._pollers
            if plugin.wants(known.resource)
            for job in self._jobs_by(plugin, known, enrichments)
        ]

    def _jobs_by(
        self, plugin: Installed, known: EnrichedResource, enrichments: Mapping[str, Enrichment]
    ) -> Sequence[Job]:
        """Return the jobs that a section wants for the resource; those that it has, where the plugin fails."""
        try:
            return list(plugin.instance.jobs(known.resource, enrichments))
        except Exception:  # a plugin's own fault must not take along what was found, nor the others' jobs
            key = known.resource.identity
            self.faults[plugin.section.title] += 1
            log.exception("plugin fault in jobs resource=%s plugin=%s", key, plugin.section.name)
            self._retry_at[key] = time.time() + RETRY_S
            return [job for job in known.jobs if job.plugin == plugin.section.name]

    async def stop(self) -> None:
        running = tuple(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def _job(plugin: Installed) -> Job:
    return Job(plugin=plugin.section.name, profile="", interval_s=plugin.section.interval_s)


def build() -> StageApp:
    """Return the app of the stage."""
    app = stage_app(stage("enrichment"))
    plugins = open_plugins(app)
    enricher = Enricher(app, plugins)
    serde = app.serdes.of(Topic.INVENTORY, Resource)

    async def inventory(stream: Any) -> None:
        await fold_topic(app, stream, serde, enricher.table, enricher.take, enricher.alone)

    app.agent(app.input_topic(Topic.INVENTORY), name="enrichment.inventory")(inventory)
    longest = max((plugin.section.interval_s for plugin in plugins.of(Kind.ENRICHMENT)), default=60)
    StageSchedule(app, enricher.run, longest_interval_s=longest)
    app.before_stop.append(enricher.stop)
    return app
