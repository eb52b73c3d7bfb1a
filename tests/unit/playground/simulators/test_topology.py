"""What the simulated devices say of each other agrees, read as a topology would read it."""

import bisect
import functools
from collections import Counter
from typing import Any

import pytest

from streams.playground.simulators import ber, topology
from streams.playground.simulators.devices import MUTE_ROLES, fleet
from streams.playground.simulators.mibs import bgp as mib_bgp
from streams.playground.simulators.mibs import mib
from streams.playground.simulators.mibs import neighbours as mib_neighbours
from streams.playground.simulators.truth import Quantity, SimulatedDevice

DEVICES = fleet()
BY_CHASSIS = {device.chassis_id: device for device in DEVICES}


@functools.cache
def _mib(device_id: str) -> mib.Mib:
    return mib.build(next(device for device in DEVICES if device.device_id == device_id), 0.0)


def _table(view: mib.Mib, entry: ber.Oid, at_s: float = 0.0) -> dict[tuple[int, ...], dict[int, bytes]]:
    """Return index -> column -> content of the encoded value."""
    rows: dict[tuple[int, ...], dict[int, bytes]] = {}
    first = bisect.bisect_left(view.oids, entry)
    for place, oid in enumerate(view.oids[first:], first):
        if oid[: len(entry)] != entry:
            break
        value = ber.read_all(ber.read(view.binding(place, at_s))[0].content)[1]
        rows.setdefault(oid[len(entry) + 1 :], {})[oid[len(entry)]] = value.content
    return rows


def _port_ids(device: SimulatedDevice) -> dict[int, tuple[bytes, bytes]]:
    """Return lldpLocPortNum -> subtype and port id."""
    table = _table(_mib(device.device_id), mib_neighbours.LOCAL_PORT_ENTRY)
    return {index[0]: (row[2], row[3]) for index, row in table.items()}


def test_both_ends_say_the_same_of_a_link_by_lldp() -> None:
    said: Counter[frozenset[Any]] = Counter()
    for device in DEVICES:
        ports = _port_ids(device)
        for (_, number, _), row in _table(_mib(device.device_id), mib_neighbours.REMOTE_ENTRY).items():
            far = BY_CHASSIS[row[5]]
            assert row[9] == far.device_id.encode()
            assert (row[6], row[7]) in _port_ids(far).values()
            said[frozenset(((device.chassis_id, ports[number]), (row[5], (row[6], row[7]))))] += 1
    assert len(said) == len(topology.links(DEVICES, [n for n, d in enumerate(DEVICES) if d.role in MUTE_ROLES]))
    assert set(said.values()) == {2}, "each link is said by its two ends"


def test_lldp_tells_the_management_address_that_the_device_is_polled_at() -> None:
    view = _mib(DEVICES[0].device_id)
    addresses = {index[:3]: index[5:] for index in _table(view, mib_neighbours.REMOTE_ADDRESS_ENTRY)}
    for index, row in _table(view, mib_neighbours.REMOTE_ENTRY).items():
        assert ".".join(map(str, addresses[index])) == BY_CHASSIS[row[5]].address


def test_lldp_ports_of_a_cisco_device_are_not_numbered_by_if_index() -> None:
    indexes = [interface.index for interface in DEVICES[0].interfaces]
    assert DEVICES[0].vendor == "cisco"
    assert list(_port_ids(DEVICES[0])) != indexes


def test_cdp_is_between_cisco_devices_and_both_ends_agree() -> None:
    said: Counter[frozenset[Any]] = Counter()
    by_name = {device.device_id: device for device in DEVICES}
    for device in DEVICES:
        rows = _table(_mib(device.device_id), mib_neighbours.CDP_CACHE_ENTRY)
        assert device.vendor == "cisco" or not rows
        descriptions = {interface.index: interface.description for interface in device.interfaces}
        for (if_index, _), row in rows.items():
            assert by_name[row[6].decode()].vendor == "cisco"
            said[frozenset(((device.device_id, descriptions[if_index]), (row[6].decode(), row[7].decode())))] += 1
    assert said
    assert set(said.values()) == {2}


@pytest.mark.parametrize("count", [12, 24, 300])
def test_every_device_is_joined_and_every_site_reaches_every_other(count: int) -> None:
    devices = fleet(count, 48)
    reached, ahead = set(), [devices[0].device_id]
    by_name = {device.device_id: device for device in devices}
    while ahead:
        name = ahead.pop()
        if name not in reached:
            reached.add(name)
            ahead += [neighbour.device_id for neighbour in by_name[name].neighbours]
    assert reached == set(by_name)
    for device in devices:
        ports = [neighbour.port for neighbour in device.neighbours]
        assert ports == sorted(set(ports)), "a port has one cable"


def test_what_one_end_sends_the_other_receives() -> None:
    links = topology.links(DEVICES, [n for n, d in enumerate(DEVICES) if d.role in MUTE_ROLES])
    for link in links:
        a, b = (DEVICES[end.device].interfaces[end.port] for end in link)
        assert a.speed_bits_per_s == b.speed_bits_per_s
        assert a.waves[Quantity.OUT_OCTETS] == b.waves[Quantity.IN_OCTETS]
        assert a.waves[Quantity.IN_OCTETS] == b.waves[Quantity.OUT_OCTETS]
        assert a.waves[Quantity.IN_OCTETS].peak_per_s * 8 <= a.speed_bits_per_s


def test_parallel_links_join_the_two_devices_that_speak_bgp() -> None:
    first, second = DEVICES[:2]
    assert sum(neighbour.device_id == second.device_id for neighbour in first.neighbours) == topology.PARALLEL
    up = [peer for peer in first.peers if peer.established_s is not None]
    assert len(up) == topology.PARALLEL
    assert len(first.peers) == len(up) + 1, "and a session whose far end is away"


def test_both_ends_of_a_bgp_session_agree() -> None:
    first, second = (_table(_mib(device.device_id), mib_bgp.PEER_ENTRY, at_s=100.0) for device in DEVICES[:2])
    assert len(second) == topology.PARALLEL
    for index, row in second.items():
        mirrored = first[tuple(row[5])]
        assert row[7] == bytes(index) == mirrored[5]
        for here, there in ((2, 2), (10, 11), (11, 10), (12, 13), (13, 12), (16, 16)):
            assert row[here] == mirrored[there]
