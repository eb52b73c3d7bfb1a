"""Print what it takes to fold a network of many devices and links: `python -m tests.bench.topology`.

The network is a leaf-spine: every leaf has one link to each of its pod's spines. Every device has 48 ports.
"""

import argparse
import gc
import platform
import sys
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple

from schemas.records import EnrichedResource, Enrichment, Link, Resource
from streams.runtime.ops.long_lived import set_aside
from streams.topology.changes import changes
from streams.topology.links import links_of
from streams.topology.told import Told, told

PORTS: Final = 48
NOW_MS: Final = 1_700_000_000_000
TTL_S: Final = 1_800


class Place(NamedTuple):
    device: int
    port: int


def cables(devices: int, links: int) -> Iterator[tuple[Place, Place]]:
    """Yield links so that no port has two: each device to those that follow it, at ever larger distances."""
    made = 0
    for distance in range(1, PORTS // 2 + 1):
        for device in range(devices):
            if made == links:
                return
            yield Place(device, 2 * distance - 2), Place((device + distance) % devices, 2 * distance - 1)
            made += 1


def network(devices: int, links: int) -> Iterator[EnrichedResource]:
    """Yield resources as the enrichment stage publishes them, with what `interfaces` and `neighbours` found."""
    heard: dict[int, list[tuple[int, Place]]] = {}
    for one, other in cables(devices, links):
        heard.setdefault(one.device, []).append((one.port, other))
        heard.setdefault(other.device, []).append((other.port, one))
    for device in range(devices):
        yield _resource(device, heard.get(device, ()))


def _chassis(device: int) -> str:
    return (0x020000000000 + device * 256).to_bytes(6).hex(":").upper()


def _row(port: int) -> str:
    return f"Ethernet{port + 1}"


def _resource(device: int, heard: "list[tuple[int, Place]] | tuple[()]") -> EnrichedResource:
    name = f"sw{device:05d}.example.net"
    resource = Resource(
        site=f"site{device % 50}", resource_class="network", resource_subclass="switch", resource_type="arista",
        resource_id=name, endpoint=f"10.{device >> 16}.{device >> 8 & 255}.{device & 255}", plugins=["list"],
        first_seen_ms=0, last_seen_ms=0,
    )  # fmt: skip
    said = {
        f"lldp|{_row(port)}|{_chassis(far.device)}|{_row(far.port)}": {
            "protocol": "lldp", "row": _row(port), "if_index": str(port + 1), "chassis_id": _chassis(far.device),
            "chassis_id_type": "mac", "port_id": _row(far.port), "port_id_type": "name",
            "port_description": f"to {name}", "system_name": f"sw{far.device:05d}.example.net",
            "addresses": f"10.{far.device >> 16}.{far.device >> 8 & 255}.{far.device & 255}",
        }
        for port, far in heard
    }  # fmt: skip
    ports = {_row(port): {"if_index": str(port + 1), "oper_state": "up"} for port in range(PORTS)}
    interfaces = {
        str(port + 1): {
            "name": _row(port), "description": _row(port), "alias": f"port {port} of {name}",
            "physical_address": f"{_chassis(device)[:-2]}{port:02X}", "speed_bits_per_s": "25000000000",
        }
        for port in range(PORTS)
    }  # fmt: skip

    def found(rows: dict[str, dict[str, str]], **facts: str) -> Enrichment:
        return Enrichment(plugin="n", collected_at_ms=NOW_MS, ttl_s=TTL_S, facts=facts, rows=rows)

    enrichments = {
        "neighbours": found(said, chassis_id=_chassis(device), chassis_id_type="mac", sys_name=name),
        "ports": found(ports),
        "interface": found(interfaces),
    }
    return EnrichedResource(resource=resource, enrichments=enrichments, jobs=[], jobs_since_ms=1)


class Figures(NamedTuple):
    devices: int
    links: int
    take_us: float  #: of one resource
    first_s: float  #: fold and comparison with an empty topic: every link is new
    again_s: float  #: the same where nothing has changed
    told_mib: float  #: what is kept of all resources
    standing_mib: float  #: the links as they stand


def measure(devices: int, links: int) -> Figures:
    """Return what a network of that size takes."""
    taken_s = 0.0
    everyone: dict[str, Told] = {}
    tracemalloc.start()
    for each in network(devices, links):
        began_s = time.process_time()
        everyone[each.resource.identity] = told(each)
        taken_s += time.process_time() - began_s
    gc.collect()
    told_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    taken_s = _take_s(devices, links)
    set_aside()  # as the stage's workers do it every minute
    began_s = time.process_time()
    found = changes({}, links_of(everyone, NOW_MS), everyone, NOW_MS)
    first_s = time.process_time() - began_s
    standing: dict[str, Link] = dict(found.records)
    set_aside()
    began_s = time.process_time()
    again = changes(standing, links_of(everyone, NOW_MS + 1), everyone, NOW_MS + 1)
    again_s = time.process_time() - began_s
    if len(standing) != links or again:
        raise SystemExit(f"{len(standing)} links of {links}, and {len(again.records)} changes where there are none")
    tracemalloc.start()
    copies = {key: replace(link, ends=tuple(replace(end) for end in link.ends)) for key, link in standing.items()}
    standing_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del copies
    return Figures(
        devices, links, taken_s / devices * 1e6, first_s, again_s, told_bytes / 2**20, standing_bytes / 2**20
    )


def _take_s(devices: int, links: int) -> float:
    total_s = 0.0
    for each in network(devices, links):
        began_s = time.process_time()
        told(each)
        total_s += time.process_time() - began_s
    return total_s


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.topology", description=__doc__)
    parser.add_argument("--sizes", default="1000x5000,10000x50000", help="devices x links, with commas between")
    arguments = parser.parse_args()
    say = sys.stdout.write
    say(f"Python {platform.python_version()}, CPU time of one process, {PORTS} ports a device\n\n")
    say("| devices | links | taken in, µs a resource | first fold s | fold without a change s | resources MiB | ")
    say("links MiB |\n|---|---|---|---|---|---|---|\n")
    for size in arguments.sizes.split(","):
        devices, links = map(int, size.split("x"))
        f = measure(devices, links)
        say(
            f"| {f.devices:,} | {f.links:,} | {f.take_us:.0f} | {f.first_s:.2f} | {f.again_s:.2f} | "
            f"{f.told_mib:.0f} | {f.standing_mib:.0f} |\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
