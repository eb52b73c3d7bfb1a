"""What polling costs from the tick to the bytes handed to Kafka's producer, in this process alone, in CPU µs per value.

`python -m tests.bench.pipeline.polling --devices 1000 --rounds 3`. Needs Go for the simulated agents. The poller is the
stage's own; Kafka, Faust and ZooKeeper are not there: what is published is counted and dropped.
"""

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pollers.plugins.base import Kind
from pollers.snmp.credentials import Community, Credential, Secret
from pollers.snmp.limits import Limits
from pollers.snmp.wire.access import open_access
from schemas.records import EnrichedResource, Enrichment, Outcome, RawCounters, Resource
from streams.pipeline import Topic, stage
from streams.playground.demo.children import Children, wait_for_line
from streams.polling.agent_poller import Poller
from streams.polling.resource_state import compressed
from streams.runtime.kafka.outbox import Outgoing
from streams.runtime.kernel.context import StageContext, now_ms
from streams.runtime.kernel.effects import Write
from streams.runtime.kernel.worker import Worker
from streams.runtime.ops.long_lived import set_aside
from streams.runtime.plugins import Installed, Offered, Plugins
from streams.runtime.schedule.owner import DueTick
from streams.runtime.settings.loading import Settings, load
from streams.scheduling.slots import Span
from tests.bench.pipeline.fleet import LEARNING, address, agent_command, configuration
from tests.bench.snmp.watched import peak_bytes
from tests.udp_port import free_udp_port

ROOT: Final = Path(__file__).parents[3]
FIRST_SHARE: Final = 2  #: one device in so many comes before the memory of the others is measured


class Outbox:
    """Stands for the producer: counts what it is handed."""

    def __init__(self) -> None:
        self.records = 0
        self.bytes = 0
        self.last: dict[str, bytes] = {}
        self.retries = 0

    async def send(self, topic: str, key: bytes | None, value: bytes | None, partition: int | None = None) -> None:
        self.records += 1
        self.bytes += len(value or b"")
        self.last[topic] = value or b""

    async def send_all(self, records: Sequence[Outgoing], _wait_s: float = 0.0) -> None:
        for record in records:
            await self.send(*record)


class Bench(Worker):
    """The stage's worker without Kafka: what it sends is counted, and its schemas stand in a folder."""

    def __init__(self, settings: Settings) -> None:
        self.sent = Outbox()
        super().__init__(stage("polling"), settings)

    def make_outbox(self, **_limits: int) -> Any:
        return self.sent


class Credentials:
    async def candidates(self, _site: str, _device_id: str) -> Sequence[Credential]:
        return [Community(community=Secret("public"))]

    async def close(self) -> None:
        """Do nothing."""


def main() -> int:
    """Run the benchmark and print its figures; 1 where a poll did not succeed."""
    parser = argparse.ArgumentParser(prog="bench-polling", description=__doc__)
    parser.add_argument("--devices", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5, help="polls of every device that are measured")
    parser.add_argument("--max-msg", type=int, default=1472, help="the agents' longest response, bytes")
    parser.add_argument("--port", type=int, help="simulated devices answer there already")
    parser.add_argument("--json", type=Path, help="write the raw figures here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-polling-") as folder:
        figures = run(options, Path(folder))
    for name, value in figures.items():
        print(f"{name:>24}: {value}")
    print(memory_line(figures))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))
    return 0 if figures["outcomes"] == {Outcome.SUCCESS.value: options.devices * options.rounds} else 1


def memory_line(figures: Mapping[str, Any]) -> str:
    """Return for people what the devices take of a worker's memory."""
    whole, each = figures["resident_mib"]["polled"], figures["bytes_per_idle_device"]
    return f"{figures['devices']:,} devices: {whole} MiB resident, {each:,} bytes for each idle device"


def run(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Return the figures of one run."""
    ini = folder / "panoptes.ini"
    ini.write_text(configuration(folder / "state"))
    if options.port:
        return asyncio.run(_measure(options, load(ini, {}), options.port))
    binary = folder / "simagent"
    subprocess.run(["go", "build", "-o", str(binary), "."], cwd=ROOT / "tests/bench/simagent", check=True)  # noqa: S603, S607
    children = Children(folder / "logs", {}, ROOT)
    port = free_udp_port()
    try:
        agent = children.start("simagent", agent_command(binary, options.devices, port, options.max_msg))
        wait_for_line(agent, "simagent:", 20)
        return asyncio.run(_measure(options, load(ini, {}), port))
    finally:
        children.stop()


async def _measure(options: argparse.Namespace, settings: Settings, port: int) -> dict[str, Any]:
    worker = Bench(settings)
    context = worker.context
    partitions = settings.kafka.partitions
    access, enriching = open_access(Limits(), Credentials()), open_access(Limits(), Credentials())
    poller = Poller(context, worker.table("to-poll"), Plugins(settings, Offered(access, now_ms)))
    pollers = poller.plugins
    await context.serdes.register()
    enrichers = Plugins(settings, Offered(enriching, now_ms)).of(Kind.ENRICHMENT)  # those of a stage of its own
    resident, resources = {"empty": _resident_bytes()}, _resources(options.devices, port)
    minute = int(time.time())

    async def known(some: Sequence[Resource]) -> None:
        """Enrich these, poll everything until all is learnt that will be, and collect garbage as the worker does."""
        nonlocal minute
        await _fill(context, poller, enrichers, pollers, some)
        for _ in range(LEARNING):
            await _round(poller, minute := minute + 60, partitions)
        set_aside()

    # what is needed once, whatever the devices, is there after the first of them
    few = max(1, options.devices // FIRST_SHARE)
    await known(resources[:few])
    resident["first"] = _resident_bytes()
    await known(resources[few:])
    outbox = worker.sent
    outbox.records = outbox.bytes = 0
    poller.outcomes.clear()
    each: list[float] = []
    for _ in range(options.rounds):
        before = time.process_time()
        await _round(poller, minute := minute + 60, partitions)
        each.append(time.process_time() - before)
    set_aside()
    resident["polled"] = _resident_bytes()
    raw = context.serdes.of(Topic.RAW_COUNTERS, RawCounters).decode(outbox.last[context.topic_name(Topic.RAW_COUNTERS)])
    await access.close()
    await enriching.close()
    values = len(raw.index) * (len(raw.counters) + len(raw.states) + bool(raw.discontinuities_cs))
    return {
        "devices": options.devices,
        "values_a_poll": values,
        "machine": f"a million additions took {_additions_ms():.0f} ms of CPU",
        "cpu_us_per_value": [round(cpu_s / options.devices / values * 1e6, 3) for cpu_s in each],
        "lowest": round(min(each) / options.devices / values * 1e6, 3),
        "cpu_us_per_poll": round(min(each) / options.devices * 1e6),
        "records": outbox.records,
        "bytes": outbox.bytes,
        "outcomes": {outcome.value: count for outcome, count in poller.outcomes.items()},
        "peak_bytes": peak_bytes(os.getpid()),
        "resident_mib": {when: round(size / 2**20) for when, size in resident.items()},
        "bytes_per_idle_device": round((resident["polled"] - resident["first"]) / max(1, options.devices - few)),
    }


async def _fill(
    context: StageContext,
    poller: Poller,
    enrichers: Sequence[Installed],
    pollers: Sequence[Installed],
    resources: Sequence[Resource],
) -> None:
    """Enrich every device as the enrichment stage does, and put it into the poller's table."""
    serde = context.serdes.of(Topic.ENRICHED_RESOURCES, EnrichedResource)
    room = asyncio.Semaphore(200)

    async def fill(resource: Resource) -> None:
        async with room:
            found: dict[str, Enrichment] = {}
            for plugin in enrichers:
                found |= await plugin.instance.enrich(resource)
        jobs = [job for plugin in pollers for job in plugin.instance.jobs(resource, found)]
        enriched = EnrichedResource(resource=resource, enrichments=found, jobs=jobs, jobs_since_ms=now_ms())
        stored = compressed(serde.encode(enriched))
        partition = context.partition_of(resource.identity)
        poller.table.store(partition, [Write(resource.identity.encode(), stored)])
        poller.schedules.put(partition, resource.identity, stored)

    await asyncio.gather(*map(fill, resources))


async def _round(poller: Poller, minute: int, partitions: int) -> None:
    """Poll every device once: a minute's ticks, second by second, without waiting for the clock."""
    for slot in range(minute, minute + 60):
        await asyncio.gather(*(poller.run(DueTick(part, Span(slot, slot), gap=False)) for part in range(partitions)))


def _resources(count: int, port: int) -> list[Resource]:
    stamps = {"first_seen_ms": now_ms(), "last_seen_ms": now_ms()}
    named = {"site": "bench", "resource_class": "network", "resource_subclass": "switch", "resource_type": "sim"}
    return [
        Resource(resource_id=f"sim{i:05}", endpoint=f"{address(i)}:{port}", plugins=["bench"], **named, **stamps)  # type: ignore[arg-type]
        for i in range(count)
    ]


def _additions_ms() -> float:
    """Return how fast this machine is now: on a busy one the same work takes more CPU."""
    began = time.process_time()
    total = 0
    for number in range(1_000_000):
        total += number
    return (time.process_time() - began) * 1000


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


if __name__ == "__main__":
    sys.exit(main())
