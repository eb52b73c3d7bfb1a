"""Sightings through the resource manager: CPU and memory a resource; each size in a process of its own.

The worker is the real one but for Kafka (tests/unit/runtime/kernel_fakes.py): records, table, fold and effects are as
in the stage, and what it would send is dropped.
"""

import asyncio
import gc
import multiprocessing
import resource
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final, NamedTuple

from schemas.records import DiscoveryRun, Resource
from streams.pipeline import Topic
from streams.resources.agent import manage
from tests.unit.runtime.kernel_fakes import FakeWorker

COUNTS: Final = (10_000, 30_000, 100_000)
TTL_S: Final = 604_800
_BATCH: Final = 1_000
_NOW_MS: Final = 1_790_000_000_000


class Cost(NamedTuple):
    """Of one size."""

    resources: int
    first_cpu_s: float  #: each is seen for the first time
    again_cpu_s: float  #: each is seen again, with nothing new
    news_cpu_s: float  #: each is seen at another address
    expire_cpu_s: float  #: one look for what has expired, with nothing that has
    bytes_each: float  #: resident memory that a known resource takes
    known: int

    def line(self) -> str:
        each = (self.first_cpu_s, self.again_cpu_s, self.news_cpu_s)
        cells = (f"{seconds / self.resources * 1e6:.0f}" for seconds in each)
        return (
            f"| {self.resources:,} | {' | '.join(cells)} | {self.expire_cpu_s * 1000:.0f} | {self.bytes_each:,.0f}"
            f" | {sum(each):.1f} |"
        )


HEADER: Final = (
    "| resources | first sighting, µs | the same again, µs | another address, µs | a look for what expires, ms"
    " | memory a resource, bytes | CPU s in all |\n|--:|--:|--:|--:|--:|--:|--:|"
)


def sightings(count: int, network: int) -> Iterator[Resource]:
    """Yield as many resources as a sweep would, at addresses of a network."""
    for number in range(count):
        address = f"10.{network + (number >> 16)}.{number >> 8 & 255}.{number & 255}"
        yield Resource(
            site=f"site{number % 40}", resource_class="network", resource_subclass="switch", resource_type="cisco",
            resource_id=f"sw{number:06}.example.net", endpoint=address, plugins=("sweep",), first_seen_ms=_NOW_MS,
            last_seen_ms=_NOW_MS, ttl_s=TTL_S, labels={"rack": str(number % 500), "role": "access"},
            identifiers={"engine_id": f"8000000903{number:012x}", "sys_name": f"sw{number:06}"}, addresses=(address,),
        )  # fmt: skip


async def _measured(count: int) -> Cost:
    worker = FakeWorker("resources")
    worker.now_ms = _NOW_MS
    manager = manage(worker)
    for topic, record in (
        (Topic.RESOURCES, Resource),
        (Topic.INVENTORY, Resource),
        (Topic.DISCOVERY_RUNS, DiscoveryRun),
    ):
        await worker.context.serdes.of(topic, record).register()
    await worker.own(*range(worker.context.settings.kafka.partitions))
    serde = worker.context.serdes.of(Topic.RESOURCES, Resource)

    async def seen(network: int) -> float:
        """Return the CPU seconds of the manager; encoding the sightings is their sender's."""
        cpu_s, batch = 0.0, list[tuple[str, bytes]]()
        for sighting in sightings(count, network):
            batch.append((sighting.identity, serde.encode(sighting)))
            if len(batch) == _BATCH:
                began_s = time.process_time()
                for key, value in batch:
                    worker.bring(Topic.RESOURCES, key, value)
                while worker.offsets.in_flight():
                    await asyncio.sleep(0)
                cpu_s += time.process_time() - began_s
                worker.sent.stored.clear()
                worker.sent.batches.clear()
                batch.clear()
        return cpu_s

    before = _resident_bytes()
    first_s = await seen(0)
    grown = _resident_bytes() - before
    again_s, news_s = await seen(0), await seen(100)
    began_s = time.process_time()
    await manager.expire()
    expire_s = time.process_time() - began_s
    return Cost(count, first_s, again_s, news_s, expire_s, grown / count, manager.known())


def _resident_bytes() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()


def _answer(count: int, into: Connection) -> None:
    into.send(asyncio.run(_measured(count)))


def measure(say: Callable[[str], None]) -> bool:
    """Measure each size, and return whether every resource is known at its end."""
    say(HEADER)
    whole = True
    for count in COUNTS:
        ours, theirs = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(target=_answer, args=(count, theirs))
        process.start()
        theirs.close()
        cost: Cost = ours.recv()
        process.join()
        say(cost.line())
        whole = whole and cost.known == count
    return whole
