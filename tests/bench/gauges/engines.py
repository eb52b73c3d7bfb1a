"""The two programs that the gauges benchmark compares, as processes that read one topic and write each its own."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import psutil

from tests.stages.gauges.pipe import ROOT, Pipe

JAVA: Final = Path(__file__).parent / "java"


class Engine:
    """A program that makes gauges."""

    def __init__(self, name: str, out_topic: str) -> None:
        self.name: Final = name
        self.out_topic: Final = out_topic

    def start(self, log: Path) -> subprocess.Popen[bytes]:
        raise NotImplementedError

    def run(self, command: Sequence[str], log: Path, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
        with log.open("wb") as out:
            return subprocess.Popen(  # noqa: S603 - commands of our own
                command, cwd=ROOT, env={**os.environ, **env}, stdout=out, stderr=subprocess.STDOUT
            )  # fmt: skip


class Panoptes(Engine):
    """This project's stage, as it is deployed: one worker."""

    def __init__(self, pipe: Pipe) -> None:
        super().__init__("panoptes", pipe.gauge_topic)
        self._pipe = pipe

    def start(self, log: Path) -> subprocess.Popen[bytes]:
        self._pipe.state.joinpath("worker-1.log").unlink(missing_ok=True)
        worker = self._pipe.start()
        del log
        return worker


class KafkaStreams(Engine):
    """The same as a Kafka Streams program."""

    def __init__(self, pipe: Pipe, target: Path, out_topic: str, gauge_id: int) -> None:
        super().__init__("kafka-streams", out_topic)
        self._pipe = pipe
        self._target = target
        self._gauge_id = gauge_id

    def start(self, log: Path) -> subprocess.Popen[bytes]:
        classpath = f"{self._target / 'gauges-kafka-streams-1.jar'}:{self._target / 'lib'}/*"
        java = shutil.which("java") or "java"
        return self.run(
            [
                java, "-Xmx4g", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", classpath,
                "panoptes.bench.Gauges", self._pipe.bootstrap, f"{self.out_topic}-app", self._pipe.raw_topic,
                self.out_topic, str(self._gauge_id), str(ROOT / "schemas" / "avro"),
            ],
            log,
            {},
        )  # fmt: skip


def build(target: Path) -> None:
    """Build the Kafka Streams program. Raises CalledProcessError with Maven's words on its output."""
    maven = shutil.which("mvn")
    if maven is None:
        raise FileNotFoundError("mvn is not installed: Maven builds the Kafka Streams program (Debian: maven)")
    command = [maven, "-q", "-B", "-f", str(JAVA / "pom.xml"), f"-Dbench.target={target}", "package"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - as above


def cpu_s(pid: int) -> float:
    """Return the CPU seconds of a process, all its threads, user and system."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)
