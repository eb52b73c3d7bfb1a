"""Watches a worker's progress, and serves its `/health`, `/ready` and `/metrics`.

A worker that makes no progress ends itself with a clear last line, so that its supervisor starts a new one. The watch
is a thread of its own: a blocked event loop could not end itself.
"""

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from streams.runtime.kernel.worker import Page, Worker
from streams.runtime.ops.blocked import blocking
from streams.runtime.ops.compiled import running
from streams.runtime.ops.health import Health, Observed, Progress, judge
from streams.runtime.ops.waiting import WAITS

log = logging.getLogger(__name__)

_BEAT_S: Final = 1.0
#: a loop that is blocked for longer is told of, with who blocks it
_BLOCKED_S: Final = 1.0
EXIT_NO_PROGRESS: Final = 70  # EX_SOFTWARE


class Watchdog:
    """The progress watch of one worker."""

    def __init__(self, worker: Worker, *, is_recovered: Callable[[], bool], is_stopping: Callable[[], bool]) -> None:
        self._worker = worker
        self._is_recovered = is_recovered
        self._is_stopping = is_stopping
        self._loop_seen_s = time.monotonic()
        self._progress = Progress()
        self._settings = worker.context.settings.scheduling
        self._beating: asyncio.Task[None] | None = None
        self._loop_thread = threading.get_ident()
        self._blocked_by = ""  #: who blocks the loop now
        self.blocked_s = 0.0  #: how long the loop was blocked, all times together
        worker.context.metrics.counter(
            "loop_blocked_seconds",
            "time for which a plugin or our own code blocked the event loop",
            lambda: self.blocked_s,
        )

    async def begin(self) -> None:
        """Start to watch, also while services are waited for: health checks must see a live worker."""
        self._look()
        self._loop_thread = threading.get_ident()
        self._beating = asyncio.create_task(self._beat(), name="watch")
        threading.Thread(target=self._guard, name="watch", daemon=True).start()

    async def _beat(self) -> None:
        while not self._is_stopping():
            self._look()
            await asyncio.sleep(_BEAT_S)

    def _look(self) -> None:
        now_s = time.monotonic()
        if self._blocked_by:
            blocked_s = now_s - self._loop_seen_s - _BEAT_S
            self.blocked_s += blocked_s
            log.warning("the event loop was blocked for_s=%.1f by=%s", blocked_s, self._blocked_by)
            self._blocked_by = ""
        self._loop_seen_s = now_s
        offsets = self._worker.offsets
        self._progress = self._progress.seen(
            {place: offsets.committable(place) for place in offsets.places() if offsets.in_flight(place)},
            self._loop_seen_s,
        )

    def health(self) -> Health:
        """Return the worker's health now."""
        lifecycle, views = self._worker.lifecycle, self._worker.followed
        owns_none = not self._worker.inputs  # it only has views: there is nothing to be assigned, and no table
        seen = Observed(
            now_s=time.monotonic(),
            loop_seen_s=self._loop_seen_s,
            standing=self._progress.longest_standing(),
            waited_s=WAITS.seen_s,
            assigned=owns_none or bool(lifecycle.owned),
            recovered=owns_none or self._is_recovered(),
            unread=[str(topic) for topic, view in views.items() if not view.is_caught_up],
            waiting=lifecycle.waiting(),
            stuck=dict(lifecycle.stuck),
        )
        return judge(
            seen,
            progress_timeout_s=max(self._settings.progress_timeout_s, self._worker.longest_work_s),
            loop_timeout_s=self._settings.loop_timeout_s,
        )

    def _guard(self) -> None:
        while not self._is_stopping():
            if time.monotonic() - self._loop_seen_s > _BEAT_S + _BLOCKED_S:
                self._blocked_by = blocking(self._loop_thread)
            health = self.health()
            if not health.live and not self._is_stopping():
                why = "; ".join(health.why.values())
                by = f", by {self._blocked_by}" if "loop" in health.why else ""
                log.critical("no progress, ending this worker so that it is restarted: %s%s", why, by)
                logging.shutdown()
                os._exit(EXIT_NO_PROGRESS)
            time.sleep(_BEAT_S)

    def pages(self) -> Mapping[str, Page]:
        """Return the pages by path."""
        return {"/health": self._show_health, "/ready": self._show_ready, "/metrics": self._show_metrics}

    def _show_health(self) -> tuple[int, bytes | Mapping[str, object]]:
        now, context = self.health(), self._worker.context
        view = {"stage": context.stage.name, "worker": context.worker, "live": now.live, "ready": now.ready}
        return (200 if now.live else 503), {**view, "why": now.why, "code": str(running())}

    def _show_ready(self) -> tuple[int, bytes | Mapping[str, object]]:
        now = self.health()
        return (200 if now.ready else 503), {"ready": now.ready, "why": now.why}

    def _show_metrics(self) -> tuple[int, bytes | Mapping[str, object]]:
        return 200, self._worker.context.metrics.text()
