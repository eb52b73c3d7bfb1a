"""One collector of ours in a process of its own: polls every device some rounds, and prints figures as JSON."""

import argparse
import asyncio
import gc
import hashlib
import json
import os
import resource
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pollers.snmp.client import Device
from pollers.snmp.credentials import Community, Credential, Secret
from pollers.snmp.limits import Engine, Limits
from pollers.snmp.values import SnmpTable
from pollers.snmp.wire.access import SnmpAccess, open_access
from tests.bench.pipeline.fleet import INTERFACES, address
from tests.bench.snmp.watched import peak_bytes

#: 13 counters, a gauge and a state of IF-MIB, as an interfaces profile polls them
COLUMNS: Final = (
    *(f"1.3.6.1.2.1.31.1.1.1.{n}" for n in (6, 7, 8, 9, 10, 11, 12, 13)),
    *(f"1.3.6.1.2.1.2.2.1.{n}" for n in (13, 14, 19, 20)),
    "1.3.6.1.2.1.2.2.1.15",
    "1.3.6.1.2.1.31.1.1.1.15",
    "1.3.6.1.2.1.2.2.1.8",
)
VALUES: Final = len(COLUMNS) * INTERFACES


class Public:
    async def candidates(self, site: str, device_id: str) -> Sequence[Credential]:
        return (Community(community=Secret("public")),)


def rss_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def digest(number: int, oid: str, row: str, value: int) -> int:
    """Return 64 bits of a value and of where it stands; sums of these are the checksum of a round."""
    text = f"{number}|{oid}|{row}|{value}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest())


def checksum(number: int, table: SnmpTable) -> int:
    total = 0
    for column in table.columns:
        for row, value in zip(table.rows, column.data, strict=True):
            total += digest(number, column.oid, row, int(value))  # type: ignore[arg-type]
    return total


class Round:
    """What one pass over all devices gave."""

    def __init__(self, *, summing: bool, walking: bool) -> None:
        self.summing = summing
        self.walking = walking
        self.values = self.packets = self.retries = self.checksum = self.problems = 0


async def poll(access: SnmpAccess, number: int, port: int, into: Round) -> None:
    device = Device("bench", f"d{number}", f"{address(number)}:{port}")
    async with access.open(device, 60.0) as session:
        table = await (session.walk(COLUMNS) if into.walking else session.table(COLUMNS))
        into.values += sum(len(column.data) for column in table.columns)
        into.packets += session.stats.packets_sent
        into.retries += session.stats.retries
        into.problems += len(table.problems)
        if into.summing:
            into.checksum += checksum(number, table)


async def pass_over(access: SnmpAccess, options: argparse.Namespace, *, summing: bool) -> dict[str, float]:
    """Poll every device once, and return what that gave and cost."""
    into = Round(summing=summing, walking=options.walk)
    devices = iter(range(options.devices))

    async def one_after_another() -> None:
        for number in devices:
            await poll(access, number, options.port, into)

    began_cpu, began = time.process_time(), time.perf_counter()
    await asyncio.gather(*(one_after_another() for _ in range(options.concurrent)))
    cpu_s = time.process_time() - began_cpu
    return {
        "cpu_us_per_value": cpu_s / into.values * 1e6,
        "values": into.values,
        "wall_s": time.perf_counter() - began,
        "packets": into.packets,
        "retries": into.retries,
        "problems": into.problems,
        "checksum": into.checksum % 2**64,
    }


async def run(options: argparse.Namespace) -> dict[str, object]:
    """Return the figures of all rounds, and the checksums of the first and of one more after those that are timed.

    The first round of a table is a walk; what comes after it is read as known rows. So it takes both sums to say that
    what was timed was read rightly.
    """
    limits = Limits(engine=Engine(options.engine), outstanding=options.outstanding, packets_per_s=1e9)
    before = rss_bytes()
    access = open_access(limits, Public())
    rounds = [await pass_over(access, options, summing=number == 0) for number in range(options.rounds + 1)]
    gc.collect()
    idle, peak = rss_bytes() - before, peak_bytes(os.getpid())
    readers: Counter[str] = Counter()
    # set now and not before: the timed rounds run as they do in a worker
    access._trace = lambda exchanged: readers.update({exchanged.engine: exchanged.values})
    summed = await pass_over(access, options, summing=True)
    wire = access.engines.wire
    result = {
        "engine": options.engine,
        "devices": options.devices,
        "rounds": rounds,
        "checksums": {
            "first walk": rounds[0]["checksum"],
            "last walk" if options.walk else "known rows": summed["checksum"],
        },
        "values_by_engine": readers,
        "peak_rss_bytes": peak,
        "idle_growth_bytes": idle,
        "kernel_drops": wire.sockets.dropped,
        "timeouts": wire.counters.timeouts,
    }
    await access.close()
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", default="native")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--devices", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3, help="timed ones, after a first one that learns the rows")
    parser.add_argument("--concurrent", type=int, default=200, help="polls under way at a time")
    parser.add_argument("--outstanding", type=int, default=200)
    parser.add_argument("--walk", action="store_true", help="walk in every round")
    sys.stdout.write(json.dumps(asyncio.run(run(parser.parse_args()))) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
