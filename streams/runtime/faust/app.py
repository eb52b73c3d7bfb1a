"""The Faust app that hosts a worker: delivers records, restores tables, and commits what the worker has finished."""

import asyncio
import logging
from pathlib import Path
from typing import Any, Final

import faust
from faust.types import TP

from schemas.errors import BackendError, FatalError
from streams.pipeline import STAGES, Topic
from streams.runtime.faust.consumer import Consumer
from streams.runtime.faust.delivery import QuietMonitor
from streams.runtime.faust.ending import EndingWorker, bounded
from streams.runtime.faust.options import faust_options
from streams.runtime.faust.tables import ChangelogTable, PromptTables
from streams.runtime.faust.web import BoundWeb
from streams.runtime.kafka.client import sample_client_logs
from streams.runtime.kafka.reach import AWAY
from streams.runtime.kafka.topics import await_topics, ensure_topics, refuse_lost_changelogs
from streams.runtime.kernel.records import Place
from streams.runtime.kernel.worker import Page, Work, Worker
from streams.runtime.ops.waiting import wait_for
from streams.runtime.ops.watch import Watchdog

log = logging.getLogger(__name__)

OURS: Final = ("streams", "pollers", "schemas")
#: libraries that say at INFO what helps nobody
CHATTY: Final = ("httpx", "kazoo")

PORTS_PER_STAGE: Final = 10


class StageApp(faust.App):
    """A Faust app that waits for its services, commits only finished work, and binds its web server to loopback."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        context = self.context = worker.context
        settings = context.settings
        worker.host = self
        for ours in OURS:
            logging.getLogger(ours).setLevel(settings.panoptes.log_level)
        for chatty in CHATTY:
            logging.getLogger(chatty).setLevel(logging.WARNING)
        sample_client_logs(says_refusals=True)
        super().__init__(
            id=worker.group,
            datadir=str(Path(settings.panoptes.state_dir) / "faust" / f"{context.stage.name}-{context.worker}"),
            **faust_options(settings),
            Monitor=QuietMonitor,
            Worker=EndingWorker,
            TableManager=PromptTables,
            web_bind=settings.web.host,
            web_host=settings.web.host,
        )
        # a stage that only has views joins no group: Faust would wait for ever for what is assigned to it
        self.producer_only = not worker.inputs
        self._watch = Watchdog(worker, is_recovered=self.is_recovered, is_stopping=self._stopping)
        for table in worker.tables:
            self.tables.add(ChangelogTable(self, table, settings.kafka.partitions))
        for topic in worker.inputs:
            self._read(topic)
        for name, work in worker.background.items():
            self._run(name, work)
        for path, show in (*worker.pages.items(), *self._watch.pages().items()):
            self._serve(path, show)

    def _first_port(self) -> int:
        base = self.context.settings.web.base_port
        return base + STAGES.index(self.context.stage) * PORTS_PER_STAGE if base else 0

    def _new_web(self) -> BoundWeb:
        return BoundWeb(self, self.context.settings.web, self._first_port())

    # records in

    def _read(self, topic: Topic) -> None:
        """Have Faust subscribe to a topic; its records come past it, from the consumer."""
        source = self.topic(
            self.context.topic_name(topic), key_type=bytes, value_type=bytes, key_serializer="raw",
            value_serializer="raw", allow_empty=True,
        )  # fmt: skip

        async def rest(stream: Any) -> None:
            async for _ in stream.noack().events():
                raise RuntimeError("a record came through Faust")

        self.agent(source, name=f"{self.context.stage.name}.{topic}")(rest)

    def _run(self, name: str, work: Work) -> None:
        async def guarded() -> None:
            try:
                await work()
            except Exception as problem:  # noqa: BLE001 - the edge of the worker
                self.fail(problem)

        guarded.__name__ = name
        self.task(guarded)

    def _serve(self, path: str, show: Page) -> None:
        async def view(web: Any, _request: Any) -> Any:
            status, shown = show()
            if isinstance(shown, bytes):
                return web.bytes(shown, content_type="text/plain", status=status)
            return web.json(shown, status=status)

        self.page(path)(view)

    # what the worker asks for

    def pause(self, place: Place) -> None:
        self.consumer.pause_partitions({TP(*place)})

    def resume(self, place: Place) -> None:
        tp = TP(*place)
        if not self.rebalancing and tp in self.consumer.assignment():  # a rebalance resumes all that are assigned
            self.consumer.resume_partitions({tp})

    def fail(self, problem: Exception) -> None:
        """End the worker, and log the problem last."""
        if not self.should_stop:
            if isinstance(problem, FatalError):
                log.critical("%s", problem)
            self.add_future(self.crash(problem))

    def _new_consumer(self) -> Any:
        consumer = Consumer(
            self.transport,
            callback=self.topics.on_message,
            on_partitions_revoked=self._on_partitions_revoked,
            on_partitions_assigned=self._on_partitions_assigned,
            beacon=self.beacon,
            loop=self.loop,
        )
        consumer.offsets = self.worker.offsets
        consumer.takes = {self.context.topic_name(topic): take for topic, take in self.worker.inputs.items()}
        return consumer

    # start and stop

    async def on_first_start(self) -> None:
        """Wait for the required services, then prepare: Faust's worker would exit instead."""
        await self._watch.begin()
        await self.web.maybe_start()
        settings = self.context.settings
        where = settings.kafka.bootstrap_servers
        await wait_for("kafka", where, self.context.outbox.start, absent=AWAY, give_up=self._stopping)
        if not self.should_stop:
            await refuse_lost_changelogs(settings, self.worker.group, self._changelogs(), self._stopping)
            await ensure_topics(settings, self._stopping, self.worker.context.stage, absent=AWAY)
            # created is not yet known: on a busy broker the assignment was quicker, and came without the changelogs
            await await_topics(settings, self._changelogs(), self._stopping)
            await wait_for(
                "schema registry", settings.registry.url or "files", self.context.serdes.register,
                absent=(BackendError,), give_up=self._stopping,
            )  # fmt: skip
        for prepare in self.worker.first_steps:
            if not self.should_stop:
                await prepare()
        # Faust makes the folder, but not those above it
        await asyncio.to_thread(Path(self.conf.datadir).mkdir, parents=True, exist_ok=True)
        await super().on_first_start()

    def _stopping(self) -> bool:
        return bool(self.should_stop)

    async def on_stop(self) -> None:
        await self.worker.lifecycle.stop()
        # what ends now is committed, and not done again by the next owner
        await bounded(self.worker.revoked(), "work under way")
        for leave in self.worker.last_steps:
            await bounded(leave(), getattr(leave, "__qualname__", repr(leave)))
        await super().on_stop()
        await bounded(self.context.outbox.stop(), "the outbox")

    # partitions

    def _changelogs(self) -> list[str]:
        return [table.changelog_topic.get_topic_name() for table in self.tables.values()]

    def is_recovered(self) -> bool:
        """Return whether every table is restored from its changelog."""
        # Faust's own `recovery.completed` stays set through later rebalances
        return bool(self.tables.actives_ready)

    async def _on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Let work end, then commit: what was not committed is done again by the next owners."""
        if self.should_stop:  # Faust would close the consumer at once, and tell nobody
            try:
                await bounded(self.worker.revoked(), "work under way")
                await bounded(self.consumer.commit(), "the last commit")
            finally:
                await super()._on_partitions_revoked(revoked)
            return
        await super()._on_partitions_revoked(revoked)  # it stops the flow of records first
        await self.worker.revoked()
        if self.consumer.assignment():
            commit = self.consumer.commit()
            await (bounded(commit, "the last commit") if self.should_stop else commit)

    async def _on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        try:
            if empty := self._without_changelog(assigned):
                problem = (
                    f"partitions were assigned without the changelogs of {', '.join(empty)}: this worker would forget"
                )
                raise FatalError(problem)  # noqa: TRY301
            self.worker.assigned(Place(*tp) for tp in assigned)
        except Exception as problem:  # noqa: BLE001 - Kafka's client would log it, and go on with half of the partitions
            self.fail(problem)
            return
        await super()._on_partitions_assigned(assigned, generation_id)

    def _without_changelog(self, assigned: set[TP]) -> list[str]:
        """Return the tables that would stay empty: their partitions are assigned without those of their changelog."""
        changelogs = {name: table.changelog_topic.get_topic_name() for name, table in self.tables.items()}
        numbers = {tp.partition for tp in assigned if tp.topic not in changelogs.values()}
        return [name for name, topic in changelogs.items() if not {TP(topic, number) for number in numbers} <= assigned]

    def on_rebalance_end(self) -> None:
        """Start the new partitions once their tables are restored, unless a newer rebalance has begun."""
        super().on_rebalance_end()
        if self.is_recovered():
            self.worker.lifecycle.recovered()
