"""The links between simulated devices: a leaf-spine in each site, the sites in a ring by their edges.

A site is cut into pods of two spines and their leaves. The first spine of a site is its edge: two links lead from it to
the edge of the next site, and two to the first spine of each further pod. What both ends of a link say of it agrees:
speed, traffic, and the names of each other.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from streams.playground.simulators.neighbours import Neighbour
from streams.playground.simulators.truth import Interface, Quantity, SimulatedDevice

SPINES: Final = 2
POD: Final = 40  #: devices, spines included: as many leaves as a spine of 48 ports has room for
PARALLEL: Final = 2
#: what one end sends and the other receives
SENT: Final = {
    Quantity.OUT_OCTETS: Quantity.IN_OCTETS,
    Quantity.OUT_UNICAST: Quantity.IN_UNICAST,
    Quantity.OUT_MULTICAST: Quantity.IN_MULTICAST,
    Quantity.OUT_BROADCAST: Quantity.IN_BROADCAST,
}


class End(NamedTuple):
    device: int  #: position among the devices
    port: int  #: position among its interfaces


class Cable(NamedTuple):
    a: End
    b: End


class _Ports:
    """Which ports are still free: spines take theirs from the front, uplinks and edges from the back."""

    def __init__(self, devices: Sequence[SimulatedDevice]) -> None:
        self._free = [[n for n, port in enumerate(device.interfaces) if port.oper_up] for device in devices]

    def link(self, lower: int, upper: int, *, front: bool) -> Iterator[Cable]:
        """Give a link between two devices, or none where a device has no port left."""
        if self._free[lower] and self._free[upper]:
            far = self._free[upper].pop(0 if front else -1)
            yield Cable(End(upper, far), End(lower, self._free[lower].pop()))


def links(devices: Sequence[SimulatedDevice], mute: Sequence[int] = ()) -> list[Cable]:
    """Return all links. `mute`: devices that never answer, which become leaves where there are others."""
    ports = _Ports(devices)
    sites: dict[str, list[int]] = {}
    for number, device in enumerate(devices):
        sites.setdefault(device.site, []).append(number)
    found: list[Cable] = []
    edges = []
    for members in sites.values():
        members.sort(key=lambda number: number in mute)
        pods = [members[at : at + POD] for at in range(0, len(members), POD)]
        edges.append(pods[0][0])
        joined = [(pods[0][0], pod[0]) for pod in pods[1:]]
        found += [link for up, low in joined for _ in range(PARALLEL) for link in ports.link(low, up, front=False)]
        for pod in pods:
            found += [
                link for leaf in pod[SPINES:] for spine in pod[:SPINES] for link in ports.link(leaf, spine, front=True)
            ]
    ring = [*pairwise(edges), *([(edges[-1], edges[0])] if len(edges) > SPINES else [])]
    found += [link for a, b in ring for _ in range(PARALLEL) for link in ports.link(b, a, front=False)]
    return found


def joined(devices: Sequence[SimulatedDevice], found: Sequence[Cable]) -> list[SimulatedDevice]:
    """Return the devices with the ports of the links, and with their neighbours."""
    ports = [list(device.interfaces) for device in devices]
    for link in found:
        # the slower end says what flows; a counter of 32 bits has to go on wrapping
        a, b = sorted(link, key=lambda end: _weight(devices[end.device], ports[end.device][end.port]))
        near, far = ports[a.device][a.port], ports[b.device][b.port]
        ports[a.device][a.port] = dataclasses.replace(near, alias=f"to {devices[b.device].device_id} {far.name}")
        ports[b.device][b.port] = _far_end(near, far, devices[a.device].device_id)
    heard: list[list[Neighbour]] = [[] for _ in devices]
    for link in found:
        for near_end, far_end in (link, link[::-1]):
            near, far = (ports[end.device][end.port] for end in (near_end, far_end))
            heard[near_end.device].append(_neighbour(near, devices[far_end.device], far))
    return [
        dataclasses.replace(
            device,
            interfaces=tuple(ports[number]),
            neighbours=tuple(sorted(heard[number], key=lambda neighbour: neighbour.port)),
        )
        for number, device in enumerate(devices)
    ]


def _weight(device: SimulatedDevice, port: Interface) -> tuple[int, bool]:
    return port.speed_bits_per_s, device.counters_64


def _far_end(near: Interface, far: Interface, near_device: str) -> Interface:
    """Return the port at the other end of a link: it receives what the near one sends, and the reverse."""
    there = {received: near.waves[sent] for sent, received in SENT.items()}
    back = {sent: near.waves[received] for sent, received in SENT.items()}
    return dataclasses.replace(
        far,
        alias=f"to {near_device} {near.name}",
        speed_bits_per_s=near.speed_bits_per_s,
        waves={**far.waves, **there, **back},
    )


def _neighbour(near: Interface, device: SimulatedDevice, far: Interface) -> Neighbour:
    return Neighbour(
        port=near.index,
        device_id=device.device_id,
        description=device.description,
        vendor=device.vendor,
        model=device.model,
        chassis_id=device.chassis_id,
        address=device.address,
        far_index=far.index,
        far_name=far.name,
        far_description=far.description,
    )
