"""The enrichment plugin `forwarding`: reads MAC and ARP tables (BRIDGE-MIB, Q-BRIDGE-MIB, IP-MIB).

Off unless a section asks for it: these tables change all the time, and are as large as the network behind a port.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from pollers.plugins.base import OptionError, PluginContext
from pollers.plugins.lists import device_list
from pollers.plugins.network.rows import indexed_address, octets_of, rows_of, whole
from pollers.plugins.snmp.enricher import DEFAULT_DEADLINE_S, device_of, enrichment
from pollers.plugins.snmp.followed_profiles import seconds_option
from pollers.profiles.reading.convert import address
from pollers.snmp.values import SnmpTable
from schemas.records import Enrichment, Resource

FORWARDING: Final = "forwarding"
ARP: Final = "arp"
OPTIONS: Final = ("deadline_s", "max_on_a_port", "max_rows")
#: dot1qTpFdbTable (RFC 4363): port, status; index: VLAN's filtering database, MAC address
_Q_FDB: Final = ("1.3.6.1.2.1.17.7.1.2.2.1.2", "1.3.6.1.2.1.17.7.1.2.2.1.3")
#: dot1dTpFdbTable (RFC 4188): port, status; index: MAC address
_FDB: Final = ("1.3.6.1.2.1.17.4.3.1.2", "1.3.6.1.2.1.17.4.3.1.3")
#: dot1dBasePortIfIndex
_BASE_PORT: Final = ("1.3.6.1.2.1.17.1.4.1.2",)
#: ipNetToPhysicalTable (RFC 4293): address; index: ifIndex, family, address
_NET_TO_PHYSICAL: Final = ("1.3.6.1.2.1.4.35.1.4",)
#: ipNetToMediaTable (RFC 1213): address; index: ifIndex, IPv4 address
_NET_TO_MEDIA: Final = ("1.3.6.1.2.1.4.22.1.2",)
_LEARNED: Final = 3
_MAC_OCTETS: Final = 6


class Seen(NamedTuple):
    """A MAC address learned on a port."""

    mac: str
    vlan: str  #: the filtering database, which most devices number as the VLAN; empty where the device has one only
    if_index: str


class Forwarding:
    """Reads the newer tables, and the older ones where the newer are empty."""

    def __init__(self, context: PluginContext) -> None:
        """Raises OptionError."""
        self._context = context
        problems = {name: f"expected one of {', '.join(OPTIONS)}" for name in context.options if name not in OPTIONS}
        self._deadline_s = seconds_option(context, "deadline_s") or DEFAULT_DEADLINE_S
        limits = {name: context.options.get(name, default) for name, default in _MOST.items()}
        numbers = {name: device_list.whole_number(text, 100_000) for name, text in limits.items()}
        problems |= {name: "expected a whole number from 1 to 100000" for name, number in numbers.items() if not number}
        if problems:
            raise OptionError(problems)
        self._on_a_port, self._rows = numbers["max_on_a_port"] or 1, numbers["max_rows"] or 1

    async def enrich(self, resource: Resource) -> Mapping[str, Enrichment]:
        """Return the namespaces `forwarding`: MAC address -> port, and `arp`: address -> MAC. Raises DeviceError."""
        now_ms = self._context.now_ms()
        async with self._context.snmp.open(device_of(resource), self._deadline_s) as session:
            ports = by_base_port(await session.walk(_BASE_PORT))
            seen = list(by_fdb(await session.walk(_Q_FDB), ports)) if ports else []
            if ports and not seen:
                seen = list(by_fdb(await session.walk(_FDB), ports))
            arp = dict(by_net_to_physical(await session.walk(_NET_TO_PHYSICAL)))
            if not arp:
                arp = dict(by_net_to_media(await session.walk(_NET_TO_MEDIA)))
        facts, rows = self._bounded(seen)
        found = {FORWARDING: enrichment(self._context, now_ms, facts, rows)} if ports else {}
        if arp:
            kept = dict(sorted(arp.items())[: self._rows])
            facts = {"left_out": str(len(arp) - len(kept))} if len(kept) < len(arp) else {}
            found[ARP] = enrichment(self._context, now_ms, facts, kept)
        return found

    def _bounded(self, seen: list[Seen]) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
        """Return facts and rows: of a port with more than its share nothing, since it leads to others that tell."""
        on_port = Counter(each.if_index for each in seen)
        crowded = {port: count for port, count in on_port.items() if count > self._on_a_port}
        few = sorted(each for each in seen if each.if_index not in crowded)
        facts = {f"crowded.{port}": str(count) for port, count in sorted(crowded.items())}
        if len(few) > self._rows:
            facts["left_out"] = str(len(few) - self._rows)
        return facts, {f"{each.mac} {each.vlan}".strip(): _row(each) for each in few[: self._rows]}


_MOST: Final = {"max_on_a_port": "128", "max_rows": "4096"}


def _row(seen: Seen) -> dict[str, str]:
    row = {"mac": seen.mac, "vlan": seen.vlan, "if_index": seen.if_index}
    return {name: text for name, text in row.items() if text}


def by_base_port(table: SnmpTable) -> dict[int, str]:
    """Return the ifIndex of each port of the bridge."""
    return {index[0]: str(cell) for index, (cell,) in rows_of(table) if len(index) == 1 and whole(cell)}


def by_fdb(table: SnmpTable, ports: Mapping[int, str]) -> Iterator[Seen]:
    """Yield the learned addresses of either table; those of no port, the device's own and garbled ones are left out."""
    for index, (port, status) in rows_of(table):
        vlan, mac = index[:-_MAC_OCTETS], index[-_MAC_OCTETS:]
        if len(mac) == _MAC_OCTETS and max(mac) < 256 and len(vlan) < 2 and status in (None, _LEARNED):
            if_index = ports.get(whole(port) or 0)
            if if_index is not None:
                yield Seen(mac_text(bytes(mac)), ".".join(map(str, vlan)), if_index)


def by_net_to_physical(table: SnmpTable) -> Iterator[tuple[str, dict[str, str]]]:
    for index, (mac,) in rows_of(table):
        octets, ip = octets_of(mac), indexed_address(index[1:])
        if ip is not None and octets and len(octets) == _MAC_OCTETS:
            yield ip, {"mac": mac_text(octets), "if_index": str(index[0])}


def by_net_to_media(table: SnmpTable) -> Iterator[tuple[str, dict[str, str]]]:
    for index, (mac,) in rows_of(table):
        octets = octets_of(mac)
        if len(index) == 5 and max(index[1:]) < 256 and octets and len(octets) == _MAC_OCTETS:
            yield str(address(bytes(index[1:]))), {"mac": mac_text(octets), "if_index": str(index[0])}


def mac_text(octets: bytes) -> str:
    return octets.hex(":").upper()


def create(context: PluginContext) -> Forwarding:
    """Return the plugin. Raises OptionError."""
    return Forwarding(context)
