"""Commands, processes and namespaces of this machine: the only file that runs programs."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from threading import Event
from typing import Final

#: administrators' programs are not on every PATH
PATH: Final = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
NAMESPACES: Final = Path("/run/netns")
COMMAND_TIMEOUT_S: Final = 30.0
TERM_TIMEOUT_S: Final = 3.0
_POLL_S: Final = 0.1
#: writes its own process id, then becomes the command
_NAMED: Final = 'echo $$ >"$0" && exec "$@"'


class LabProblem(Exception):
    """Something of the lab does not work; the text is for people."""


class Interrupted(Exception):
    """Somebody wants this to end."""


def run(*command: str, text: str | None = None, timeout_s: float = COMMAND_TIMEOUT_S) -> str:
    """Return what a command prints. Raises LabProblem when it fails."""
    try:
        # A session of its own: a Ctrl-C reaches us alone, and we decide what becomes of the command.
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, check=False, timeout=timeout_s, start_new_session=True,
            env={**os.environ, "PATH": PATH},
        )  # fmt: skip
    except subprocess.TimeoutExpired as problem:
        raise LabProblem(f"{' '.join(command)}: no end after {timeout_s:.0f} s") from problem
    except OSError as problem:
        raise LabProblem(f"{command[0]}: {problem.strerror}") from problem
    if done.returncode != 0:
        raise LabProblem(f"{' '.join(command)}: exit {done.returncode}: {(done.stderr or done.stdout).strip()[-500:]}")
    return done.stdout


def within(namespace: str, *command: str) -> tuple[str, ...]:
    """Return the command that runs this one in a namespace."""
    return ("ip", "netns", "exec", namespace, *command)


def ip_batch(lines: Iterable[str], namespace: str | None = None) -> None:
    """Carry out lines of `ip` commands, in a namespace where one is named. Raises LabProblem."""
    where = () if namespace is None else ("-n", namespace)
    run("ip", *where, "-batch", "-", text="".join(f"{line}\n" for line in lines))


def start(namespace: str, command: Collection[str], *, pid: Path, log: Path, environment: Mapping[str, str]) -> None:
    """Start a daemon in a namespace, away from this process and its terminal; its process id goes to a file."""
    pid.unlink(missing_ok=True)
    with log.open("ab") as out:
        subprocess.run(
            ["setsid", "--fork", "sh", "-c", _NAMED, str(pid), *within(namespace, *command)],
            stdin=subprocess.DEVNULL, stdout=out, stderr=out, check=True,
            env={**os.environ, "PATH": PATH, **environment},
        )  # fmt: skip
    wait_until(lambda: bool(pid_of(pid)), 5, f"{pid.stem} does not start")


def pid_of(file: Path) -> int | None:
    """Return the process id that a file holds."""
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None


def wait_until(condition: Callable[[], bool], timeout_s: float, problem: str, stop: Event | None = None) -> None:
    """Return once the condition holds. Raises LabProblem at the time limit, Interrupted when `stop` is set."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if stop is not None and stop.is_set():
            raise Interrupted
        if time.monotonic() > deadline:
            raise LabProblem(problem)
        time.sleep(_POLL_S)


def namespaces(prefix: str) -> list[str]:
    """Return the namespaces whose names begin so."""
    return sorted(path.name for path in NAMESPACES.glob(f"{prefix}*"))


def processes(names: Collection[str]) -> dict[int, str]:
    """Return the processes in these namespaces: process id -> namespace."""
    inodes = {}
    for name in names:
        try:
            inodes[(NAMESPACES / name).stat().st_ino] = name
        except FileNotFoundError:
            continue
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            inode = (folder / "ns" / "net").stat().st_ino
        except OSError:  # it has ended, also one that nobody has waited for yet
            continue
        if inode in inodes:
            found[int(folder.name)] = inodes[inode]
    return found


def end(namespace: str, pid: int) -> None:
    """End one process of a namespace, by force after some seconds."""
    if pid not in processes([namespace]):
        return
    _send([pid], signal.SIGTERM)
    _send([pid], signal.SIGCONT)
    if not _gone(lambda: {pid} & processes([namespace]).keys(), TERM_TIMEOUT_S):
        _send([pid], signal.SIGKILL)


def end_all(names: Collection[str]) -> None:
    """End every process in these namespaces; also one that starts while we are at it. Raises LabProblem."""
    began_s = time.monotonic()
    while left := processes(names):
        passed_s = time.monotonic() - began_s
        if passed_s > 2 * TERM_TIMEOUT_S:
            raise LabProblem(f"these processes cannot be ended: {sorted(left)}")
        _send(left, signal.SIGTERM if passed_s < TERM_TIMEOUT_S else signal.SIGKILL)
        _send(left, signal.SIGCONT)  # one that is frozen takes its TERM only when it goes on
        time.sleep(_POLL_S)


def _gone(left: Callable[[], Collection[int]], timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while left():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def _send(pids: Collection[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
