"""Wiring of the discovery stage: at its tick each plugin section is run, and what it saw is published."""

import asyncio
import logging
import time
from collections import Counter
from typing import Final
from zlib import crc32

from pollers.plugins.base import Discovery, Kind
from schemas.errors import RecordError
from schemas.records import Job, Resource
from streams.discovery.sightings import named, publishable
from streams.pipeline import Topic
from streams.runtime.build import open_worker
from streams.runtime.kernel.context import StageContext
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


class Discoverer:
    """Runs the plugin sections of the partitions that this worker owns."""

    def __init__(self, context: StageContext, plugins: list[Installed]) -> None:
        self._outbox = context.outbox
        zone = context.settings.polling.zone
        plugins = [plugin for plugin in plugins if plugin.section.zone == zone]
        self._plugins = {plugin.section.name: plugin for plugin in plugins}
        #: by section, each from 0 on: a counter that begins with its first fault shows no growth
        none = {plugin.section.title: 0 for plugin in plugins}
        self.published, self.passed_over, self.faults = Counter(none), Counter(none), Counter(none)
        self._measure(context.metrics)
        self._serde = context.serdes.of(Topic.RESOURCES, Resource)
        self._topic = context.topic_name(Topic.RESOURCES)
        self._schedules: dict[int, Schedule] = {}
        self._first_run: set[str] = set(self._plugins)  #: sections that this worker has not run yet
        for name, plugin in self._plugins.items():
            # discovery has no resources yet, so a section stands in for one (design.md §1)
            partition = crc32(name.encode()) % context.settings.kafka.partitions
            job = Job(plugin=name, profile="", interval_s=plugin.section.interval_s)
            self._schedules.setdefault(partition, Schedule()).put(name, [job])

    def _measure(self, metrics: Metrics) -> None:
        metrics.counters("sightings", "resources that a section saw and published", "section", self.published.items)
        metrics.counters(
            "sightings_passed_over", "entries that a section had to pass over", "section", self.passed_over.items
        )
        metrics.counters("plugin_faults", "calls in which a plugin failed", "section", self.faults.items)

    async def run(self, due: DueTick) -> None:
        """Run what is due; a worker runs each of its sections at its first tick, so that a start shows at once."""
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
        for name in sorted(wanted):
            await self._discover(self._plugins[name])

    async def _discover(self, plugin: Installed) -> None:
        name, title = plugin.section.name, plugin.section.title
        try:
            seen: Discovery = await plugin.instance.discover()
            good, problems = publishable(seen, plugin.section.zone)
        except Exception:  # a plugin's own fault must not stop the stage
            self.faults[title] += 1
            log.exception("discovery plugin failed, running it again at its next slot plugin=%s", name)
            return
        published = await asyncio.gather(*(self._publish(plugin, resource) for resource in good))
        problems = [*problems, *(outcome for outcome in published if isinstance(outcome, str))]
        for problem in problems:
            log.warning("not discovered plugin=%s problem=%s", name, problem)
        count = sum(outcome is True for outcome in published)
        self.published[title] += count
        self.passed_over[title] += len(problems)
        log.info("discovered plugin=%s resources=%d problems=%d", name, count, len(problems))

    async def _publish(self, plugin: Installed, resource: Resource) -> bool | str:
        """Return whether the section wants the resource, which is then stored, or why it cannot be published."""
        try:
            if not plugin.wants(resource):
                return False
            await self._outbox.send(self._topic, resource.identity.encode(), self._serde.encode(resource))
        except NO_RECORD as problem:
            return f"{named(resource)}: {problem}"
        return True


def build() -> Worker:
    """Return a worker of the stage."""
    worker = open_worker("discovery")
    plugins = list(open_plugins(worker).of(Kind.DISCOVERY))
    discoverer = Discoverer(worker.context, plugins)
    longest = max((plugin.section.interval_s for plugin in plugins), default=60)
    StageSchedule(worker, discoverer.run, longest_interval_s=longest)
    worker.longest_work_s = longest
    return worker
