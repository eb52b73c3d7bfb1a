"""Telegraf on the same simulated devices: its metrics discarded, or handed to Kafka."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from tests.bench.pipeline.fleet import INTERFACES, address
from tests.bench.snmp import topic
from tests.bench.snmp.collect import COLUMNS, VALUES, digest
from tests.bench.snmp.watched import Figures, cpu_s, peak_bytes, running, settled_cpu_s

VERSION: Final = "v1.37.0"
TAGS: Final = "custom,inputs.snmp,outputs.discard,outputs.file,outputs.kafka,serializers.influx"
DISCARD: Final = "[[outputs.discard]]"
#: of CPU time per value that any round takes at the least: less than that is no round
_LEAST_S: Final = 0.5e-6


class Run(NamedTuple):
    binary: Path
    devices: int
    port: int  #: of the devices
    rounds: int  #: that are measured, after a first one
    interval_s: int = 30
    spread: bool = False  #: over the interval, each device at a time of its own; else all devices are asked at once


def build(cache: Path) -> Path | None:
    """Return Telegraf with only the plugins needed, built once from the Go module proxy; None without Go."""
    binary = cache / f"telegraf-{VERSION}-kafka"
    go = shutil.which("go", path=os.environ.get("PATH", "") + ":/usr/local/go/bin")
    if binary.exists() or go is None:
        return binary if binary.exists() else None
    module = f"github.com/influxdata/telegraf@{VERSION}"
    found = subprocess.run([go, "mod", "download", "-json", module], capture_output=True, check=True)  # noqa: S603
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "telegraf"
        shutil.copytree(json.loads(found.stdout)["Dir"], source, copy_function=shutil.copy)
        for path in (source, *source.rglob("*")):
            path.chmod(path.stat().st_mode | 0o200)
        command = [go, "build", "-mod=mod", "-tags", TAGS, "-o", str(binary.resolve()), "./cmd/telegraf"]
        subprocess.run(command, cwd=source, check=True)  # noqa: S603
    return binary


def kafka_output(brokers: str, name: str) -> str:
    """Return the output with the promises that our producer gives: acks of all, idempotent, keyed by device, zstd."""
    return (
        f'[[outputs.kafka]]\n  brokers = ["{brokers}"]\n  topic = "{name}"\n  version = "2.8.0"\n'
        '  routing_tag = "agent_host"\n  required_acks = -1\n  idempotent_writes = true\n  compression_codec = 4\n'
        '  data_format = "influx"'
    )


def configuration(run: Run, output: str) -> str:
    """Return telegraf.conf: one input for all devices or, as only inputs are spread, one for each."""
    agents = [f'"udp://{address(n)}:{run.port}"' for n in range(run.devices)]
    inputs = [[agent] for agent in agents] if run.spread else [agents]
    jitter = f'  collection_jitter = "{run.interval_s}s"\n' if run.spread else ""
    fields = "".join(
        f'    [[inputs.snmp.table.field]]\n      name = "c{n}"\n      oid = "{oid}"\n' for n, oid in enumerate(COLUMNS)
    )
    return (
        f'[agent]\n  interval = "{run.interval_s}s"\n{jitter}  flush_interval = "1s"\n  quiet = true\n'
        f"  omit_hostname = true\n  metric_batch_size = 10000\n  metric_buffer_limit = 200000\n"
        f'  snmp_translator = "gosmi"\n{output}\n'
    ) + "".join(
        f'[[inputs.snmp]]\n  agents = [{", ".join(asked)}]\n  version = 2\n  community = "public"\n'
        f'  max_repetitions = 25\n  timeout = "10s"\n  retries = 2\n  path = []\n'
        f'  [[inputs.snmp.table]]\n    name = "if"\n    index_as_tag = true\n{fields}'
        for asked in inputs
    )


def discarding(run: Run) -> Figures:
    """Return what Telegraf takes from its second round on, metrics built and discarded."""
    with tempfile.TemporaryDirectory(prefix="telegraf-") as folder:
        home = Path(folder)
        found, peak = _watched(run, DISCARD, home)
        sums = {"one to a file": _file_checksum(run, home)}
    return Figures("Telegraf inputs.snmp", VERSION, run.devices, run.devices * VALUES, found, peak, sums)


def to_kafka(run: Run, brokers: str) -> Figures:
    """Return what Telegraf takes with its Kafka output once each device was polled, whole process.

    Raises RuntimeError where Kafka has not got every row of every round.
    """
    name = f"telegraf-{'spread' if run.spread else 'at-once'}"
    topic.create(brokers, name)
    with tempfile.TemporaryDirectory(prefix="telegraf-") as folder:
        found, peak = _watched(run, kafka_output(brokers, name), Path(folder))
    lines = topic.read(brokers, name)
    expected = run.devices * INTERFACES * (run.rounds + (not run.spread))
    if len(lines) < expected:
        raise RuntimeError(f"Telegraf brought {len(lines):,} of {expected:,} rows to Kafka")
    latest = {line.split(" ", 1)[0]: line for line in lines}  # by measurement and tags: device and row
    sums = {"last in Kafka": line_checksum(latest.values(), run.devices)}
    size = sum(map(len, lines)) / len(lines) / len(COLUMNS)
    note = f"{size:.1f} bytes a value, lines of influx"
    how = f"Telegraf, outputs.kafka every {run.interval_s} s, {'spread' if run.spread else 'all at once'}"
    return Figures(how, VERSION, run.devices, run.devices * VALUES, found, peak, sums, note)


def _watched(run: Run, output: str, home: Path) -> tuple[list[float], int]:
    """Return CPU µs per value of each round after the first, and the peak of resident memory in bytes."""
    conf = home / "telegraf.conf"
    conf.write_text(configuration(run, output))
    values = run.devices * VALUES
    with running([str(run.binary), "--config", str(conf)], home / "log") as process:
        ends = _by_the_clock(run, process.pid) if run.spread else _by_bursts(run, process.pid, values * _LEAST_S)
        found = [(after - before) / values * 1e6 for before, after in pairwise(ends)]
        return found, peak_bytes(process.pid)


def _by_bursts(run: Run, pid: int, least_s: float) -> Iterator[float]:
    """Yield the CPU time after each round, the first included: when a burst of polls is over."""
    before = 0.0
    for _ in range(run.rounds + 1):
        before = settled_cpu_s(pid, before, least_s)
        yield before


def _by_the_clock(run: Run, pid: int) -> Iterator[float]:
    """Yield the CPU time after each interval from the second on: a device was polled in each that the clock has."""
    time.sleep(run.interval_s)
    for _ in range(run.rounds + 1):
        time.sleep(run.interval_s)
        yield cpu_s(pid)


def _file_checksum(run: Run, home: Path) -> int:
    written = home / "metrics"
    output = f'[[outputs.file]]\n  files = ["{written}"]\n  data_format = "influx"'
    conf = home / "file.conf"
    conf.write_text(configuration(run, output))
    command = [str(run.binary), "--config", str(conf), "--once"]
    subprocess.run(command, check=True, capture_output=True, timeout=300)  # noqa: S603
    return line_checksum(written.read_text().splitlines(), run.devices)


def line_checksum(lines: Iterable[str], devices: int) -> int:
    """Return the checksum of lines in influx's format, one row of a device each."""
    number_of = {address(n): n for n in range(devices)}
    total = 0
    for line in lines:
        tags, fields = line.split(" ")[:2]
        pairs = dict(pair.split("=", 1) for pair in tags.split(",")[1:])
        number = number_of[re.sub(r"^udp://|:\d+$", "", pairs["agent_host"])]
        for field in fields.split(","):
            name, value = field.split("=")
            total += digest(number, COLUMNS[int(name[1:])], pairs["index"], int(value.rstrip("iu")))
    return total % 2**64
