"""Puts a schedule under a stage: campaign, publish as leader, obey as owner. The three scheduling stages share it."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any, Final

from faust.types import TP

from schemas.errors import FatalError
from schemas.records import Tick
from streams.pipeline import Topic
from streams.runtime.faust.app import StageApp, run_in_background
from streams.runtime.kafka.client import client_options
from streams.runtime.schedule.leadership import Leadership, Term
from streams.runtime.schedule.owner import Due, Owner, partitions_of
from streams.runtime.schedule.tick_log import KafkaTickLog
from streams.runtime.schedule.ticker import Ticker
from streams.scheduling.fencing import lookback
from streams.scheduling.leader import Pace

log = logging.getLogger(__name__)


#: how long a rebalance waits for the ticks at work; what takes longer is done again by the next owner
WIND_UP_S: Final = 5.0
#: the same for a stop, which has ten seconds for everything
STOP_WIND_UP_S: Final = 2.5


class StageSchedule:
    """The leader's and the owner's side of one stage in one worker."""

    def __init__(self, app: StageApp, run: Callable[[Due], Awaitable[None]], *, longest_interval_s: int) -> None:
        ticks = app.stage.ticks
        if ticks is None:
            raise ValueError(f"stage {app.stage.name} has no ticks in the map")
        settings = app.settings
        self._app = app
        self._topic = app.topic_name(ticks)
        pace = Pace(publish_ahead_s=settings.scheduling.publish_ahead_s, longest_interval_s=longest_interval_s)
        serde = app.serdes.of(ticks, Tick)
        tick_log = KafkaTickLog(
            client_options(settings.kafka),
            self._topic,
            serde,
            lookback=lookback(pace.longest_interval_s, pace.publish_ahead_s),
        )
        self.ticker = Ticker(
            stage=app.stage.name,
            topic=self._topic,
            worker=app.worker_name,
            pace=pace,
            log_of_ticks=tick_log,
            serde=serde,
            outbox=app.outbox,
            now_s=time.time,
        )
        self.owner = Owner(
            run=run,
            offsets=app.offsets,
            tick_log=tick_log,
            serde=serde,
            dead_letters=app.dead_letters,
            now_s=time.time,
            give_up=lambda fault: self._app.add_future(self._app.crash(fault)),
            tenure=app.tenure,
            room=asyncio.Semaphore(settings.scheduling.max_ticks_in_flight),
        )
        self._leadership = Leadership(
            settings.zookeeper.hosts,
            f"{settings.zookeeper.root}/{settings.panoptes.topic_prefix}/{app.stage.name}/leader",
            app.worker_name,
            session_timeout_s=settings.zookeeper.session_timeout_s,
            on_elected=self._elected,
            on_deposed=self._deposed,
        )
        self._leading: asyncio.Task[None] | None = None
        self.owned: set[int] = set()
        self._attach(ticks)
        self._measure()

    def _attach(self, ticks: Topic) -> None:
        app = self._app

        async def ticks_agent(stream: Any) -> None:
            try:
                await self.owner.consume(stream.noack().events())
            except FatalError as fault:
                await app.crash(fault)

        app.agent(app.input_topic(ticks), name=f"{app.stage.name}.ticks")(ticks_agent)
        app.outlasting.add(self._topic)
        app.on_partitions_revoked.connect(self._revoked, weak=False)
        app.on_partitions_assigned.connect(self._assigned, weak=False)
        app.before_start.append(self._start)
        app.task(app.tenure.watch)
        app.before_stop.append(self._stop)

        async def leadership(web: Any, _request: Any) -> Any:
            return web.json(self.leadership())

        app.page("/leadership")(leadership)

    def _measure(self) -> None:
        metrics, ticker, owner = self._app.metrics, self.ticker, self.owner
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
            lambda: owner.reigns.changes,
        )
        metrics.gauge("leader_ahead_seconds", "how long the published ticks still last", ticker.ahead_s)
        metrics.counter("ticks_published", "ticks that this worker published as leader", lambda: ticker.published)
        metrics.gauge("ticks_in_flight", "ticks held until their second, or running", lambda: owner.in_flight)
        metrics.gauge("partitions_owned", "partitions whose resources this worker serves", lambda: len(self.owned))
        metrics.counters(
            "ticks_taken",
            "ticks by what became of them",
            "verdict",
            lambda: [(v.value, n) for v, n in owner.verdicts.items()],
        )

    def leadership(self) -> dict[str, Any]:
        """Return this worker's own terms, and who has led before it or beside it, with times and epochs."""
        return {
            "stage": self._app.stage.name,
            "worker": self._app.worker_name,
            "leads": self.ticker.term is not None,
            "terms": [asdict(term) for term in self.ticker.terms],
            "reigns": [asdict(reign) for reign in self.owner.reigns.seen],
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
        self._leading = run_in_background(self._app, self.ticker.lead(term), name="leader")

    def _deposed(self, _term: Term) -> None:
        if self._leading is not None:
            self._leading.cancel()
            self._leading = None

    async def _revoked(self, _app: Any, revoked: set[Any], **_: Any) -> None:
        log.info("partitions revoked topic=%s partitions=%s", self._topic, sorted(partitions_of(revoked, self._topic)))
        await self.owner.wind_up(WIND_UP_S)

    async def _assigned(self, _app: Any, assigned: set[Any], **_: Any) -> None:
        now_owned = partitions_of(assigned, self._topic)
        held = self._app.tenure.assigned()
        left = self.owned - now_owned if held else self.owned | now_owned
        self.owner.left(left)
        self._app.offsets.forget([TP(self._topic, partition) for partition in left])
        self.owned = now_owned
        self.owner.go_on()
        log.info("partitions assigned topic=%s partitions=%s", self._topic, sorted(now_owned))
