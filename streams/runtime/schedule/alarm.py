"""Waits for wall-clock times with one timer, which checks the clock every second because it may be set."""

import asyncio
from collections.abc import Callable


class Alarm:
    """Wakes any number of tasks at their times with a single timer."""

    def __init__(self, now_s: Callable[[], float], look_every_s: float = 1.0) -> None:
        self._now_s = now_s
        self._look_every_s = look_every_s
        self._waiting: dict[float, list[asyncio.Future[None]]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._looks_at_s = 0.0  #: by the loop's clock

    async def until(self, at_s: float) -> None:
        """Return at this time, Unix seconds, or later."""
        if self._now_s() >= at_s:
            return
        ring = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(at_s, []).append(ring)
        self._set()
        await ring

    def _set(self) -> None:
        loop = asyncio.get_running_loop()
        looks_at_s = loop.time() + min(max(0.0, min(self._waiting) - self._now_s()), self._look_every_s)
        if self._timer is not None and self._looks_at_s <= looks_at_s:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._looks_at_s = looks_at_s
        self._timer = loop.call_at(looks_at_s, self._look)

    def _look(self) -> None:
        self._timer = None
        now = self._now_s()
        for at_s in [at_s for at_s in self._waiting if at_s <= now]:
            for ring in self._waiting.pop(at_s):
                if not ring.done():  # or cancelled
                    ring.set_result(None)
        if self._waiting:
            self._set()
