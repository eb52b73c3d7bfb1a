"""Watches a worker's progress and gives its `/health` and `/metrics` views.

A worker that makes no progress ends itself with a clear last line, so that its supervisor starts a new one. The watch
is a thread of its own: a blocked event loop could not end itself.
"""

import asyncio
import logging
import os
import threading
import time
from typing import Any, Final

from streams.runtime.faust.app import StageApp
from streams.runtime.ops.health import Health, Observed, Progress, judge
from streams.runtime.ops.metrics import CONTENT_TYPE
from streams.runtime.ops.waiting import WAITS

log = logging.getLogger(__name__)

_BEAT_S: Final = 1.0
EXIT_NO_PROGRESS: Final = 70  # EX_SOFTWARE


class Watch:
    """One per worker."""

    def __init__(self, app: StageApp) -> None:
        self._app = app
        self._loop_seen_s = time.monotonic()
        self._progress = Progress()
        self._settings = app.settings.scheduling
        app.at_once.append(self._start)
        self._add_views()

    async def _start(self) -> None:
        """Give the views, and watch, also while services are waited for: who asks must see a worker that lives."""
        self._look()
        await self._app.web.maybe_start()
        log.info("web server at=%s", self._app.web.url)
        self._app.add_future(self._beat())
        threading.Thread(target=self._guard, name="watch", daemon=True).start()

    async def _beat(self) -> None:
        while not self._app.should_stop:
            self._look()
            await asyncio.sleep(_BEAT_S)

    def _look(self) -> None:
        self._loop_seen_s = time.monotonic()
        offsets = self._app.offsets
        self._progress = self._progress.seen(
            {tp: offsets.committable(tp) for tp in offsets.partitions() if offsets.in_flight(tp)}, self._loop_seen_s
        )

    def health(self) -> Health:
        """Return the worker's health now."""
        app = self._app
        seen = Observed(
            now_s=time.monotonic(),
            loop_seen_s=self._loop_seen_s,
            standing=self._progress.longest_standing(),
            waited_s=WAITS.seen_s,
            assigned=bool(app.assigned),
            recovered=app.is_recovered(),
        )
        return judge(
            seen,
            progress_timeout_s=max(self._settings.progress_timeout_s, app.longest_work_s),
            loop_timeout_s=self._settings.loop_timeout_s,
        )

    def _guard(self) -> None:
        while not self._app.should_stop:
            health = self.health()
            if not health.live and not self._app.should_stop:
                log.critical(
                    "no progress, ending this worker so that it is restarted: %s", "; ".join(health.why.values())
                )
                logging.shutdown()
                os._exit(EXIT_NO_PROGRESS)
            time.sleep(_BEAT_S)

    def _add_views(self) -> None:
        app = self._app

        async def health(web: Any, _request: Any) -> Any:
            now = self.health()
            view = {
                "stage": app.stage.name,
                "worker": app.worker_name,
                "live": now.live,
                "ready": now.ready,
                "why": now.why,
            }
            return web.json(view, status=200 if now.live else 503)

        async def ready(web: Any, _request: Any) -> Any:
            now = self.health()
            return web.json({"ready": now.ready, "why": now.why}, status=200 if now.ready else 503)  # fmt: skip

        async def metrics(web: Any, _request: Any) -> Any:
            return web.bytes(app.metrics.text(), content_type=CONTENT_TYPE.split(";")[0])

        app.page("/health")(health)
        app.page("/ready")(ready)
        app.page("/metrics")(metrics)
