"""A sweep over many loopback addresses of which a few answer: its seconds, CPU seconds and memory.

The agents are another process, which answers from the addresses that were asked. Prints the table of
docs/benchmarks/discovery.md.
"""

import argparse
import asyncio
import contextlib
import multiprocessing
import resource
import sys
import time
from multiprocessing.connection import Connection

from pollers.plugins.base import PluginContext
from pollers.plugins.discovery.sweep import Sweep
from pollers.snmp.credentials import Community, Secret
from pollers.snmp.limits import Limits
from pollers.snmp.wire.access import open_access
from streams.discovery.known import KnownInventory
from tests.bench.discovery import resources
from tests.unit.discovery.agents import Agents, listening

PREFIX = "127.64.0.0/16"


class Source:
    """One community for every site."""

    async def candidates(self, _site: str, _device_id: str) -> list[Community]:
        return [Community(community=Secret("public"))]


def address(number: int, of: int) -> str:
    """Return the address of one of so many agents, spread evenly over the prefix."""
    at = 1 + number * (2**16 - 2) // of
    return f"127.64.{at >> 8}.{at & 255}"


def answer(ready: Connection, count: int) -> None:
    """Be the agents, until the parent closes its end."""

    async def serve() -> None:
        agents = Agents()
        agents.names = {address(number, count): b"sw%d" % number for number in range(count)}
        agents.engine_ids = {host: b"\x80\x00" + name for host, name in agents.names.items()}
        async with listening(agents):
            ready.send(agents.port)
            await asyncio.to_thread(_until_closed, ready)
            heard = agents.asked.total()
        with contextlib.suppress(OSError):
            ready.send(heard)

    asyncio.run(serve())


def _until_closed(ready: Connection) -> None:
    with contextlib.suppress(EOFError):
        ready.recv()


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def sweep(port: int, packets_per_s: int) -> tuple[int, int]:
    """Return how many devices were found, and in how many batches."""
    access = open_access(Limits(), Source())
    options = {
        "site": "lab", "prefixes": PREFIX, "ports": str(port), "spread": "no", "packets_per_s": str(packets_per_s),
    }  # fmt: skip
    context = PluginContext(
        section="bench", interval_s=0, options=options, snmp=access, now_ms=lambda: time.time_ns() // 1_000_000
    )
    found: set[str] = set()
    batches = 0
    async for batch in Sweep(context).discover(KnownInventory(), None):
        batches += 1
        found |= {each.identity for each in batch.resources}
    await access.close()
    return len(found), batches


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["sweep", "resources"])
    parser.add_argument("--answering", type=int, default=500)
    parser.add_argument("--packets-per-s", type=int, default=5000)
    options = parser.parse_args()
    if options.what == "resources":
        sys.exit(0 if resources.measure(print) else 1)
    ours, theirs = multiprocessing.Pipe()
    agents = multiprocessing.Process(target=answer, args=(theirs, options.answering), daemon=True)
    agents.start()
    port = ours.recv()
    before_mib, began_s, cpu_s = peak_mib(), time.monotonic(), time.process_time()
    found, _ = asyncio.run(sweep(port, options.packets_per_s))
    seconds, cpu_s, grown_mib = time.monotonic() - began_s, time.process_time() - cpu_s, peak_mib() - before_mib
    ours.send("done")
    packets = ours.recv()
    agents.join(5)
    print("| addresses | answering | found | packets heard | packets/s | s | CPU s | memory grew by, MiB |")
    print("|--:|--:|--:|--:|--:|--:|--:|--:|")
    print(
        f"| {2**16 - 2:,} | {options.answering} | {found} | {packets:,} | {options.packets_per_s:,} | {seconds:.1f}"
        f" | {cpu_s:.2f} | {grown_mib:.1f} |"
    )
    sys.exit(0 if found == options.answering else 1)


if __name__ == "__main__":
    main()
