"""Runs the demo: starts everything in order, shows or checks it, and stops everything."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click
import httpx
import redis
from rich.console import Console
from rich.live import Live

from streams.pipeline import STAGES
from streams.playground.demo import layout, measure, view
from streams.playground.demo.board import Board
from streams.playground.demo.children import ChildEnded, Children, wait_for_line
from streams.playground.demo.feed import follow
from streams.playground.demo.keeper import kept
from streams.playground.services.local import Stack, StackKind
from streams.playground.services.problems import StackProblem
from streams.playground.services.recipes import RECIPES
from streams.playground.services.record import free_ports, is_free
from streams.playground.services.secured.recipes import SECURED
from streams.runtime.ops.compiled import running
from streams.runtime.settings.loading import load
from streams.runtime.settings.sections import ConsoleSettings

STORE: Final = "victoria-metrics"
#: the `panoptes` command, whether or not it is on the PATH
PANOPTES: Final = "from streams.cli import main; main()"
SNMP_PORT: Final = 1161
HOST_SNMP_PORT: Final = 1162
READY_TIMEOUT_S: Final = 30.0
WATCH_EVERY_S: Final = 0.5
LINE_EVERY_S: Final = 5.0
#: what a service says whose port is another's
TAKEN: Final = ("address already in use", "is taken by another program")


class DemoProblem(Exception):
    """The demo cannot continue; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    state: Path
    jars: Path
    devices: int
    interval_s: int
    events_every_s: float
    cut_after_s: float
    secure: bool
    check: bool
    measure: bool
    within_s: float
    at_least_s: float


class Demo:
    """One run."""

    def __init__(self, options: DemoOptions) -> None:
        self._options = options
        self._began_s = time.time()
        self._stack = self._new_stack()
        self._config = options.state / "panoptes.ini"
        self._devices = options.state / "devices.json"
        self._environment = {**self._stack.environment(), "PANOPTES_CONFIG": str(self._config)}
        self._children = Children(options.state / "logs", self._environment, options.state)
        self._truth = ""

    def _new_stack(self) -> Stack:
        """Return a stack with empty services, on the usual ports where they are free. Raises DemoProblem."""
        folder, jars = self._options.state / "stack", self._options.jars
        try:
            Stack(folder, jars=jars).down()
            shutil.rmtree(folder, ignore_errors=True)
            recipes, kind = (SECURED, StackKind.SECURED) if self._options.secure else (RECIPES, StackKind.PLAIN)
            usual = {name: port for recipe in recipes.values() for name, port in recipe.ports.items()}
            taken = [name for name, port in usual.items() if not is_free(port)]
            return Stack(folder, ports={**usual, **free_ports(taken)}, jars=jars, kind=kind)
        except StackProblem as problem:
            raise DemoProblem(str(problem)) from problem

    async def run(self) -> int:
        """Return the exit status. Raises DemoProblem."""
        if lacking := self._stack.missing():
            raise DemoProblem("\n".join(("the demo cannot start:", *lacking)))
        task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        stopped = False

        def stop() -> None:
            nonlocal stopped
            if not stopped and task is not None:
                stopped = True
                task.cancel()

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, stop)
        try:
            async with self._everything():
                return await (self._check() if self._options.check else self._show())
        except (ChildEnded, StackProblem, TimeoutError) as problem:
            raise DemoProblem(str(problem)) from problem
        except asyncio.CancelledError:
            if not stopped:
                raise
            return 130 if self._options.check else 0

    @contextlib.asynccontextmanager
    async def _everything(self) -> AsyncIterator[None]:
        """Have services, devices and stages running inside, and nothing afterwards."""
        for name in self._children.end_leftovers():
            click.echo(f"ended {name}, which an earlier demo had left")
        logs = self._options.state / "logs"
        with kept(logs, self._options.state / "stack"):
            try:
                await self._start()
                yield
            finally:
                click.echo("stopping…")
                for name in await asyncio.to_thread(self._children.stop):
                    click.echo(f"{name} did not stop within 10 s and was killed; see {logs}")
                await asyncio.to_thread(self._stack.down)

    async def _start(self) -> None:
        state = self._options.state
        state.mkdir(parents=True, exist_ok=True)
        click.echo(f"services (Kafka, ZooKeeper, Redis, registry) … logs in {state / 'stack' / 'logs'}")
        services = asyncio.create_task(asyncio.to_thread(self._up))
        try:
            fleet = await self._simulators()
            host = await asyncio.to_thread(self._snmpd)
        finally:
            await services  # also when stopped: what is starting cannot be stopped yet
        self._devices.write_text(layout.device_list(fleet, host))
        self._config.write_text(
            layout.configuration(
                state=state / "state", devices=self._devices, interval_s=self._options.interval_s, store=self._store_url
            )
        )
        await asyncio.to_thread(self._store, layout.secrets(fleet))
        await self._topics()
        click.echo(f"code: {running()}")
        stages = [stage for stage in STAGES if not stage.for_each or self._store_url]
        click.echo(f"pipeline: {', '.join(stage.name for stage in stages)} … logs in {state / 'logs'}")
        for stage in stages:
            login = self._stack.environment(stage.name)
            self._children.start(stage.name, layout.stage_command(sys.executable, stage.name), login)
        click.echo(
            f"store: {self._store_url}/vmui" if self._store_url else f"store: none: {self._stack.absent()[STORE]}"
        )
        self._console()
        click.echo(f"all started after {time.time() - self._began_s:.1f} s")

    def _console(self) -> None:
        """Start the console on its usual port where that is free, and say where it is."""
        port = ConsoleSettings().port
        port = port if is_free(port) else free_ports(["console"])["console"]
        where = {"PANOPTES_CONSOLE_PORT": str(port)}
        if self._store_url:
            where["PANOPTES_CONSOLE_STORE_URL"] = f"{self._store_url}/api/v1"
        self._children.start("console", (sys.executable, "-c", PANOPTES, "console"), where)
        click.echo(f"console: http://127.0.0.1:{port}/")

    @property
    def _store_url(self) -> str:
        """Return where the store is, nothing where the machine has none."""
        return "" if STORE in self._stack.absent() else self._stack.service(STORE).address

    def _up(self) -> None:
        """Start the services; once more on other ports where somebody took one meanwhile. Raises StackProblem."""
        try:
            self._stack.up()
        except StackProblem as problem:
            if not any(words in str(problem).lower() for words in TAKEN):
                raise
            self._stack = self._new_stack()
            self._environment |= self._stack.environment()
            self._stack.up()

    async def _simulators(self) -> layout.Fleet:
        """Start the simulated devices and return what they are."""
        port = _free_udp_port(SNMP_PORT)
        sizes = ("--devices", str(self._options.devices), "--events-every", str(self._options.events_every_s))
        cut = ("--cut-after", str(self._options.cut_after_s))
        command = (sys.executable, "-m", "streams.playground.simulators", *sizes, *cut, "--port", str(port))
        child = self._children.start("simulators", command)
        line = await asyncio.to_thread(wait_for_line, child, "ready ", READY_TIMEOUT_S)
        self._truth = f"http://127.0.0.1:{dict(word.split('=') for word in line.split()[1:])['truth_port']}"
        click.echo(f"devices: {self._options.devices} simulated ones on 127.0.10.x:{port}")
        async with httpx.AsyncClient(timeout=10) as http:
            fleet: layout.Fleet = (await http.get(f"{self._truth}/fleet")).json()
        return fleet

    def _snmpd(self) -> str | None:
        """Start net-snmp's agent where the machine has it, and return its endpoint."""
        program = shutil.which("snmpd", path=os.environ.get("PATH", "") + os.pathsep + "/usr/sbin")
        if program is None:
            return None
        folder = self._options.state / "snmpd"
        folder.mkdir(exist_ok=True)
        configuration = folder / "snmpd.conf"
        configuration.write_text(layout.snmpd_configuration())
        endpoint = f"127.0.0.1:{_free_udp_port(HOST_SNMP_PORT)}"
        command = (program, "-f", "-Lo", "-C", "-c", str(configuration), f"udp:{endpoint}")
        child = self._children.start("snmpd", command, {"SNMP_PERSISTENT_DIR": str(folder)})
        wait_for_line(child, "NET-SNMP version", READY_TIMEOUT_S)
        click.echo(f"and this machine's snmpd on {endpoint}")
        return endpoint

    def _store(self, secrets: dict[str, str]) -> None:
        with contextlib.closing(redis.Redis.from_url(self._environment["PANOPTES_REDIS_URL"])) as client:
            for key, value in secrets.items():
                client.set(key, value)

    async def _topics(self) -> None:
        """Create the topics as an operator would. Raises DemoProblem."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", PANOPTES, "topics", "create"),
            env={**os.environ, **self._environment},
            cwd=self._options.state,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        if process.returncode:
            raise DemoProblem(f"the topics could not be created:\n{said.decode(errors='replace')}")

    async def _show(self) -> int:
        board = Board()
        feed = asyncio.create_task(follow(board, load(self._config, {**os.environ, **self._environment})))
        console = Console()
        try:
            if console.is_terminal:
                await self._live(board, feed, console)
            else:
                await self._plain(board, feed)
        finally:
            feed.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await feed
        return 0

    async def _live(self, board: Board, feed: "asyncio.Task[None]", console: Console) -> None:
        hint = f"Ctrl-C stops everything · logs in {self._options.state / 'logs'}"
        with Live(console=console, screen=True, auto_refresh=False) as live:
            while True:
                self._still_well(feed)
                live.update(view.screen(board, time.time(), hint), refresh=True)
                await asyncio.sleep(WATCH_EVERY_S)

    async def _plain(self, board: Board, feed: "asyncio.Task[None]") -> None:
        next_line_s, said_first = 0.0, False
        while True:
            self._still_well(feed)
            if board.first_gauge_s and not said_first:
                said_first = True
                click.echo(f"first gauge after {board.first_gauge_s - self._began_s:.1f} s")
            if time.monotonic() >= next_line_s:
                next_line_s = time.monotonic() + LINE_EVERY_S
                click.echo(view.summary(board, time.time()))
            await asyncio.sleep(WATCH_EVERY_S)

    def _still_well(self, feed: "asyncio.Task[None] | None" = None) -> None:
        self._children.check()
        if feed is not None and feed.done():
            feed.result()

    async def _check(self) -> int:
        """Run the independent check as a process of its own, and return its exit status."""
        report = self._options.state / "report.json"
        report.unlink(missing_ok=True)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "streams.playground.check"),
            *("--bootstrap", self._stack.service("kafka").address),
            *("--registry", self._stack.service("apicurio").address),
            *("--truth", self._truth, "--prefix", layout.PREFIX, "--report", str(report)),
            *(("--store", self._store_url) if self._store_url else ()),
            *("--within", str(self._options.within_s), "--at-least", str(self._options.at_least_s)),
            cwd=self._options.state,
            env={**os.environ, **self._environment},
            start_new_session=True,
        )
        ended = asyncio.create_task(process.wait())
        before, before_s = measure.costs(self._pids()), time.monotonic()
        try:
            while not ended.done():
                self._still_well()
                await asyncio.wait([ended], timeout=WATCH_EVERY_S)
        finally:
            if not ended.done():
                process.terminate()
                await ended
        after, seconds = measure.costs(self._pids()), time.monotonic() - before_s
        if report.exists():
            found = json.loads(report.read_text())
            click.echo("\n".join(measure.figures(found, self._began_s, everything=self._options.measure)))
        if self._options.measure:
            click.echo("\n".join(measure.table(before, after, seconds)))
        return ended.result()

    def _pids(self) -> dict[str, int]:
        services = {name: pid for name in RECIPES if (pid := self._stack.service(name).pid) is not None}
        return {**self._children.running(), **services}


def _free_udp_port(wanted: int) -> int:
    """Return the wanted port where nobody has it on any loopback address, else a free one."""
    for port in (wanted, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            try:
                sock.bind(("0.0.0.0", port))  # noqa: S104 (to see whether any address has it; nothing is served)
            except OSError:
                continue
            found: int = sock.getsockname()[1]
            return found
    raise DemoProblem("no UDP port is free")
