"""Starts, stops, kills and restarts one service on the same ports and data."""

import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from streams.playground.services import process
from streams.playground.services.problems import StackProblem
from streams.playground.services.process import Born
from streams.playground.services.recipes import Recipe, ServicePlace
from streams.playground.services.record import is_free

START_TIMEOUT_S: Final = 90.0
STOP_TIMEOUT_S: Final = 20.0
POLL_S: Final = 0.05
TAIL_LINES: Final = 25
LOG_LIMIT_BYTES: Final = 20 * 2**20


class Service:
    """A service with its recipe, ports and folder. Calls block, and may come from any thread; one at a time."""

    def __init__(
        self, recipe: Recipe, place: ServicePlace, born: Born | None, changed: Callable[[str, Born | None], None]
    ) -> None:
        """`changed` hears of every new process (None: it has none any more), so that the record stays true."""
        self.recipe = recipe
        self.place = place
        self._born = born
        self._changed = changed
        self._given_up = threading.Event()

    @property
    def name(self) -> str:
        return self.recipe.name

    @property
    def port(self) -> int:
        return self.recipe.port(self.place)

    @property
    def address(self) -> str:
        """The address for clients: host:port, or a URL."""
        return self.recipe.address(self.place)

    @property
    def pid(self) -> int | None:
        """The process id while it runs, else None."""
        return self._born.pid if self._born is not None and process.alive(self._born) else None

    def why_not(self) -> str | None:
        """Return None when the service runs and answers, else why not."""
        return self.recipe.why_not(self.place) if self.pid is not None else "not running"

    def launch(self) -> None:
        """Start the process, without waiting for it to answer; nothing when it runs. Raises StackProblem."""
        if self.pid is not None:
            return
        self._born = None
        for name in self.recipe.ports:
            if not is_free(self.place.ports[name]):
                raise StackProblem(f"{self.name}: port {self.place.ports[name]} is taken by another program")
        self.place.data.mkdir(parents=True, exist_ok=True)
        _rotate(self.place.log)
        self.recipe.prepare(self.place)
        self._born = process.start(
            self.recipe.command(self.place),
            log=self.place.log,
            cwd=self.place.data,
            environment=self.recipe.environment(self.place),
        )
        self._changed(self.name, self._born)

    def wait(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Wait until the service answers. Raises StackProblem, with the last lines of its log."""
        deadline = time.monotonic() + timeout_s
        while (reason := self.why_not()) is not None:
            if self.pid is None:
                raise StackProblem(f"{self.name} ended while starting{self._end_of_log()}")
            if time.monotonic() > deadline:
                raise StackProblem(f"{self.name} does not answer after {timeout_s:.0f} s: {reason}{self._end_of_log()}")
            if self._given_up.wait(POLL_S):
                raise StackProblem(f"{self.name}: nobody waits for it any more")

    def give_up(self) -> None:
        """Make another thread stop waiting for this service; what was started stays."""
        self._given_up.set()

    def start(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Start the service and wait until it answers; does nothing when it does already. Raises StackProblem."""
        self._given_up.clear()
        self.launch()
        self.wait(timeout_s)

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> bool:
        """Stop the service, kill it if that fails, and return whether it ended by itself.

        Raises StackProblem when not even SIGKILL ends it.
        """
        by_itself = True
        if self._born is not None:
            self.resume()
            process.send(self._born, signal.SIGTERM)
            by_itself = process.gone_within(self._born, timeout_s)
            if not by_itself:
                self.kill()
        self._forget()
        return by_itself

    def kill(self) -> None:
        """Kill the service (SIGKILL), as a power cut would. Raises StackProblem when it stays."""
        if self._born is not None:
            process.send(self._born, signal.SIGKILL)
            if not process.gone_within(self._born, STOP_TIMEOUT_S):
                raise StackProblem(f"{self.name} (pid {self._born.pid}) cannot be ended")
        self._forget()

    def restart(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Stop and start. Raises StackProblem."""
        self.stop()
        self.start(timeout_s)

    def pause(self) -> None:
        """Freeze the process (SIGSTOP): its ports accept, but nothing answers."""
        if self._born is not None:
            process.send(self._born, signal.SIGSTOP)

    def resume(self) -> None:
        """Resume a frozen process (SIGCONT)."""
        if self._born is not None:
            process.send(self._born, signal.SIGCONT)

    def last_lines(self, count: int = TAIL_LINES) -> list[str]:
        """Return the end of the log."""
        try:
            return self.place.log.read_text(errors="replace").splitlines()[-count:]
        except OSError:
            return []

    def _forget(self) -> None:
        self._born = None
        self._changed(self.name, None)

    def _end_of_log(self) -> str:
        lines = "".join(f"\n  | {line}" for line in self.last_lines())
        return f"; the end of {self.place.log}:{lines}"


def _rotate(log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
        log.replace(log.with_suffix(".log.1"))
