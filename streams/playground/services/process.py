"""A process that outlives its parent, identified by its pid and start time.

A pid alone may belong to somebody else by now; with the time of its start (in kernel ticks, /proc/PID/stat field 22)
it cannot.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

POLL_S = 0.02


class Born(NamedTuple):
    pid: int
    birth: str  #: kernel ticks since boot, as text; empty where there is no /proc


def start(command: list[str], *, log: Path, cwd: Path, environment: Mapping[str, str]) -> Born:
    """Start a process in a session of its own, with its output appended to the log, and return its identity."""
    with log.open("ab") as out:
        child = subprocess.Popen(  # noqa: S603 (a fixed command, no shell)
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env={**os.environ, **environment},
            start_new_session=True,
        )
    child.returncode = 0  # it is watched by pid, maybe from another process: Popen need not warn that it still runs
    return Born(child.pid, birth(child.pid))


def birth(pid: int) -> str:
    """Return a process's start time, "" when it is not there (or a zombie), or there is no /proc.

    A killed process is a zombie as soon as its first thread has ended; its sockets are closed by its last one.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ended = fields[0] in "ZX" and len(list(Path(f"/proc/{pid}/task").iterdir())) <= 1
    except OSError:
        return ""
    return "" if ended else fields[19]


def alive(who: Born) -> bool:
    """Return whether that very process still runs; an ended child is reaped on the way."""
    runs = _runs(who)
    # after the look: what was seen to have ended is then gone for everybody
    with contextlib.suppress(ChildProcessError):
        os.waitpid(who.pid, os.WNOHANG)
    return runs


def _runs(who: Born) -> bool:
    if who.birth or Path("/proc/self/stat").exists():
        return bool(who.birth) and birth(who.pid) == who.birth
    try:
        os.kill(who.pid, 0)
    except ProcessLookupError:
        return False
    return True


def send(who: Born, number: signal.Signals) -> None:
    """Send a signal, if that very process still runs."""
    if alive(who):
        with contextlib.suppress(ProcessLookupError):
            os.kill(who.pid, number)


def gone_within(who: Born, seconds: float) -> bool:
    """Wait for a process to end, and return whether it did."""
    deadline = time.monotonic() + seconds
    while alive(who):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True
