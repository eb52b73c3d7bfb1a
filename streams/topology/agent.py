"""Wiring of the topology stage: every worker follows resources and links; the elected one publishes."""

import asyncio
import logging
import time
from collections import Counter
from functools import partial
from typing import Final

from schemas.errors import RecordError
from schemas.records import EnrichedResource, Link, LinkState
from streams.pipeline import Topic
from streams.runtime.build import open_worker
from streams.runtime.kernel.context import StageContext
from streams.runtime.kernel.records import Record
from streams.runtime.kernel.worker import Worker
from streams.runtime.ops.long_lived import keep_setting_aside
from streams.runtime.schedule.leadership import Leadership, Term
from streams.runtime.schedule.stage_schedule import leader_path
from streams.topology.changes import Changes, changes
from streams.topology.links import links_of
from streams.topology.told import Told, told

log = logging.getLogger(__name__)

#: how soon a change is looked at, and how often the passing of time is: what is told does not count for ever
LOOK_EVERY_S: Final = 1.0
FOLD_EVERY_S: Final = 60.0
#: a fold of a large network takes seconds: it may take a fifth of the time
REST: Final = 4.0
#: records that are sent together
_AT_ONCE: Final = 1_000
#: records that are taken in one turn of the event loop
_TAKEN_AT_ONCE: Final = 20


class Topologist:
    """Folds all resources into links, and publishes the differences from those in the topic."""

    def __init__(self, worker: Worker) -> None:
        context = self._context = worker.context
        self._resources_serde = context.serdes.of(Topic.ENRICHED_RESOURCES, EnrichedResource)
        self._links_serde = context.serdes.of(Topic.TOPOLOGY, Link)
        self._topic = context.topic_name(Topic.TOPOLOGY)
        self._waiting: asyncio.Queue[tuple[bool, Record]] = asyncio.Queue()
        self.everyone: dict[str, Told] = {}
        self.standing: dict[str, Link] = {}  #: links as they stand in the topic
        self._sent: dict[str, bytes | None] = {}  #: what was sent and not seen yet: what comes before it is older
        self._resources = worker.view(Topic.ENRICHED_RESOURCES, lambda record: self._waiting.put_nowait((True, record)))
        self._links = worker.view(Topic.TOPOLOGY, lambda record: self._waiting.put_nowait((False, record)))
        self._term: Term | None = None
        self.changed = True
        self._folded_s = 0.0  #: on the monotonic clock
        self.fold_s = 0.0
        self.counts: Counter[LinkState] = Counter()  #: links by state, as of the last fold of this worker
        self.published, self.set_aside = 0, 0
        settings = context.settings
        self._leadership = Leadership(
            settings.zookeeper,
            leader_path(settings, worker.group),
            context.worker,
            on_elected=self._elected,
            on_deposed=self._deposed,
        )
        worker.run("take", self.take)
        worker.run("lead", self.lead)
        worker.run("set-aside", keep_setting_aside)
        worker.before_records(self._start)
        worker.before_leaving(self._leadership.stop)
        worker.serve(
            "/leadership",
            lambda: (200, {"stage": context.stage.name, "worker": context.worker, "leads": self.leads}),
        )
        self._measure(context)

    def _measure(self, context: StageContext) -> None:
        metrics = context.metrics
        metrics.gauge("leader", "1 while this worker leads its stage", lambda: float(self.leads))
        for state in LinkState:
            metrics.gauge(f"links_{state}", f"links that are {state}", partial(self._count, state))
        metrics.gauge("fold_seconds", "how long the last fold of all statements took", lambda: self.fold_s)
        metrics.counter("links_published", "records of links that this worker has published", lambda: self.published)
        metrics.counter("entries_set_aside", "records that could not be read", lambda: self.set_aside)

    def _count(self, state: LinkState) -> float:
        return self.counts[state]

    @property
    def leads(self) -> bool:
        return self._term is not None

    async def _start(self) -> None:
        self._leadership.start()

    def _elected(self, term: Term) -> None:
        self._term, self.changed = term, True

    def _deposed(self, _term: Term) -> None:
        self._term = None

    async def take(self) -> None:
        """Follow both topics."""
        while True:
            for _ in range(_TAKEN_AT_ONCE):
                is_resource, record = await self._waiting.get()
                try:
                    await (self.take_resource(record) if is_resource else self.take_link(record))
                except (
                    RecordError,
                    UnicodeDecodeError,
                ) as problem:  # it stands there for all workers: none can mend it
                    self.set_aside += 1
                    log.warning("left out a record topic=%s offset=%d problem=%s", *record[:2], problem)
                self._waiting.task_done()
            await asyncio.sleep(0)

    async def take_resource(self, record: Record) -> None:
        key = (record.key or b"").decode()
        now = None if record.value is None else told(await self._resources_serde.read(record.value))
        before = self.everyone.get(key)
        if now is None or before is None or now._replace(until_ms=before.until_ms) != before:
            self.changed = True  # what is only told for longer changes no link
        if now is None:
            self.everyone.pop(key, None)
        else:
            self.everyone[key] = now

    async def take_link(self, record: Record) -> None:
        key = (record.key or b"").decode()
        if key in self._sent:
            if self._sent[key] == record.value:
                del self._sent[key]
            return
        self.changed = True  # another leader's
        if record.value is None:
            self.standing.pop(key, None)
        else:
            self.standing[key] = await self._links_serde.read(record.value)

    async def lead(self) -> None:
        """Fold and publish while this worker leads and something has changed."""
        await self._resources.caught_up()
        await self._links.caught_up()
        await self._waiting.join()
        while True:
            term, now_s = self._term, time.monotonic()
            if term is not None and (self.changed or now_s - self._folded_s >= FOLD_EVERY_S):
                self._folded_s = now_s
                await self.look(term)
            await asyncio.sleep(max(LOOK_EVERY_S, REST * self.fold_s))

    async def look(self, term: Term) -> None:
        """Publish changes until the term ends."""
        self.changed = False
        await self._publish(term, await asyncio.to_thread(self._fold, dict(self.everyone), dict(self.standing)))

    def _fold(self, everyone: dict[str, Told], standing: dict[str, Link]) -> Changes:
        began_s, now_ms = time.perf_counter(), self._context.now_ms()
        found = changes(standing, links_of(everyone, now_ms), everyone, now_ms)
        self.fold_s = time.perf_counter() - began_s
        return found

    async def _publish(self, term: Term, found: Changes) -> None:
        """Store what is new, and then the tombstones: a link that got another name is never missing."""
        values = {key: self._links_serde.encode(link) for key, link in found.records.items()}
        for part in (values, dict.fromkeys(found.tombstones)):
            keys = list(part)
            for begin in range(0, len(keys), _AT_ONCE):
                if term.over.is_set():
                    self.changed = True
                    return
                await asyncio.gather(*(self._send(key, part[key], found) for key in keys[begin : begin + _AT_ONCE]))
        self.counts = Counter(link.state for link in self.standing.values())
        if found:
            log.info("links changed records=%d tombstones=%d", len(found.records), len(found.tombstones))

    async def _send(self, key: str, value: bytes | None, found: Changes) -> None:
        self._sent[key] = value
        await self._context.outbox.send(self._topic, key.encode(), value)
        self.published += 1
        if value is None:
            self.standing.pop(key, None)
        else:
            self.standing[key] = found.records[key]


def build() -> Worker:
    """Return a worker of the stage."""
    worker = open_worker("topology")
    Topologist(worker)
    return worker
