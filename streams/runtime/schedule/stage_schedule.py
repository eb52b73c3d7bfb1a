"""Connects a stage to its ticks: takes part in the election, publishes as leader, runs ticks as owner. Three stages
share it.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Final

from schemas.records import Tick
from streams.runtime.kafka.client import client_options
from streams.runtime.kernel.worker import Worker
from streams.runtime.schedule.leadership import Leadership, Term
from streams.runtime.schedule.owner import DueTick, Owner
from streams.runtime.schedule.tick_log import KafkaTickLog
from streams.runtime.schedule.ticker import Ticker
from streams.runtime.settings.loading import Settings
from streams.scheduling.fencing import lookback
from streams.scheduling.leader import TickPace

log = logging.getLogger(__name__)

#: how long a stop waits for the ticks at work; it has ten seconds for everything
STOP_WIND_UP_S: Final = 2.5


def leader_path(settings: Settings, group: str) -> str:
    """Return the ZooKeeper path of a group's election; each zone has its own."""
    prefix = settings.panoptes.topic_prefix
    return f"{settings.zookeeper.root}/{prefix}/{group.removeprefix(f'{prefix}-')}/leader"


class StageSchedule:
    """The leader's and the owner's side of one stage in one worker."""

    def __init__(self, worker: Worker, run: Callable[[DueTick], Awaitable[None]], *, longest_interval_s: int) -> None:
        """`run` does what a tick asks for; call this after everything that partitions begin with is registered."""
        context = worker.context
        ticks = context.stage.ticks
        if ticks is None:
            raise ValueError(f"stage {context.stage.name} has no ticks in the map")
        settings = context.settings
        self._worker = worker
        topic = context.topic_name(ticks)
        pace = TickPace(publish_ahead_s=settings.scheduling.publish_ahead_s, longest_interval_s=longest_interval_s)
        serde = context.serdes.of(ticks, Tick)
        tick_log = KafkaTickLog(
            client_options(settings.kafka),
            topic,
            serde,
            lookback=lookback(pace.longest_interval_s, pace.publish_ahead_s),
        )
        self.ticker = Ticker(
            stage=context.stage.name,
            topic=topic,
            worker=context.worker,
            pace=pace,
            log_of_ticks=tick_log,
            serde=serde,
            outbox=context.outbox,
            now_s=time.time,
        )
        self.owner = Owner(
            run=run,
            offsets=worker.offsets,
            tick_log=tick_log,
            serde=serde,
            dead_letters=context.dead_letters,
            now_s=time.time,
            give_up=worker.fail,
            lease=context.lease,
            room=asyncio.Semaphore(settings.scheduling.max_ticks_in_flight),
            opened=worker.lifecycle.opened,
        )
        self._leadership = Leadership(
            settings.zookeeper,
            leader_path(settings, worker.group),
            context.worker,
            on_elected=self._elected,
            on_deposed=self._deposed,
        )
        self._leading: asyncio.Task[None] | None = None
        worker.read(ticks, self.owner.take, outlasting=True)
        worker.lifecycle.register(self.owner)
        worker.run("obey", self.owner.obey)
        worker.before_records(self._start)
        worker.before_leaving(self._stop)
        worker.serve("/leadership", lambda: (200, self.leadership()))
        self._measure()

    def _measure(self) -> None:
        metrics, ticker, owner = self._worker.context.metrics, self.ticker, self.owner
        metrics.gauge("leader", "1 while this worker leads its stage", lambda: float(ticker.term is not None))
        metrics.gauge(
            "leader_epoch", "epoch of this worker's last term", lambda: ticker.terms[-1].epoch if ticker.terms else 0
        )
        metrics.gauge(
            "leader_since_seconds",
            "Unix time since which this worker leads, 0 while it does not",
            lambda: ticker.term.started_at_ms / 1000 if ticker.term else 0,
        )
        metrics.counter(
            "leader_changes",
            "leaders that followed another one, as this worker's ticks tell",
            lambda: owner.terms_seen.changes,
        )
        metrics.gauge("leader_ahead_seconds", "how long the published ticks still last", ticker.ahead_s)
        metrics.counter("ticks_published", "ticks that this worker published as leader", lambda: ticker.published)
        metrics.gauge("ticks_in_flight", "ticks held until their second, or running", lambda: owner.in_flight)
        metrics.counter("ticks_retried", "ticks that failed and were run again", lambda: owner.retries)
        metrics.counters(
            "ticks_taken",
            "ticks by what became of them",
            "verdict",
            lambda: [(v.value, n) for v, n in owner.verdicts.items()],
        )

    def leadership(self) -> Mapping[str, object]:
        """Return this worker's own terms, and all leaders seen, with times and epochs."""
        return {
            "stage": self._worker.context.stage.name,
            "worker": self._worker.context.worker,
            "leads": self.ticker.term is not None,
            "terms": [asdict(term) for term in self.ticker.terms],
            "reigns": [asdict(reign) for reign in self.owner.terms_seen.seen],
        }

    async def _start(self) -> None:
        self._leadership.start()

    async def _stop(self) -> None:
        if self._leading is not None:
            self._leading.cancel()
        abdication = asyncio.ensure_future(self._leadership.stop())
        # what ends now is committed with the stop, and not done again by the next owner
        await self.owner.wind_up(STOP_WIND_UP_S)
        await self.owner.stop()
        await abdication

    def _elected(self, term: Term) -> None:
        self._leading = asyncio.create_task(self._lead(term), name="leader")

    async def _lead(self, term: Term) -> None:
        try:
            await self.ticker.lead(term)
        except Exception as problem:  # noqa: BLE001 - the edge of the worker
            self._worker.fail(problem)

    def _deposed(self, _term: Term) -> None:
        if self._leading is not None:
            self._leading.cancel()
            self._leading = None
