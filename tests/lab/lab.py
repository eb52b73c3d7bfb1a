"""One lab: up, down, and how it is. Whatever happens on the way up, nothing is left behind."""

import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Executor, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any, Final

from tests.lab.needs import why_not
from tests.lab.reading import Reading
from tests.lab.spec import COLLECTOR, Node, Spec, SpecProblem, parse
from tests.lab.testbed import daemons, ready, system, wiring
from tests.lab.testbed.place import Place
from tests.lab.testbed.system import Interrupted, LabProblem

SPECS: Final = Path(__file__).parent / "specs"
#: most of the start is waiting for daemons
THREADS: Final = 8
CONVERGE_S: Final = 90.0
LOCK_TIMEOUT_S: Final = 60.0
#: net-snmp's own: how old its counters may be
CACHE_S: Final = 3


def read_spec(name: str) -> str:
    """Return the text of a spec of ours by name, or of a file. Raises SpecProblem."""
    ours = SPECS / f"{name}.yaml"
    path = ours if ours.exists() else Path(name)
    try:
        return path.read_text()
    except OSError as problem:
        known = ", ".join(sorted(path.stem for path in SPECS.glob("*.yaml")))
        raise SpecProblem(f"no spec {name!r}: there are {known}, or the path of a file") from problem


class AlreadyUp(LabProblem):
    """There is a lab of that name, or what a crash left of one."""


class Lab:
    """A lab that is up."""

    def __init__(self, place: Place) -> None:
        """Raises LabProblem when there is none of that name."""
        try:
            self.spec: Final[Spec] = parse(place.spec.read_text())
            self.cache_s: Final[int] = json.loads(place.settings.read_text())["cache_s"]
        except OSError as problem:
            raise LabProblem(f"lab {place.name!r} is down: `python -m tests.lab up --name {place.name}`") from problem
        self.place: Final = place
        self.truth: Final = Reading(place)

    def namespace(self, node: str) -> str:
        """Return the namespace of a node or of the collector. Raises SpecProblem."""
        return self.place.namespace(node if node == COLLECTOR else self.spec.node(node).name)

    def run(self, node: str, *command: str) -> str:
        """Return what a command prints in a node's namespace. Raises LabProblem, SpecProblem."""
        return system.run(*system.within(self.namespace(node), *command))

    def pid(self, node: str, daemon: str) -> int | None:
        """Return the process id of a node's daemon, if it runs."""
        pid = system.pid_of(self.place.pid(node, daemon))
        return pid if pid in system.processes([self.namespace(node)]) else None

    def status(self) -> Iterator[str]:
        """Yield a line for each node: its address, daemons, what it knows of its neighbours."""
        yield f"{'node':<12} {'address':<12} {'agent':<10} {'daemons':<30} what it shows of its neighbours"
        for node in self.spec.nodes.values():
            files = sorted(self.place.of(node.name).glob("*.pid"))
            # in brackets: it has run
            running = [file.stem if self.pid(node.name, file.stem) else f"({file.stem})" for file in files]
            shown = "  ".join(f"{what} {there}/{of}" for what, there, of in ready.counts(self.place, self.spec, node))
            yield f"{node.name:<12} {node.management!s:<12} {node.agent:<10} {' '.join(running):<30} {shown}"


def up(place: Place, text: str, *, cache_s: int = CACHE_S, stop: Event, say: Callable[[str], None]) -> Lab:
    """Build the lab of a spec, and return it once every node knows its neighbours.

    `cache_s`: how old an agent's counters may be. Raises SpecProblem, LabProblem, Interrupted; nothing is left then,
    but a lab that failed leaves its folder, with the logs, beside its place.
    """
    if (lacking := why_not()) is not None:
        raise LabProblem(lacking)
    spec, began_s = parse(text), time.monotonic()
    with _alone(place):
        if place.folder.exists() or system.namespaces(place.prefix):
            raise AlreadyUp(f"lab {place.name!r} is up, or was left so: `python -m tests.lab down --name {place.name}`")
        try:
            place.folder.mkdir(mode=0o755)
            place.spec.write_text(text)
            place.settings.write_text(json.dumps({"cache_s": cache_s}))
            with _pool(stop) as pool:
                _start(place, spec, cache_s, pool, stop)
                say(f"lab: daemons started after {time.monotonic() - began_s:.1f} s")
                _converge(place, spec, pool, stop)
            say(f"lab: converged after {time.monotonic() - began_s:.1f} s")
        except BaseException as problem:
            if isinstance(problem, LabProblem) and not stop.is_set():
                shutil.rmtree(place.kept, ignore_errors=True)
                shutil.copytree(place.folder, place.kept, ignore=_no_sockets)
                say(f"lab: failed; its folder is kept as {place.kept}")
            _clear(place)
            raise
    return Lab(place)


def down(place: Place) -> None:
    """End everything of that lab, whatever state it is in: it goes by the namespaces. Raises LabProblem."""
    spaces = system.namespaces(place.prefix)
    if os.getpid() in system.processes(spaces):
        raise LabProblem("take the lab down from outside of it")
    with _alone(place):
        _clear(place)


def _clear(place: Place) -> None:
    spaces = system.namespaces(place.prefix)
    system.end_all(spaces)
    if spaces:
        system.ip_batch(f"netns delete {space}" for space in spaces)
    shutil.rmtree(place.folder, ignore_errors=True)


def _start(place: Place, spec: Spec, cache_s: int, pool: Executor, stop: Event) -> None:
    (place.of(COLLECTOR) / "log").mkdir(parents=True)
    wiring.wire(place, spec, pool)

    def node(node: Node) -> None:
        daemons.prepare(place, spec, node)
        daemons.start_all(place, node, cache_s, stop)

    _each(pool, node, spec.nodes.values())


def _each(pool: Executor, work: Callable[[Node], Any], nodes: Iterable[Node]) -> None:
    """Do it for all nodes; the first failure is raised, without waiting for what has not begun."""
    done, _ = wait([pool.submit(work, node) for node in nodes], return_when=FIRST_EXCEPTION)
    for future in done:
        future.result()


def _converge(place: Place, spec: Spec, pool: Executor, stop: Event) -> None:
    """Return once every node knows its neighbours. Raises LabProblem, Interrupted."""
    waiting = list(spec.nodes.values())
    deadline = time.monotonic() + CONVERGE_S
    while waiting:
        found = list(pool.map(lambda node: ready.missing(place, spec, node), waiting))
        if stop.is_set():
            raise Interrupted
        lacking = [(node, what) for node, what in zip(waiting, found, strict=True) if what is not None]
        if lacking and time.monotonic() > deadline:
            raise LabProblem(f"not converged within {CONVERGE_S:.0f} s: {', '.join(what for _, what in lacking)}")
        waiting = [node for node, _ in lacking]
        stop.wait(0.3 if waiting else 0)


@contextmanager
def _pool(stop: Event) -> Iterator[Executor]:
    """Give threads that have all ended afterwards, soon when something failed."""
    with ThreadPoolExecutor(THREADS) as pool:
        try:
            yield pool
        except BaseException:
            stop_before = stop.is_set()
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            if not stop_before:
                stop.clear()
            raise


@contextmanager
def _alone(place: Place) -> Iterator[None]:
    """Keep a second `up` or `down` of the same lab waiting. Raises LabProblem when it takes too long."""
    deadline = time.monotonic() + LOCK_TIMEOUT_S
    while True:
        with place.lock.open("w") as lock:
            if _locked(lock.fileno(), place.lock):
                try:
                    yield
                finally:
                    place.lock.unlink(missing_ok=True)
                return
        if time.monotonic() > deadline:
            raise LabProblem(f"somebody else works on lab {place.name!r}")
        time.sleep(0.1)


def _locked(descriptor: int, path: Path) -> bool:
    """Return whether we have the lock, and the file is still the one that others would open."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.fstat(descriptor).st_ino == path.stat().st_ino
    except OSError:
        return False


def _no_sockets(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if (path := Path(folder) / name).is_socket() or path.is_fifo()]
