"""What the whole pipeline carries: all five stages on real services, polling simulated devices at their interval.

`make bench-pipeline ARGS="--devices 2000 --minutes 5"`. Needs Go for the simulated agents. Method and figures stand in
docs/benchmarks.md.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import redis

from schemas.errors import BackendError
from schemas.records import PollStatus
from streams.pipeline import STAGES, Stage, Topic
from streams.playground.demo import layout
from streams.playground.demo.children import Children, wait_for_line
from streams.playground.demo.measure import Cost, costs, table
from streams.playground.services import Stack
from streams.playground.services.keeper import kept
from streams.runtime.kafka.client import client_options
from streams.runtime.kafka.replay import replay
from streams.runtime.kafka.topic_names import topic_name
from streams.runtime.registry.opening import open_registry
from streams.runtime.registry.serde import Serdes
from streams.runtime.settings.loading import Settings, load
from tests.bench.pipeline.fleet import INTERFACES, LEARNING, agent_command, configuration, device_list
from tests.udp_port import free_udp_port

ROOT: Final = Path(__file__).parents[3]
COUNTERS: Final = 12  #: of an interface, in the built-in profile


def main() -> int:
    """Run the benchmark and print its figures; 1 where a slot was lost."""
    parser = argparse.ArgumentParser(prog="bench-pipeline", description=__doc__)
    parser.add_argument("--devices", type=int, default=1000)
    parser.add_argument("--interval", type=int, default=60, help="seconds")
    parser.add_argument("--minutes", type=float, default=5.0, help="measured, after the warm-up")
    parser.add_argument("--jars", type=Path, default=ROOT / ".state" / "jars")
    parser.add_argument("--json", type=Path, help="write the raw figures here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-pipeline-") as folder:
        figures = run(options, Path(folder))
    show(figures)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))
    return 0 if figures["on_time"] else 1


def run(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Return the figures of one run, on services and simulated devices of its own."""
    agent = folder / "simagent"
    source = ROOT / "tests" / "bench" / "simagent"
    subprocess.run(["go", "build", "-o", str(agent), "."], cwd=source, check=True)  # noqa: S603, S607
    children = Children(folder / "logs", {}, ROOT)
    with kept(Stack(folder / "stack", free_ports=True, jars=options.jars)) as stack:
        stack.up()
        try:
            port = free_udp_port()
            simagent = children.start("simagent", agent_command(agent, options.devices, port))
            wait_for_line(simagent, "simagent:", 20)
            return carry(options, folder, stack, port)
        finally:
            children.stop()


def carry(
    options: argparse.Namespace, folder: Path, stack: Stack, port: int, stages: Collection[Stage] = STAGES
) -> dict[str, Any]:
    """Return what the stages carry and cost, polling the devices that answer at the port. Raises ChildEnded."""
    ini, devices = folder / "panoptes.ini", folder / "devices.json"
    devices.write_text(json.dumps(device_list(options.devices, port)))
    ini.write_text(configuration(folder / "state", options.interval, devices))
    with redis.Redis.from_url(stack.service("redis").address) as client:
        client.set("panoptes:secrets:snmp_community_string:default", "public")
    children = Children(folder / "stages", {**stack.environment(), "PANOPTES_CONFIG": str(ini)}, ROOT)
    try:
        for stage in stages:
            children.start(stage.name, layout.stage_command(sys.executable, stage.name))
        return asyncio.run(_measure(options, load(ini, stack.environment()), children, stack))
    finally:
        children.stop()


async def _measure(options: argparse.Namespace, settings: Settings, children: Children, stack: Stack) -> dict[str, Any]:
    began_s = time.time()
    while len({status.resource for status in await _statuses(settings, began_s)}) < options.devices:
        children.check()
        if time.time() - began_s > 60 + options.interval + options.devices / 20:
            raise TimeoutError(f"not every device was polled within {time.time() - began_s:.0f} s")
        await asyncio.sleep(5)
    warm_s = time.time() - began_s
    first = int(time.time()) + LEARNING * options.interval
    last = first + round(options.minutes * 60)
    await _sleep_until(first, children)
    before = _costs(children, stack)
    gauges_before = await _count(settings, Topic.GAUGES)
    await _sleep_until(last, children)
    after = _costs(children, stack)
    gauges = await _count(settings, Topic.GAUGES) - gauges_before
    await _sleep_until(last + options.interval, children)  # what was begun in time may end after it
    statuses = [s for s in await _statuses(settings, first) if first <= s.slot < last]
    return _figures(options, statuses, (before, after), (warm_s, last - first, gauges))


def _figures(
    options: argparse.Namespace,
    statuses: list[PollStatus],
    cost: tuple[dict[str, Cost], dict[str, Cost]],
    run: tuple[float, int, int],
) -> dict[str, Any]:
    warm_s, seconds, gauges = run
    before, after = cost
    outcomes = Counter(status.outcome.value for status in statuses for _ in range(status.slots))
    lateness = sorted(status.lateness_ms for status in statuses)
    duration = sorted(status.duration_ms for status in statuses)
    expected = options.devices * (seconds // options.interval)
    values = sum(status.values for status in statuses)
    polling_s = after["polling"].cpu_s - before["polling"].cpu_s
    return {
        "devices": options.devices,
        "interval_s": options.interval,
        "seconds": seconds,
        "warm_up_s": round(warm_s, 1),
        "slots_expected": expected,
        "outcomes": dict(outcomes),
        "on_time": outcomes.get("SUCCESS", 0) == expected,
        "values": values,
        "polling_us_per_value": polling_s / max(1, values) * 1e6,
        "gauges": gauges,
        "lateness_ms": {"p50": _at(lateness, 0.5), "p99": _at(lateness, 0.99), "max": _at(lateness, 1.0)},
        "poll_ms": {"p50": _at(duration, 0.5), "p99": _at(duration, 0.99)},
        "cpu_s_per_min": {n: round((after[n].cpu_s - before[n].cpu_s) / seconds * 60, 2) for n in after if n in before},
        "polling_peak_bytes": after["polling"].peak_bytes,
        "resident_mib": {name: round(each.resident_bytes / 2**20) for name, each in after.items()},
        "table": table(before, after, seconds),
    }


def _at(ordered: list[int], share: float) -> int | None:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def _costs(children: Children, stack: Stack) -> dict[str, Cost]:
    services = {service.name: service.pid for service in stack.status() if service.pid is not None}
    pids = {**children.running(), **services}
    return costs(pids)


async def _sleep_until(at_s: float, children: Children) -> None:
    while (left := at_s - time.time()) > 0:
        children.check()
        await asyncio.sleep(min(left, 2.0))


async def _statuses(settings: Settings, since_s: float) -> list[PollStatus]:
    serde = Serdes(settings, open_registry(settings)).of(Topic.POLL_STATUS, PollStatus)
    topic = topic_name(settings, Topic.POLL_STATUS)
    found: list[PollStatus] = []
    with suppress(BackendError):  # the topic may not be there yet
        records = replay(client_options(settings.kafka), topic, since_ms=int(since_s * 1000))
        found.extend([await serde.read(record.value) async for record in records])
    return found


async def _count(settings: Settings, topic: Topic) -> int:
    from aiokafka import AIOKafkaConsumer, TopicPartition

    consumer = AIOKafkaConsumer(**client_options(settings.kafka))
    await consumer.start()
    try:
        name = topic_name(settings, topic)
        ends = await consumer.end_offsets([TopicPartition(name, part) for part in range(settings.kafka.partitions)])
        return sum(ends.values())
    finally:
        await consumer.stop()


def show(figures: dict[str, Any]) -> None:
    """Print the figures for people."""
    print(
        f"{figures['devices']} devices x {INTERFACES} interfaces at {figures['interval_s']} s, "
        f"measured for {figures['seconds']} s after {figures['warm_up_s']} s of warm-up"
    )
    print(f"slots: {figures['slots_expected']} expected, {figures['outcomes']}")
    print(f"lateness of polls: {figures['lateness_ms']} ms; a poll takes {figures['poll_ms']} ms")
    each = f"{figures['polling_us_per_value']:.2f} us of the polling worker's CPU for each value"
    print(f"{figures['values']} values read, {each}; {figures['gauges']} gauges")
    print("\n".join(figures["table"]))
    print("every slot on time" if figures["on_time"] else "NOT every slot on time")


if __name__ == "__main__":
    sys.exit(main())
