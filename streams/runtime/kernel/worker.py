"""One worker of a stage: its inputs, its table and its parts. A stage wires itself to it; a host (Faust) brings
records.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Final, Protocol

from schemas.records import DeadLetter
from streams.pipeline import Stage, Topic
from streams.runtime.kafka.client import client_options
from streams.runtime.kafka.dead_letters import DeadLetters
from streams.runtime.kafka.outbox import Outbox
from streams.runtime.kafka.partitions import partition_of
from streams.runtime.kafka.topic_names import changelog_name, group_name
from streams.runtime.kernel.context import StageContext, now_ms
from streams.runtime.kernel.effects import Effects, Step
from streams.runtime.kernel.folding import Fold, Folding, TableAt
from streams.runtime.kernel.handler import USUAL, E, Handler, Pace
from streams.runtime.kernel.lease import WorkerLease
from streams.runtime.kernel.lifecycle import Lifecycle
from streams.runtime.kernel.loop import Loop
from streams.runtime.kernel.offsets import Offsets
from streams.runtime.kernel.records import Place, Record
from streams.runtime.kernel.table import Table
from streams.runtime.kernel.view import View, nothing
from streams.runtime.ops.metrics import Metrics
from streams.runtime.registry.opening import open_registry
from streams.runtime.registry.serde import Serdes
from streams.runtime.settings.loading import Settings

log = logging.getLogger(__name__)

Work = Callable[[], Awaitable[None]]
#: what is served at a path: its status, and bytes or what becomes JSON
Page = Callable[[], tuple[int, bytes | Mapping[str, object]]]

MAX_RECORD_BYTES: Final = 8 * 2**20


class Host(Protocol):
    """Delivers records to a worker, and commits what is finished."""

    def pause(self, place: Place) -> None:
        """Stop delivering the records of a partition."""
        ...

    def resume(self, place: Place) -> None:
        """Continue to deliver them."""
        ...

    def fail(self, problem: Exception) -> None:
        """End the worker, and log the problem last."""
        ...


class Worker:
    """The common part of all workers, and the parts that a stage has registered."""

    def __init__(self, stage: Stage, settings: Settings, part: str = "") -> None:
        """`part`: which of several groups of the stage this is, each of which reads everything."""
        self._part = part
        self.offsets = Offsets()
        self.lifecycle = Lifecycle(self.fail)
        self.host: Host | None = None  #: set by the host itself, before anything starts
        self.inputs: dict[Topic, Callable[[Record], None]] = {}  #: topics that are read in the stage's group
        self._outlasting: set[Topic] = set()
        self.tables: list[Table] = []
        self.followed: dict[Topic, View] = {}  #: topics that are followed whole
        self.longest_work_s = 0.0  #: how long the work on one record may rightly take
        self._first: list[Work] = []
        self._last: list[Work] = []
        self._background: dict[str, Work] = {}
        self._pages: dict[str, Page] = {}
        self._outboxes: list[Outbox] = []
        self.context = self._make_context(stage, settings)
        self.run("lease", self.context.lease.watch)
        self._measure()

    def _make_context(self, stage: Stage, settings: Settings) -> StageContext:
        self._kafka = settings.kafka
        self._lease = WorkerLease(settings.kafka)
        serdes = Serdes(settings, open_registry(settings))
        outbox = self.make_outbox()
        letters = f"{settings.panoptes.topic_prefix}.{Topic.DEAD_LETTERS}"
        return StageContext(
            stage=stage,
            worker=f"{socket.gethostname()}:{os.getpid()}",
            settings=settings,
            serdes=serdes,
            outbox=outbox,
            dead_letters=DeadLetters(stage.name, letters, serdes.of(Topic.DEAD_LETTERS, DeadLetter), outbox, now_ms),
            metrics=Metrics(stage.name),
            lease=self._lease,
        )

    # what a stage reads and keeps

    def table(self, name: str) -> Table:
        """Return a table of the stage; its changelog is a topic of its own."""
        table = Table(name, write_format=self.context.settings.panoptes.format)
        self.tables.append(table)
        self.lifecycle.register_table(table)
        return table

    def changelog(self, table: Table) -> str:
        """Return the name of a table's changelog topic, as Faust has it."""
        return changelog_name(self.context.settings, self.context.stage.name, table.name)

    @property
    def group(self) -> str:
        """Return the name of the worker's consumer group."""
        return group_name(self.context.settings, self.context.stage.name, self._part)

    def fold(
        self,
        topics: Iterable[Topic],
        step: Step,
        table: Table | None = None,
        *,
        pace: Pace = USUAL,
        outbox: Outbox | None = None,
        forget: Callable[[int], None] = lambda _partition: None,
    ) -> Fold:
        """Run a step over every record of some topics: its effects are stored, then the record is done."""
        context = self.context
        handler = Folding(
            step,
            outbox=outbox or context.outbox,
            dead_letters=context.dead_letters,
            table=None if table is None else TableAt(table, self.changelog(table)),
            forget=forget,
        )
        loop: Loop[Effects] = self.drain(topics, handler, pace=pace)
        return Fold(loop, handler, partial(partition_of, partitions=self._kafka.partitions))

    def drain(self, topics: Iterable[Topic], handler: Handler[E], *, pace: Pace = USUAL) -> Loop[E]:
        """Pass every record of some topics to a handler: batch -> effect -> done, in the order of each partition."""
        loop: Loop[E] = Loop(
            handler, offsets=self.offsets, dead_letters=self.context.dead_letters, flow=self, fail=self.fail, pace=pace
        )
        self.lifecycle.register(loop)
        for topic in topics:
            self.read(topic, loop.take)
        return loop

    def read(self, topic: Topic, take: Callable[[Record], None], *, outlasting: bool = False) -> None:
        """Pass every record of the worker's partitions of a topic to a function.

        `outlasting`: work goes on through a rebalance where the partition stays, so that its end still counts.
        """
        self.inputs[topic] = take
        if outlasting:
            self._outlasting.add(topic)

    def view(
        self,
        topic: Topic,
        take: Callable[[Record], None],
        since_ms: Callable[[], int] | None = None,
        settle: Callable[[], Awaitable[None]] = nothing,
    ) -> View:
        """Follow a whole topic without a group, in every worker; parameters as in View."""
        name = self.context.topic_name(topic)
        view = self.followed[topic] = View(client_options(self._kafka), name, take, since_ms, settle)
        self.run(f"view-{topic}", view.run)
        self.context.metrics.gauge(
            f"view_lag_{topic.replace('-', '_').replace('.', '_')}",
            f"records of {topic} not yet seen",
            lambda: view.lag,
        )
        return view

    def every(self, seconds: float, name: str, work: Work) -> None:
        """Run a function periodically; an error in it ends the worker."""

        async def again() -> None:
            while True:
                await asyncio.sleep(seconds)
                await work()

        self.run(name, again)

    def run(self, name: str, work: Work) -> None:
        """Run a coroutine as long as the worker lives; an error in it ends the worker."""
        self._background[name] = work

    def before_records(self, *steps: Work) -> None:
        """Run steps once, in order, after the services are there and before records are delivered."""
        self._first += steps

    def before_leaving(self, *steps: Work) -> None:
        """Run steps when the worker stops, before it leaves its group; what was added last runs first."""
        self._last += steps

    def serve(self, path: str, page: Page) -> None:
        """Serve a page at a path of the worker's web server."""
        self._pages[path] = page

    def make_outbox(self, **limits: int) -> Outbox:
        """Return an outbox with limits of its own; it starts and stops with the worker."""
        limits = {"partitions": self._kafka.partitions, "max_request_bytes": MAX_RECORD_BYTES, **limits}
        made = Outbox(client_options(self._kafka), **limits, sure=self._lease.sure)
        if self._outboxes:  # the first one is what the host waits for Kafka with, and the last to stop
            self.before_records(made.start)
            self.before_leaving(made.stop)
        self._outboxes.append(made)
        return made

    # what the host runs and shows

    @property
    def background(self) -> Mapping[str, Work]:
        return self._background

    @property
    def first_steps(self) -> Sequence[Work]:
        """Return the steps before records are delivered, in order."""
        return tuple(self._first)

    @property
    def last_steps(self) -> Sequence[Work]:
        """Return the steps before the worker leaves its group, in order."""
        return tuple(reversed(self._last))

    @property
    def pages(self) -> Mapping[str, Page]:
        return self._pages

    # what the worker asks of its host

    def pause(self, place: Place) -> None:
        if self.host is not None:
            self.host.pause(place)

    def resume(self, place: Place) -> None:
        if self.host is not None:
            self.host.resume(place)

    def fail(self, problem: Exception) -> None:
        """End the worker; its supervisor starts a new one."""
        if self.host is not None:
            self.host.fail(problem)

    # what the host tells the worker

    async def revoked(self) -> None:
        """Pause everything: a rebalance has begun."""
        self.context.lease.revoked()
        await self.lifecycle.pausing(lapsed=not self.context.lease.holds())

    def assigned(self, places: Iterable[Place]) -> None:
        """Take over the assigned partitions; uncommitted records are delivered again."""
        names = self.topics()
        mine = [place for place in places if place.topic in names]
        lasting = {self.context.topic_name(topic) for topic in self._outlasting}
        lapsed = not self.context.lease.assigned()
        numbers = {place.partition for place in mine}
        gone = self.lifecycle.owned if lapsed else self.lifecycle.owned - numbers
        stay = {place for place in mine if place.topic in lasting and place.partition not in gone}
        self.offsets.forget([place for place in self.offsets.places() if place not in stay])
        self.lifecycle.settle(numbers, lapsed=lapsed)

    def topics(self) -> Mapping[str, Topic]:
        """Return the topics that the worker reads in its group, by their names in Kafka."""
        return {self.context.topic_name(topic): topic for topic in self.inputs}

    # what is measured

    def _measure(self) -> None:
        metrics, lifecycle = self.context.metrics, self.lifecycle
        metrics.counter("dead_letters", "records that could not be processed", lambda: self.context.dead_letters.count)
        metrics.counter(
            "send_retries",
            "sends to Kafka that had to be repeated",
            lambda: sum(outbox.retries for outbox in self._outboxes),
        )
        metrics.gauge("records_in_work", "records begun whose effects are not all in place", self.offsets.in_flight)
        metrics.gauge("partitions_owned", "partitions that this worker has", lambda: len(lifecycle.owned))
        metrics.gauge(
            "partitions_stuck", "partitions that could not be begun, and are tried again", lambda: len(lifecycle.stuck)
        )
