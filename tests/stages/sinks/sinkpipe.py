"""Sinks to themselves on the real stack: their topics, a store that can be stopped, and what they must have brought."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import httpx
from confluent_kafka import Consumer, KafkaException, TopicPartition

from schemas.records import Gauge
from tests.contract.sinks.stores import free_port, require
from tests.stages.gauges.pipe import PARTITIONS, ROOT, Pipe
from tests.unit.sinks.gauges import HEADER, encode, gauge

SERIES: Final = "panoptes_interface_octets_in_bytes_per_second"
NUMBER: Final = "octets_in"


class Place(NamedTuple):
    device: str
    row: str
    time_ms: int


Points = dict[Place, float]


class SinkPipe(Pipe):
    """Workers of the sinks stage, by the name of their section."""

    def start(self, sink: str = "") -> "subprocess.Popen[bytes]":
        """Start a worker of one sink; its log is `worker-N.log` in the state folder."""
        self._logs += 1
        with (self.state / f"worker-{self._logs}.log").open("wb") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", "faust", "-A", "streams.sinks", "worker", "--loglevel=info"],
                cwd=ROOT,
                env={**os.environ, **self.env, "PANOPTES_SINK": sink, "PYTHONPATH": str(ROOT)},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.workers.append(worker)
        return worker

    def lag_of(self, sink: str) -> int:
        """Return how many gauges a sink has not committed; all, as long as it has no place of its own."""
        group = f"{self.env['PANOPTES_PANOPTES_TOPIC_PREFIX']}-sinks-{sink}"
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": group})
        try:
            ends = self.ends(self.gauge_topic)
            places = [TopicPartition(self.gauge_topic, partition) for partition in ends]
            return sum(ends[at.partition] - max(at.offset, 0) for at in consumer.committed(places, timeout=10))
        except KafkaException:
            return sys.maxsize
        finally:
            consumer.close()

    def has_place(self, sink: str) -> bool:
        """Return whether the sink's group has a place in every partition."""
        group = f"{self.env['PANOPTES_PANOPTES_TOPIC_PREFIX']}-sinks-{sink}"
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": group})
        try:
            places = [TopicPartition(self.gauge_topic, partition) for partition in range(PARTITIONS)]
            return all(at.offset >= 0 for at in consumer.committed(places, timeout=10))
        finally:
            consumer.close()

    def panoptes(self, *words: str, status: int = 0) -> str:
        """Return what the command says; it must end with that status."""
        done = subprocess.run(  # noqa: S603 - our own
            [sys.executable, "-c", "from streams.cli import main; main()", *words],
            cwd=ROOT,
            env={**os.environ, **self.env, "COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    def put_gauges(self, gauges: Iterable[Gauge]) -> int:
        """Store gauges in their topic; return how many."""
        records = [(one.resource.encode(), self.gauge_header + encode(one)[len(HEADER) :]) for one in gauges]
        return self.put(records, topic=self.gauge_topic)


class StoppableStore:
    """VictoriaMetrics on a port that stays its own. A context manager."""

    def __init__(self, folder: Path) -> None:
        self._program = require("victoria-metrics", "victoria-metrics")
        self._folder, self._port = folder, free_port()
        self.url: Final = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.signal(signal.SIGCONT)
        self.stop()

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._folder.mkdir(exist_ok=True)
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own
                [
                    *(self._program, f"-storageDataPath={self._folder / 'data'}"),
                    *(f"-httpListenAddr=127.0.0.1:{self._port}", "-search.latencyOffset=0s"),
                    *("-dedup.minScrapeInterval=1ms", "-memory.allowedBytes=256MB", "-retentionPeriod=100y"),
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        until = time.monotonic() + 30
        while time.monotonic() < until:
            try:
                if httpx.get(f"{self.url}/health", timeout=1, trust_env=False).is_success:
                    return
            except httpx.HTTPError:
                time.sleep(0.05)
        raise TimeoutError((self._folder / "log").read_text()[-2000:])

    def stop(self) -> None:
        """End it as its supervisor would: what it has taken is on the disk."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
            self._process = None

    def signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def now(self) -> set[str]:
        """Return the devices that have a value now, by PromQL."""
        httpx.get(f"{self.url}/internal/force_flush", timeout=30, trust_env=False)
        asked = {"query": SERIES, "nocache": "1"}
        answer = httpx.get(f"{self.url}/api/v1/query", params=asked, timeout=30, trust_env=False).raise_for_status()
        return {one["metric"]["device"] for one in answer.json()["data"]["result"]}

    def points(self) -> Points:
        """Return everything that is stored of one series' name."""
        httpx.get(f"{self.url}/internal/force_flush", timeout=30, trust_env=False)
        asked = {"match[]": SERIES, "start": "0"}
        answer = httpx.get(f"{self.url}/api/v1/export", params=asked, timeout=60, trust_env=False)
        answer.raise_for_status()
        series = [json.loads(line) for line in answer.text.splitlines()]
        return {
            Place(one["metric"]["device"], one["metric"]["row"], at_ms): value
            for one in series
            for at_ms, value in zip(one["timestamps"], one["values"], strict=True)
            if value is not None  # where a series ended there is a marker
        }


def load(first: int, slots: int, *, devices: int = 12, rows: int = 6) -> list[Gauge]:
    """Return gauges of some slots, a second apart: a number in each that no other has."""
    began_s = int(time.time()) // 3600 * 3600 - 7200
    return [
        gauge(
            resource=f"fra1|network|switch|cisco|sw{device}.fra1",
            row=f"Gi0/{row}",
            slot=began_s + slot,
            time_ms=(began_s + slot) * 1000 + row,
            gauges={NUMBER: 1e9 / 7 + slot * 1000 + device * 10 + row / 3, "errors_in": 0.0},
        )
        for slot in range(first, first + slots)
        for device in range(devices)
        for row in range(rows)
    ]


def points(gauges: Iterable[Gauge]) -> Points:
    return {Place(one.resource.rpartition("|")[2], one.row, one.time_ms): one.gauges[NUMBER] for one in gauges}


def lines(path: Path) -> list[dict[str, Any]]:
    """Return what the sink of lines has written."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def points_of_lines(path: Path) -> Points:
    return {
        Place(one["resource"].rpartition("|")[2], one["row"], one["time_ms"]): one["gauges"][NUMBER]
        for one in lines(path)
    }


def expect_all(found: Points, wanted: Points) -> None:
    """See that nothing is missing, nothing is there besides, and every value agrees to 1e-9."""
    assert found.keys() == wanted.keys()
    assert [place for place, value in wanted.items() if not math.isclose(found[place], value, rel_tol=1e-9)] == []
