"""The demo's processes: each has its own session and log, and none is left behind."""

import signal
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

from streams.playground.services import process
from streams.playground.services.process import Born

STOP_TIMEOUT_S: Final = 10.0
KILL_TIMEOUT_S: Final = 5.0
TAIL_LINES: Final = 25
_POLL_S: Final = 0.05
_CHATTER: Final = "[INFO]"


class Child(NamedTuple):
    name: str
    born: Born
    log: Path

    @property
    def running(self) -> bool:
        return process.alive(self.born)


class ChildEnded(Exception):
    """A process ended unexpectedly; the text holds the end of its log."""

    def __init__(self, child: Child) -> None:
        tail = "".join(f"\n  | {line}" for line in last_lines(child.log))
        super().__init__(f"{child.name} has ended; the end of {child.log}:{tail}")


class Children:
    """Processes by name. A file says which ones run, so that the next start ends what a killed demo left."""

    def __init__(self, folder: Path, environment: Mapping[str, str], cwd: Path) -> None:
        self._folder = folder
        self._environment = environment
        self._cwd = cwd
        self._record = folder / "processes"
        self._children: list[Child] = []

    def end_leftovers(self) -> list[str]:
        """End the processes of an earlier demo, and return their names."""
        try:
            lines = self._record.read_text().splitlines()
        except FileNotFoundError:
            return []
        left = []
        for line in lines:
            name, pid, birth = line.split("\t")
            child = Child(name, Born(int(pid), birth), self._folder / f"{name}.log")
            if birth and child.running:
                left.append(child)
        _end(left)
        self._record.unlink()
        return [child.name for child in left]

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str] | None = None) -> Child:
        """Start a process; its output goes to `<name>.log`."""
        self._folder.mkdir(parents=True, exist_ok=True)
        log = self._folder / f"{name}.log"
        log.unlink(missing_ok=True)
        more = {**self._environment, **(environment or {})}
        child = Child(name, process.start(list(command), log=log, cwd=self._cwd, environment=more), log)
        self._children.append(child)
        self._record.write_text("".join(f"{c.name}\t{c.born.pid}\t{c.born.birth}\n" for c in self._children))
        return child

    def forget(self, name: str) -> None:
        """Stop watching a process that was ended deliberately."""
        self._children = [child for child in self._children if child.name != name]

    def running(self) -> Mapping[str, int]:
        """Return the process ids by name."""
        return {child.name: child.born.pid for child in self._children if child.running}

    def check(self) -> None:
        """Raises ChildEnded for a process that has ended."""
        for child in self._children:
            if not child.running:
                raise ChildEnded(child)

    def stop(self) -> list[str]:
        """Ask all processes to end, kill them after 10 s, and return the names of those killed."""
        stubborn = _end(self._children)
        self._children = []
        self._record.unlink(missing_ok=True)
        return stubborn


def _end(children: Sequence[Child]) -> list[str]:
    for child in children:
        process.send(child.born, signal.SIGTERM)
    deadline = time.monotonic() + STOP_TIMEOUT_S
    with ThreadPoolExecutor(max(1, len(children))) as pool:
        gone = pool.map(lambda child: process.gone_within(child.born, deadline - time.monotonic()), children)
    stubborn = [child for child, went in zip(children, gone, strict=True) if not went]
    for child in stubborn:
        process.send(child.born, signal.SIGKILL)
        process.gone_within(child.born, KILL_TIMEOUT_S)
    return [child.name for child in stubborn]


def wait_for_line(child: Child, words: str, timeout_s: float) -> str:
    """Return the first line of the child's log that contains these words. Raises ChildEnded, TimeoutError."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        for line in child.log.read_text(errors="replace").splitlines():
            if words in line:
                return line
        if not child.running:
            raise ChildEnded(child)
        time.sleep(_POLL_S)
    raise TimeoutError(f"{child.name} did not say {words!r} within {timeout_s:.0f} s; see {child.log}")


def last_lines(log: Path, count: int = TAIL_LINES) -> list[str]:
    """Return the end of a log, without a worker's long shutdown messages."""
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        return []
    return ([line for line in lines if _CHATTER not in line] or lines)[-count:]
