"""Time that passes only when it is told to, and an event loop of each process that lives by it."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from unittest import mock

T0_S: Final = 1_700_000_000.0
#: turns of one event loop without any time passing: more are a loop without end
_MOST_TURNS: Final = 20_000


class Clock:
    """The time of everything in the model: Unix seconds, also where a monotonic clock is asked for."""

    def __init__(self) -> None:
        self.now_s = T0_S

    @contextmanager
    def everywhere(self) -> Iterator[None]:
        """Have the modules under test read this clock."""
        times: dict[str, Any] = {
            "time": lambda: self.now_s,
            "monotonic": lambda: self.now_s,
            "time_ns": lambda: int(self.now_s * 1e9),
        }
        with mock.patch.multiple(time, **times):
            yield


class _NoSockets:
    def select(self, _timeout: float | None) -> list[Any]:
        return []


class ProcessLoop(asyncio.BaseEventLoop):
    """The event loop of one process: it turns when it is told to, and so a process can be frozen, or die."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock: Final = clock
        self._selector = _NoSockets()
        self._ready: Any  #: of asyncio's own loop: handles that are to be called
        self._scheduled: list[asyncio.TimerHandle]
        self._clock_resolution = 1e-6  # what a float of today's seconds can tell apart
        self.is_dead = False
        self.faults: list[dict[str, Any]] = []
        self.set_exception_handler(lambda _loop, context: self.faults.append(context))

    def time(self) -> float:
        return self._clock.now_s

    def _process_events(self, _events: Any) -> None:
        """Do nothing: there are no sockets."""

    def _write_to_self(self) -> None:
        """Do nothing, likewise."""

    def next_s(self) -> float:
        """Return when there is something to do: now, at a later time, or never."""
        if self._ready:
            return self._clock.now_s
        return min((handle.when() for handle in self._scheduled if not handle.cancelled()), default=float("inf"))

    def run_due(self) -> bool:
        """Do what is due now, until nothing is; return whether there was anything."""
        turns = 0
        while self.next_s() <= self._clock.now_s:
            self.call_soon(self.stop)
            self.run_forever()
            turns += 1
            assert turns < _MOST_TURNS, f"a loop without end: {asyncio.all_tasks(self)}"
        return turns > 0

    def bury(self) -> None:
        """Take everything out of a process that is over, without letting any of it have an effect."""
        if self.is_closed():
            return
        for _ in range(20):
            tasks = asyncio.all_tasks(self)
            if not tasks:
                break
            for task in tasks:
                task.cancel()
            self.call_soon(self.stop)
            self.run_forever()
        self.close()
