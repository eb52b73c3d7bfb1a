"""From the tick to Kafka: our poller up to the producer, our whole polling worker, and Telegraf, on one real Kafka."""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from streams.pipeline import STAGES
from streams.playground.services import Stack
from streams.playground.services.keeper import kept
from tests.bench.pipeline.__main__ import carry
from tests.bench.snmp import telegraf
from tests.bench.snmp.watched import Figures, python

ROOT: Final = Path(__file__).resolve().parents[3]
#: of the pipeline, all that a polling worker needs to know its devices
FEEDING: Final = tuple(stage for stage in STAGES if stage.name not in {"gauges", "topology"})


class Way(NamedTuple):
    """The way to Kafka at one interval."""

    found: Sequence[Figures]  #: of the whole polling worker, with its producer; of Telegraf, unless it cannot be built
    raw: Mapping[str, Any]


class Whole(NamedTuple):
    """What came of the comparison."""

    ours: Figures  #: tick to bytes handed to the producer, Kafka not there
    ways: Sequence[Way]
    memory: Mapping[str, Any]  #: of our poller with the most devices, as `tests.bench.pipeline.polling` gives it
    raw: Mapping[str, Any]


def measure(port: int, binary: Path | None, options: argparse.Namespace) -> Whole:
    """Return what each takes, one after the other, on the devices that answer at the port."""
    devices = options.devices
    with tempfile.TemporaryDirectory(prefix="bench-kafka-") as name:
        folder = Path(name)
        ticks = tick_to_bytes(port, devices, options.rounds, folder)
        most = max([devices, *options.growth])
        memory = ticks if most == devices else tick_to_bytes(port, most, 1, folder)
    ways = [to_kafka(port, binary, options, interval_s) for interval_s in options.intervals]
    raw = {"tick_to_bytes": ticks, "memory": memory, "ways": [way.raw for way in ways]}
    return Whole(poller(ticks), ways, memory, raw)


def to_kafka(port: int, binary: Path | None, options: argparse.Namespace, interval_s: int) -> Way:
    """Return what the worker and Telegraf take to poll at an interval, one after the other, on a Kafka of their own."""
    rounds = max(1, round(options.minutes * 60 / interval_s))  # whole intervals: each device as often
    load = argparse.Namespace(devices=options.devices, interval=interval_s, minutes=rounds * interval_s / 60)
    with tempfile.TemporaryDirectory(prefix="bench-kafka-") as name:
        folder = Path(name)
        with kept(Stack(folder / "stack", free_ports=True, jars=options.jars)) as stack:
            stack.up()
            carried = carry(load, folder, stack, port, FEEDING)
            brokers = stack.service("kafka").address
            theirs = [
                telegraf.to_kafka(telegraf.Run(binary, options.devices, port, rounds, interval_s, spread), brokers)
                for spread in (False, True)
                if binary is not None
            ]
    raw = {"interval_s": interval_s, "worker": carried, "telegraf": [figures._asdict() for figures in theirs]}
    return Way([worker(carried), *theirs], raw)


def tick_to_bytes(port: int, devices: int, rounds: int, folder: Path) -> dict[str, Any]:
    """Return the figures of the poller in a process of its own. Raises CalledProcessError where a poll failed."""
    raw = folder / "polling.json"
    command = [sys.executable, "-m", "tests.bench.pipeline.polling", "--port", str(port), "--json", str(raw)]
    command += ["--devices", str(devices), "--rounds", str(rounds)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=1800)  # noqa: S603
    figures: dict[str, Any] = json.loads(raw.read_text())
    return figures


def poller(ticks: Mapping[str, Any]) -> Figures:
    """Return the figures of the poller alone."""
    devices, values = ticks["devices"], ticks["values_a_poll"]
    size = ticks["bytes"] / sum(ticks["outcomes"].values()) / values
    note = f"{size:.1f} bytes a value, Avro; nothing is sent"
    name = "ours, tick to bytes for the producer"
    return Figures(name, python(), devices, devices * values, ticks["cpu_us_per_value"], ticks["peak_bytes"], {}, note)


def worker(carried: Mapping[str, Any]) -> Figures:
    """Return the figures of the polling worker. Raises RuntimeError where it lost a slot, thus did less."""
    if not carried["on_time"]:
        raise RuntimeError(f"not every slot was polled: {carried['outcomes']} of {carried['slots_expected']}")
    cost, peak = [carried["polling_us_per_value"]], carried["polling_peak_bytes"]
    polls = carried["outcomes"]["SUCCESS"]
    note = f"{polls:,} polls in {carried['seconds']} s; with ticks, statuses and table"
    values = carried["values"] // polls * carried["devices"]
    name = f"ours, polling worker to Kafka every {carried['interval_s']} s"
    return Figures(name, python(), carried["devices"], values, cost, peak, {}, note)
