"""The objects of LLDP-MIB, LLDP-V2-MIB (IEEE 802.1AB-2005 and -2009) and CISCO-CDP-MIB, and how their rows are read."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from pollers.plugins.network.heard import CHASSIS_TYPES, PORT_TYPES, Heard, Id, Reject, Rejected, identifier, words
from pollers.plugins.network.rows import indexed_address, readable, rows_of, whole
from pollers.profiles.reading.convert import address
from pollers.snmp.values import Data, Oid, SnmpTable


class Lldp(NamedTuple):
    """One version of the LLDP MIB; the versions differ in OIDs and in row indexes."""

    protocol: str
    chassis_subtype: Oid
    chassis_id: Oid
    system_name: Oid
    remote: tuple[Oid, ...]  #: chassis subtype and id, port subtype and id, port description, system name
    addresses: Oid  #: a column of the table whose index has the management addresses
    port_at: int  #: where the index has the local port
    row_arcs: int  #: how many arcs of the index say which neighbour it is, from the time mark on
    local_ports: tuple[Oid, ...]  #: subtype, id and description of the own ports


LLDP: Final = Lldp(
    protocol="lldp",
    chassis_subtype="1.0.8802.1.1.2.1.3.1.0",
    chassis_id="1.0.8802.1.1.2.1.3.2.0",
    system_name="1.0.8802.1.1.2.1.3.3.0",
    remote=tuple(f"1.0.8802.1.1.2.1.4.1.1.{column}" for column in range(4, 10)),
    addresses="1.0.8802.1.1.2.1.4.2.1.3",
    port_at=1,
    row_arcs=3,
    local_ports=tuple(f"1.0.8802.1.1.2.1.3.7.1.{column}" for column in (2, 3, 4)),
)
#: its ports are numbered by ifIndex
LLDP_V2: Final = Lldp(
    protocol="lldp-v2",
    chassis_subtype="1.3.111.2.802.1.1.13.1.3.1.0",
    chassis_id="1.3.111.2.802.1.1.13.1.3.2.0",
    system_name="1.3.111.2.802.1.1.13.1.3.3.0",
    remote=tuple(f"1.3.111.2.802.1.1.13.1.4.1.1.{column}" for column in range(5, 11)),
    addresses="1.3.111.2.802.1.1.13.1.4.2.1.3",
    port_at=1,
    row_arcs=4,
    local_ports=tuple(f"1.3.111.2.802.1.1.13.1.3.7.1.{column}" for column in (2, 3, 4)),
)
CDP: Final = "cdp"
CDP_RUN: Final = "1.3.6.1.4.1.9.9.23.1.3.1.0"
CDP_DEVICE_ID: Final = "1.3.6.1.4.1.9.9.23.1.3.4.0"
#: cdpCacheTable: address type and address, device id, device port
CDP_CACHE: Final = tuple(f"1.3.6.1.4.1.9.9.23.1.2.1.1.{column}" for column in (3, 4, 6, 7))
_CDP_IP: Final = 1
_CDP_IPV6: Final = 20


def heard_by_lldp(mib: Lldp, remote: SnmpTable, managed: SnmpTable, rejected: Counter[Reject]) -> Iterator[Heard]:
    """Yield the neighbours in LLDP's tables; useless entries are counted."""
    addresses = _addresses(mib, managed, rejected)
    seen: dict[tuple[int, ...], tuple[int, list[Data]]] = {}
    for index, cells in rows_of(remote):
        if len(index) != mib.row_arcs:
            rejected[Reject.INCOMPLETE] += 1
            continue
        mark, place = index[0], index[1:]
        if place not in seen or mark >= seen[place][0]:  # of one neighbour the row that was heard last
            seen[place] = (mark, cells)
    for place, (_mark, cells) in sorted(seen.items()):
        chassis_subtype, chassis_id, port_subtype, port_id, description, name = cells
        try:
            yield Heard(
                protocol=mib.protocol,
                port=place[mib.port_at - 1],
                chassis=identifier(chassis_subtype, chassis_id, CHASSIS_TYPES),
                far_port=identifier(port_subtype, port_id, PORT_TYPES),
                port_description=words(description),
                system_name=words(name),
                addresses=tuple(sorted(addresses.get(place, ()))),
            )
        except Rejected as problem:
            rejected[problem.reason] += 1


def _addresses(mib: Lldp, managed: SnmpTable, rejected: Counter[Reject]) -> Mapping[tuple[int, ...], set[str]]:
    found: dict[tuple[int, ...], set[str]] = {}
    for index, _cells in rows_of(managed):
        text = indexed_address(index[mib.row_arcs :])
        if text is None:
            rejected[Reject.ADDRESS] += 1
        else:
            found.setdefault(index[1 : mib.row_arcs], set()).add(text)
    return found


def heard_by_cdp(cache: SnmpTable, rejected: Counter[Reject]) -> Iterator[Heard]:
    """Yield the neighbours in CDP's cache, which knows them by name, not by chassis."""
    for index, (kind, raw, device, port) in rows_of(cache):
        if device in (None, b"") or port in (None, b"") or len(index) != 2:
            rejected[Reject.INCOMPLETE] += 1
            continue
        name, far = readable(device), readable(port)
        if not name or not far:
            rejected[Reject.ODD_BYTES] += 1
            continue
        text = address(raw) if whole(kind) in (_CDP_IP, _CDP_IPV6) and isinstance(raw, bytes) else None
        yield Heard(CDP, index[0], Id("", ""), Id("name", far), "", name, (text,) if text else ())


def own_ports(table: SnmpTable) -> Mapping[int, Sequence[str]]:
    """Return the device's own LLDP ports: number -> kind and text of the id, description."""
    found: dict[int, Sequence[str]] = {}
    for index, (subtype, data, description) in rows_of(table):
        try:
            own = identifier(subtype, data, PORT_TYPES)
        except Rejected:
            own = Id("", "")
        found[index[0]] = (*own, words(description))
    return found
