"""What is true in the lab, as the kernel, FRR and lldpd say it themselves.

Only parsing, and nothing of `streams` or `pollers`: whoever compares the two compares independent accounts.
"""

import json
from typing import Any, NamedTuple


class Counters(NamedTuple):
    octets: int
    packets: int
    errors: int
    drops: int


class Link(NamedTuple):
    """One interface as `ip -s -j link` has it."""

    name: str
    number: int  #: ifIndex
    alias: str
    up: bool  #: set up by its administrator
    carrier: bool  #: and something is at the other end
    mtu: int
    address: str  #: MAC
    received: Counters
    sent: Counters


class BgpPeer(NamedTuple):
    """One session as `show bgp neighbors json` has it."""

    address: str
    remote_as: int
    state: str  #: as FRR spells it: Established, Idle, Connect, Active, OpenSent, OpenConfirm
    shut: bool  #: by its administrator


class OspfNeighbour(NamedTuple):
    """One adjacency as `show ip ospf neighbor json` has it."""

    router_id: str
    address: str
    interface: str
    state: str  #: Full, 2-Way, …; without the role


class Neighbour(NamedTuple):
    """Who is at the other end of a port, as `lldpcli -f json show neighbors` has it."""

    port: str
    system: str
    chassis: str  #: a MAC as lldpd's default
    far_port: str
    management: tuple[str, ...]


def parse_links(text: str) -> list[Link]:
    """Return the interfaces of `ip -s -j link`."""
    return [
        Link(
            name=entry["ifname"],
            number=entry["ifindex"],
            alias=entry.get("ifalias", ""),
            up="UP" in entry["flags"],
            carrier="LOWER_UP" in entry["flags"],
            mtu=entry["mtu"],
            address=entry.get("address", ""),
            received=_counters(entry["stats64"]["rx"]),
            sent=_counters(entry["stats64"]["tx"]),
        )
        for entry in json.loads(text)
    ]


def parse_bgp(text: str) -> list[BgpPeer]:
    """Return the sessions of `show bgp neighbors json`."""
    return [
        BgpPeer(address, entry["remoteAs"], entry["bgpState"], bool(entry.get("adminShutDown", False)))
        for address, entry in json.loads(text).items()
        if isinstance(entry, dict) and "bgpState" in entry
    ]


def parse_ospf(text: str) -> list[OspfNeighbour]:
    """Return the adjacencies of `show ip ospf neighbor json`."""
    return [
        OspfNeighbour(
            router_id,
            entry.get("ifaceAddress") or entry["address"],
            entry["ifaceName"].partition(":")[0],
            (entry.get("nbrState") or entry["state"]).partition("/")[0],
        )
        for router_id, entries in json.loads(text).get("neighbors", {}).items()
        for entry in entries
    ]


def parse_neighbours(text: str) -> list[Neighbour]:
    """Return the neighbours of `lldpcli -f json0 show neighbors`, one for each that a port has heard of."""
    return [
        Neighbour(
            port=interface["name"],
            system=_value(chassis, "name"),
            chassis=_value(chassis, "id"),
            far_port=_value(interface["port"][0], "id"),
            management=tuple(entry["value"] for entry in chassis.get("mgmt-ip", [])),
        )
        for lldp in json.loads(text)["lldp"]
        for interface in lldp.get("interface", [])
        for chassis in interface["chassis"]
    ]


def _counters(entry: dict[str, int]) -> Counters:
    return Counters(entry["bytes"], entry["packets"], entry["errors"], entry["dropped"])


def _value(entry: dict[str, Any], name: str) -> str:
    """Return the first value of that name, as json0 has them: [{"value": …}]."""
    values = entry.get(name, [])
    return str(values[0].get("value", "")) if values else ""
