"""A whole pipeline to break: simulated devices, five stages, several polling workers, and a way to look at it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import redis
from confluent_kafka import KafkaException, Producer

from streams.pipeline import STAGES as ALL_STAGES
from streams.playground.check import verdict
from streams.playground.check.topics import Topics
from streams.playground.check.watching import Truth, Watching
from streams.playground.demo import layout
from streams.playground.demo.children import Child, Children, wait_for_line
from streams.playground.services import Stack, process
from tests.chaos.code import OURS, ROOT, Code
from tests.chaos.follower import Follower, Tick
from tests.udp_port import free_udp_port

#: what every pipeline has; sinks are for those that configure one
STAGES: Final = tuple(stage for stage in ALL_STAGES if not stage.for_each)
_JUDGED: Final = ("gauges", "poll-status")
DEVICES: Final = 14
INTERFACES: Final = 12
INTERVAL_S: Final = 5
PUBLISH_AHEAD_S: Final = 5
#: of the broker's group and of ZooKeeper: a dead worker is noticed after this
SESSION_TIMEOUT_S: Final = 6
REQUEST_TIMEOUT_S: Final = 5
#: how long after a slot's interval its status must be there: a dead owner is noticed, partitions move, tables recover
SETTLE_S: Final = 20

SETTINGS: Final = f"""\

[kafka]
partitions = 6
session_timeout_s = {SESSION_TIMEOUT_S}
heartbeat_interval_s = 2
request_timeout_s = {REQUEST_TIMEOUT_S}

[zookeeper]
session_timeout_s = {SESSION_TIMEOUT_S}

[scheduling]
publish_ahead_s = {PUBLISH_AHEAD_S}

[snmp]
timeout_s = 1
retries = 1
"""


@contextlib.contextmanager
def stopped_at_the_end(pipeline: "Pipeline") -> Iterator["Pipeline"]:
    """Stop a pipeline when the block is over, and see that everything does."""
    try:
        yield pipeline
    finally:
        stubborn = pipeline.stop()
    assert stubborn == [], "every process stops within 10 s of SIGTERM"


class Pipeline:
    """One pipeline with topics of its own on the stack."""

    def __init__(
        self, stack: Stack, folder: Path, *, settings: str = SETTINGS, interval_s: int = INTERVAL_S, code: Code = OURS
    ) -> None:
        """`code` is what is run; workers that are added later may run another."""
        self.stack = stack
        self.prefix = f"chaos-{uuid.uuid4().hex[:8]}"
        services = stack.environment()
        self.kafka, registry = services["PANOPTES_KAFKA_BOOTSTRAP_SERVERS"], services["PANOPTES_REGISTRY_URL"]
        self.follower = Follower(self.kafka, registry, self.prefix)
        self._topics = self.reader(*_JUDGED)
        self._watching: Watching | None = None
        self.died_s = 0.0  #: when the latest worker died, also if it only seemed so to the others; Unix seconds
        self._problems = 0  #: of the gauges, those that have been told
        self._folder = folder
        self.code = code
        self._settings = settings
        self._interval_s = interval_s
        self._configuration = folder / "panoptes.ini"
        self._environment = {**services, "PANOPTES_CONFIG": str(self._configuration)}
        self._children = Children(folder / "logs", self._environment, ROOT)
        self._started = 0
        self.workers: dict[str, list[Child]] = {stage.name: [] for stage in STAGES}

    def prepare(self) -> None:
        """Start the devices, write the settings, store the secrets, create the topics."""
        port = str(free_udp_port())
        sizes = ("--devices", str(DEVICES), "--interfaces", str(INTERFACES))
        self._simulators = simulators = self._children.start(
            "simulators", (sys.executable, "-m", "streams.playground.simulators", *sizes, "--port", port)
        )
        self._truth = Truth(f"http://127.0.0.1:{wait_for_line(simulators, 'ready ', 60).rpartition('=')[2]}")
        fleet = self._truth.fleet()
        self._devices = devices = self._folder / "devices.json"
        devices.write_text(layout.device_list(fleet, None))
        written = layout.configuration(
            state=self._folder / "state", devices=devices, interval_s=self._interval_s, prefix=self.prefix
        )
        self._configuration.write_text(self.code.configuration(written) + self._settings)
        with contextlib.closing(redis.Redis.from_url(self.stack.service("redis").address)) as client:
            for key, value in layout.secrets(fleet).items():
                client.set(key, value)
        self.panoptes("topics", "create")

    def start(self, polling_workers: int = 2, others: int = 1) -> None:
        """Start the workers of polling and of each other stage, and wait until every device's jobs are polled."""
        self.prepare()
        for stage in STAGES:
            for _ in range(polling_workers if stage.name == "polling" else others):
                self.add_worker(stage.name)
        self.follower.start(60)
        self.follower.until("every device is polled", self._all_polled, 90)
        self.follower.until("all workers poll", lambda: len(self._pollers()) == polling_workers, 60)

    def _all_polled(self) -> bool:
        self._children.check()
        return len(self.follower.polled_since(0)) == DEVICES

    def _pollers(self) -> set[str]:
        recent = time.time() - 2 * self._interval_s
        return {status.worker for status in self.follower.statuses if status.slot > recent}

    def stop(self) -> list[str]:
        """End everything, and return who had to be killed."""
        for workers in self.workers.values():
            for worker in workers:
                process.send(worker.born, signal.SIGCONT)
        self.follower.stop()
        self._topics.close()
        return self._children.stop()

    def add_worker(self, stage: str, **settings: str) -> Child:
        """Start one more worker; `settings` are environment variables that only it has."""
        self._started += 1
        name = f"{stage}-{self._started}"
        own = (f"{variable}={value}" for variable, value in settings.items())
        root, python, _ = self.code
        child = self._children.start(name, ("env", "-C", str(root), *own, *layout.stage_command(python, stage)))
        self.workers.setdefault(stage, []).append(child)
        return child

    def relabel(self, revision: int) -> None:
        """Give every device another label, which discovery, resources and enrichment hand on."""
        entries = json.loads(self._devices.read_text())
        for entry in entries:
            entry["labels"]["revision"] = str(revision)
        self._devices.write_text(json.dumps(entries))

    def reader(self, *topics: str) -> Topics:
        """Return a reader of topics, from the beginning on."""
        return Topics(self.kafka, self.stack.environment()["PANOPTES_REGISTRY_URL"], self.prefix, topics)

    def is_ready(self, worker: Child) -> bool:
        """Return whether a worker says that all of its partitions flow."""
        try:
            return httpx.get(f"{self._web(worker)}/ready", timeout=10).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def owned(self, stage: str) -> float:
        """Return how many partitions the workers of a stage have, all together, as their metrics say."""
        return sum(map(self.owned_by, self.workers[stage]))

    def owned_by(self, worker: Child) -> float:
        return self._metric(worker, "panoptes_partitions_owned")

    def fenced_off(self) -> float:
        """Return how many ticks the polling workers have refused for their epoch, as their metrics say."""
        return sum(
            self._metric(w, 'panoptes_ticks_taken_total{stage="polling",verdict="lower_epoch"}')
            for w in self.workers["polling"]
        )

    def _metric(self, worker: Child, name: str) -> float:
        lines = httpx.get(f"{self._web(worker)}/metrics", timeout=10).text.splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(name)), 0.0)

    def _web(self, worker: Child) -> str:
        return wait_for_line(worker, "web server at=", 60).rpartition("at=")[2].split()[0].rstrip("/")

    def publish_again(self, tick: Tick) -> None:
        """Put a tick at the end of its partition, as one that a paused leader had on its way."""
        producer = Producer({"bootstrap.servers": self.kafka})
        producer.produce(f"{self.prefix}.ticks.polling", tick.raw, str(tick.partition), tick.partition)
        assert producer.flush(20) == 0

    def ready(self, worker: Child) -> None:
        """Wait until a worker has its partitions."""
        wait_for_line(worker, "Worker ready", 60)

    def kill(self, worker: Child) -> None:
        """End a worker as a power cut would."""
        self.died_s = time.time()
        process.send(worker.born, signal.SIGKILL)
        assert process.gone_within(worker.born, 10)
        self._forget(worker)

    def end(self, *workers: Child, within_s: float = 10) -> None:
        """Ask workers to end, and see that they do."""
        for worker in workers:
            process.send(worker.born, signal.SIGTERM)
        for worker in workers:
            assert process.gone_within(worker.born, within_s), f"{worker.name} does not stop within {within_s:.0f} s"
            self._forget(worker)

    def freeze(self, worker: Child) -> None:
        self.died_s = time.time()
        process.send(worker.born, signal.SIGSTOP)

    @contextlib.contextmanager
    def devices_hang(self) -> Iterator[None]:
        """Let no device answer meanwhile: every poll that begins is under way until its retries are over."""
        process.send(self._simulators.born, signal.SIGSTOP)
        try:
            yield
        finally:
            process.send(self._simulators.born, signal.SIGCONT)

    def thaw(self, worker: Child) -> None:
        process.send(worker.born, signal.SIGCONT)

    def _forget(self, worker: Child) -> None:
        for workers in self.workers.values():
            if worker in workers:
                workers.remove(worker)

    def leader(self) -> Child:
        """Return the polling worker that leads."""
        pid = self.follower.leader_pid()
        return next(worker for worker in self.workers["polling"] if worker.born.pid == pid)

    def panoptes(self, *arguments: str, accept: tuple[int, ...] = (0,)) -> str:
        """Run the command and return what it says. Raises AssertionError where its exit status is another."""
        command = [self.code.python, "-c", "from streams.cli import main; main()", *arguments]
        ended = subprocess.run(  # noqa: S603
            command, cwd=self.code.root, env={**os.environ, **self._environment}, capture_output=True, text=True,
            check=False, timeout=120,
        )  # fmt: skip
        assert ended.returncode in accept, f"{arguments}: exit {ended.returncode}\n{ended.stdout}\n{ended.stderr}"
        return ended.stdout

    def audit(self, since_s: float, until_s: float) -> dict[str, Any]:
        """Wait until every slot of the window must be accounted for, and return what `panoptes slots audit` finds."""
        time.sleep(max(0.0, until_s + self._interval_s + SETTLE_S + 1 - time.time()))
        found: dict[str, Any] = json.loads(
            self.panoptes(
                "slots", "audit", "--json", "--settle", str(SETTLE_S),
                "--since", str(int(since_s)), "--until", str(int(until_s)), accept=(0, 1),
            )
        )  # fmt: skip
        return found

    def judge_gauges(self, until_s: float, within_s: float = 60) -> tuple[int, list[str]]:
        """Compare the gauges since the last time with the truth; return how many rates were right, and what was wrong.

        Every row of every good poll up to `until_s` must have its gauge.
        """
        if self._watching is None:
            assert self._topics.open(time.monotonic() + within_s)
            self._watching = Watching(self._topics, self._truth, disturbed=True)
        watching = self._watching
        right, deadline = watching.judge.agreed, time.monotonic() + within_s
        while True:
            with contextlib.suppress(KafkaException):  # of a broker that has been away
                watching.take()
            lacking = verdict.unfinished(watching.judge, until_s + verdict.SETTLED_S)
            if not lacking and self._good_polls(until_s) <= watching.judge.polled.keys():
                break
            assert time.monotonic() < deadline, lacking or "the gauges' reader does not get on"
        watching.settle_all()
        told, self._problems = self._problems, len(watching.judge.problems)
        return watching.judge.agreed - right, watching.judge.problems[told:]

    def _good_polls(self, until_s: float) -> set[tuple[str, int]]:
        epoch_s = self._truth.fleet()["epoch_s"]
        return {
            (s.resource, s.slot)
            for s in self.follower.statuses
            if s.outcome == "SUCCESS" and epoch_s <= s.slot < until_s
        }

    def recovered(self, within_s: float = 90) -> float:
        """Wait until every device is polled in a slot from now on, and return the moment, Unix seconds."""
        now, all_again = time.time(), "every device is polled again"
        self.follower.until(all_again, lambda: len(self.follower.polled_since(now)) == DEVICES, within_s)
        return time.time()
