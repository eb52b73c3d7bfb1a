"""The Faust app of a stage, with everything that stages have in common and nothing that only one of them has."""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import faust
from aiokafka.errors import KafkaError
from faust.types import TP

from schemas.errors import BackendError, FatalError
from schemas.records import DeadLetter
from streams.pipeline import STAGES, Stage, Topic
from streams.runtime.faust.delivery import QuietMonitor
from streams.runtime.faust.offsets import Consumer, Offsets
from streams.runtime.kafka.client import client_options, faust_options, sample_client_logs
from streams.runtime.kafka.dead_letters import DeadLetters
from streams.runtime.kafka.outbox import Outbox
from streams.runtime.kafka.partitions import partition_of
from streams.runtime.kafka.topic_names import topic_name
from streams.runtime.kafka.topics import await_topics, ensure_topics
from streams.runtime.ops.metrics import Metrics
from streams.runtime.ops.ports import free_port
from streams.runtime.ops.waiting import wait_for
from streams.runtime.registry.opening import open_registry
from streams.runtime.registry.serde import Serdes
from streams.runtime.schedule.tenure import Tenure
from streams.runtime.settings.loading import Settings

log = logging.getLogger(__name__)

OURS: Final = ("streams", "pollers", "schemas")
#: libraries that say at INFO what helps nobody
CHATTY: Final = ("httpx", "kazoo")

PORTS_PER_STAGE: Final = 10
STOP_STEP_S: Final = 3.0
MAX_RECORD_BYTES: Final = 8 * 2**20


class IdentityTable(faust.Table):
    """A table whose keys stand in its changelog as they are.

    Faust writes str keys as JSON. With its quotes an identity hashes to another partition than without, and who takes
    a partition over finds other resources in its changelog than the partition has.
    """

    def _serializer_from_type(self, typ: Any) -> Any:
        return "raw" if typ is str else super()._serializer_from_type(typ)

    def keep_only(self, stays: Callable[[str], bool]) -> None:
        """Drop, here and not in the changelog, the keys of partitions that have left.

        Faust's store does so only with keys that came by the changelog. One that was written here would still stand
        when its partition comes back, also if it was deleted elsewhere and its tombstone was compacted away.
        """
        entries, origins = self.data.data, self.data._key_partition  # noqa: SLF001 - there is no other way to them
        for key in [key for key in entries if not stays(key)]:
            del entries[key]
            origins.pop(key, None)


class StageApp(faust.App):
    """A Faust app that waits for its services, commits only what is done, and binds its web server to loopback."""

    def __init__(self, stage: Stage, settings: Settings) -> None:
        self.stage = stage
        self.settings = settings
        self.worker_name: Final = f"{socket.gethostname()}:{os.getpid()}"
        self.metrics = Metrics(stage.name)
        self.offsets = Offsets()
        self.tenure = Tenure(settings.kafka)
        self.assigned: frozenset[TP] = frozenset()
        #: input topics whose work goes on through a rebalance where the partition stays, so that its end still counts
        self.outlasting: set[str] = set()
        self.longest_work_s = 0.0  #: how long the work on one record may rightly take
        self._outboxes: list[Outbox] = []
        self.outbox = self._make_outbox()
        self.serdes = Serdes(settings, open_registry(settings))
        self.dead_letters = DeadLetters(
            stage.name,
            self.topic_name(Topic.DEAD_LETTERS),
            self.serdes.of(Topic.DEAD_LETTERS, DeadLetter),
            self.outbox,
            now_ms,
        )
        #: coroutines run once, before anything is waited for
        self.at_once: list[Callable[[], Awaitable[None]]] = []
        #: coroutines run once, after the services are there and before records flow
        self.before_start: list[Callable[[], Awaitable[None]]] = []
        #: coroutines run when the worker stops, before the consumer leaves its group; what was added last stops first
        self.before_stop: list[Callable[[], Awaitable[None]]] = []
        self._measure()
        for ours in OURS:
            logging.getLogger(ours).setLevel(settings.panoptes.log_level)
        for chatty in CHATTY:
            logging.getLogger(chatty).setLevel(logging.WARNING)
        sample_client_logs()
        super().__init__(
            id=f"{settings.panoptes.topic_prefix}-{stage.name}",
            datadir=str(Path(settings.panoptes.state_dir) / "faust" / f"{stage.name}-{os.getpid()}"),
            **faust_options(settings),
            Monitor=QuietMonitor,
            web_bind=settings.web.host,
            web_host=settings.web.host,
            web_port=free_port(settings.web.host, self._first_port()),
        )

    def _measure(self) -> None:
        metrics = self.metrics
        metrics.counter("dead_letters", "records that could not be processed", lambda: self.dead_letters.count)
        metrics.counter("send_retries", "sends to Kafka that had to be repeated", self._send_retries)
        metrics.gauge("records_in_work", "records begun whose effects are not all in place", self.offsets.in_flight)

    def _send_retries(self) -> int:
        return sum(outbox.retries for outbox in self._outboxes)

    def _make_outbox(self, **limits: int) -> Outbox:
        kafka = self.settings.kafka
        limits = {"partitions": kafka.partitions, "max_request_bytes": MAX_RECORD_BYTES, **limits}
        made = Outbox(client_options(kafka), **limits)
        self._outboxes.append(made)
        return made

    def another_outbox(self, **limits: int) -> Outbox:
        """Return an outbox beside the app's own, with limits of its own, that starts and stops with the app."""
        made = self._make_outbox(**limits)
        self.before_start.append(made.start)
        self.before_stop.append(made.stop)
        return made

    def _first_port(self) -> int:
        base = self.settings.web.base_port
        return base + STAGES.index(self.stage) * PORTS_PER_STAGE if base else 0

    def _new_consumer(self) -> Any:
        consumer = Consumer(
            self.transport,
            callback=self.topics.on_message,
            on_partitions_revoked=self._on_partitions_revoked,
            on_partitions_assigned=self._on_partitions_assigned,
            beacon=self.beacon,
            loop=self.loop,
        )
        consumer.offsets = self.offsets
        return consumer

    def topic_name(self, topic: Topic) -> str:
        return topic_name(self.settings, topic)

    def input_topic(self, topic: Topic) -> Any:
        """Return a topic of the map as a stream of bytes; they are decoded at the stage's edge."""
        return self.topic(
            self.topic_name(topic), key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw",
            allow_empty=True,
        )  # fmt: skip

    def bytes_table(self, name: str) -> Any:
        """Return a table from identity to bytes, partitioned as every keyed topic is."""
        table: Any = self.tables.add(
            IdentityTable(
                self,
                name=name,
                key_type=str,
                value_type=bytes,
                partitions=self.settings.kafka.partitions,
                use_partitioner=True,
            )
        )

        async def know_changelog() -> None:
            # a write asks the producer for the changelog's partitions, and fails where it has not heard of them yet
            producer = await self.maybe_start_producer()
            await producer._ensure_producer().partitions_for(table.changelog_topic.get_topic_name())  # noqa: SLF001

        table.on_recover(know_changelog)
        return table

    def partition_of(self, key: str) -> int:
        return partition_of(key.encode(), self.settings.kafka.partitions)

    def owns(self, topic: Topic, key: str) -> bool:
        """Return whether this worker has the key's partition of a topic that the stage reads."""
        return TP(self.topic_name(topic), self.partition_of(key)) in self.assigned

    async def on_first_start(self) -> None:
        """Wait for the services that the stage cannot do without, then prepare: Faust's worker would exit instead."""
        for begin in self.at_once:
            await begin()
        where = self.settings.kafka.bootstrap_servers
        await wait_for("kafka", where, self.outbox.start, absent=(KafkaError, OSError), give_up=self._stopping)
        if not self.should_stop:
            await ensure_topics(self.settings, self._stopping)
            await wait_for(
                "schema registry", self.settings.registry.url or "files", self.serdes.register,
                absent=(BackendError,), give_up=self._stopping,
            )  # fmt: skip
        for prepare in self.before_start:
            if not self.should_stop:
                await prepare()
        if not self.should_stop:
            await self._make_changelogs()
        # Faust makes the folder, but not those above it
        await asyncio.to_thread(Path(self.conf.datadir).mkdir, parents=True, exist_ok=True)
        await super().on_first_start()

    async def _make_changelogs(self) -> None:
        """Create the tables' changelogs before this worker asks for the cluster's topics.

        Left to Faust they come after the first assignment; a worker that asked before them hears of them minutes
        later, and as leader of its group it assigns partitions without their changelogs until then.
        """
        for table in self.tables.values():
            await table.changelog_topic.maybe_declare()
        changelogs = [table.changelog_topic.get_topic_name() for table in self.tables.values()]
        if changelogs:
            # created is not yet known: on a busy broker the assignment was quicker
            await await_topics(self.settings, changelogs, self._stopping)

    def _without_changelog(self, assigned: set[TP]) -> list[str]:
        """Return the tables that would stay empty: their partitions are assigned without those of their changelog."""
        changelogs = {name: table.changelog_topic.get_topic_name() for name, table in self.tables.items()}
        numbers = {tp.partition for tp in assigned if tp.topic not in changelogs.values()}
        return [name for name, topic in changelogs.items() if not {TP(topic, number) for number in numbers} <= assigned]

    def is_recovered(self) -> bool:
        """Return whether every table holds what its changelog holds."""
        # Faust's own `recovery.completed` stays set through later rebalances
        return bool(self.tables.actives_ready)

    def _stopping(self) -> bool:
        return bool(self.should_stop)

    async def on_stop(self) -> None:
        for leave in reversed(self.before_stop):
            await self._bounded(leave())
        await super().on_stop()
        await self._bounded(self.outbox.stop())

    async def _bounded(self, step: Awaitable[None]) -> None:
        """Give one step of the stop its share of the ten seconds: with a service away it might never end."""
        try:
            await asyncio.wait_for(step, STOP_STEP_S)
        except TimeoutError:
            log.warning(
                "a step of the stop was given up after %g s: what it held is done again by the next owner", STOP_STEP_S
            )

    async def _on_partitions_revoked(self, revoked: set[TP]) -> None:
        # what has been done since the last commit would be done again by the next owners
        if self.should_stop:  # Faust would close the consumer at once, and tell nobody
            try:
                await self._bounded(self.on_partitions_revoked.send(revoked))
                await self._bounded(self.consumer.commit())
            finally:
                await super()._on_partitions_revoked(revoked)
            return
        await super()._on_partitions_revoked(revoked)
        if self.consumer.assignment():
            commit = self.consumer.commit()
            await (self._bounded(commit) if self.should_stop else commit)

    async def _on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        # everything that was not committed is delivered anew, also of partitions that stay
        stay = {tp for tp in assigned if tp.topic in self.outlasting}
        self.offsets.forget([tp for tp in self.offsets.partitions() if tp not in stay])
        numbers = {tp.partition for tp in assigned}
        if {tp.partition for tp in self.assigned} - numbers:
            for table in self.tables.values():
                table.keep_only(lambda key: self.partition_of(key) in numbers)
        self.assigned = frozenset(assigned)
        if empty := self._without_changelog(assigned):
            problem = f"partitions were assigned without the changelogs of {', '.join(empty)}: this worker would forget"
            await self.crash(FatalError(problem))
            return
        await super()._on_partitions_assigned(assigned, generation_id)


def now_ms() -> int:
    """Return the clock, Unix milliseconds."""
    return time.time_ns() // 1_000_000


def run_in_background(app: StageApp, work: Awaitable[None], name: str) -> "asyncio.Task[None]":
    """Start a task whose fault stops the worker: its supervisor starts a new one, and nothing goes on half-working."""

    async def guarded() -> None:
        try:
            await work
        except Exception as problem:  # noqa: BLE001 - the edge of the worker
            await app.crash(problem)

    return asyncio.create_task(guarded(), name=name)
