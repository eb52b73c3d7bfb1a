"""Validates what a device reports of its neighbours: ids become text, useless entries get a reason."""

import enum
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from pollers.plugins.network.rows import readable
from pollers.profiles.language.absent import Absent
from pollers.profiles.model import As
from pollers.profiles.reading.convert import address, raw_value
from pollers.snmp.values import Data, Type

#: more neighbours than this on one port are a fault, or a hub with a whole building behind it
MOST_ON_A_PORT: Final = 64
#: binary ids may have so many octets; longer ones are rubbish
_BINARY_OCTETS: Final = 32
_LONGEST_TEXT: Final = 255
_MAC_LENGTH: Final = len("00:00:00:00:00:00")
_FAMILY_OCTETS: Final = {1: 4, 2: 16}
#: LldpChassisIdSubtype and LldpPortIdSubtype (IEEE 802.1AB-2005, clause 12)
CHASSIS_TYPES: Final = {
    1: "component", 2: "alias", 3: "port-component", 4: "mac", 5: "address", 6: "name", 7: "local",
}  # fmt: skip
PORT_TYPES: Final = {1: "alias", 2: "component", 3: "mac", 4: "address", 5: "name", 6: "circuit", 7: "local"}
#: kinds of ids that need not be text
_BINARY: Final = frozenset({"circuit", "local"})


class Reject(enum.StrEnum):
    """The reason for which a neighbour entry is rejected; also the last part of a fact's name, `rejected.…`."""

    INCOMPLETE = "incomplete"  #: no chassis or no port
    SUBTYPE = "unknown-subtype"
    LENGTH = "subtype-and-length-disagree"
    ODD_BYTES = "odd-bytes"  #: a name that is no text
    ITSELF = "link-to-itself"  #: the far end is the port that heard it
    NO_PORT = "unknown-local-port"
    TOO_MANY = "too-many-on-a-port"
    ADDRESS = "bad-management-address"  #: costs the address, not the neighbour


class Rejected(ValueError):
    """A rejected neighbour entry."""

    def __init__(self, reason: Reject) -> None:
        super().__init__(reason)
        self.reason = reason


class Id(NamedTuple):
    kind: str  #: one of CHASSIS_TYPES or PORT_TYPES; empty for CDP, which has names only
    text: str


class Heard(NamedTuple):
    """One neighbour as one protocol reports it."""

    protocol: str
    port: int  #: the number that the protocol's table has for the local port
    chassis: Id
    far_port: Id
    port_description: str
    system_name: str
    addresses: tuple[str, ...]


class Local(NamedTuple):
    """The local port on which a neighbour was heard."""

    row: str  #: the gauges' row of the interface
    if_index: str
    names: frozenset[str]  #: what the device itself calls it


class Own(NamedTuple):
    """The device's own LLDP or CDP identifiers."""

    chassis: Id | None
    names: frozenset[str]  #: by LLDP and by CDP

    def is_meant_by(self, heard: Heard) -> bool:
        return heard.chassis == self.chassis if heard.chassis.text else heard.system_name in self.names


def identifier(subtype: Data, data: Data, kinds: Mapping[int, str]) -> Id:
    """Return an LLDP id as text: MAC addresses as AA:BB:CC:DD:EE:FF, others as they are read. Raises Rejected."""
    if subtype is None or data is None or data == b"":
        raise Rejected(Reject.INCOMPLETE)
    kind = kinds.get(subtype) if isinstance(subtype, int) else None
    if kind is None or not isinstance(data, bytes):
        raise Rejected(Reject.SUBTYPE)
    if kind == "mac":
        mac = raw_value(Type.OCTET_STRING, data, As.MAC)
        if isinstance(mac, Absent) or len(str(mac)) != _MAC_LENGTH:
            raise Rejected(Reject.LENGTH)
        return Id(kind, str(mac))
    if kind == "address":
        found = address(data[1:]) if _FAMILY_OCTETS.get(data[0]) == len(data) - 1 else None
        if found is None:
            raise Rejected(Reject.LENGTH)
        return Id(kind, found)
    if len(data) > _LONGEST_TEXT:
        raise Rejected(Reject.LENGTH)
    text = readable(data)
    if text:
        return Id(kind, text)
    if text is None and kind in _BINARY and len(data) <= _BINARY_OCTETS:
        return Id(kind, data.hex())
    raise Rejected(Reject.ODD_BYTES)


def words(data: Data) -> str:
    """Return a descriptive text, empty where it is malformed: the neighbour itself is kept."""
    return (readable(data) or "")[:_LONGEST_TEXT]


def statements(
    heard: Iterable[Heard], ports: Mapping[tuple[str, int], Local], own: Own
) -> tuple[dict[str, dict[str, str]], Counter[Reject]]:
    """Return the rows of the namespace `neighbours`, and the number of rejected ones by reason.

    `ports`: (protocol, number) -> the local port. The rows' keys have no number that a protocol gives out anew.
    """
    rejected: Counter[Reject] = Counter()
    by_port: dict[str, dict[str, dict[str, str]]] = {}
    for each in heard:
        local = ports.get((each.protocol, each.port))
        if local is None:
            rejected[Reject.NO_PORT] += 1
        elif own.is_meant_by(each) and each.far_port.text in local.names:
            rejected[Reject.ITSELF] += 1
        else:
            by_port.setdefault(local.row, {})[_key(each, local)] = _row(each, local)
    rows: dict[str, dict[str, str]] = {}
    for found in by_port.values():
        kept = sorted(found)[:MOST_ON_A_PORT]
        rejected[Reject.TOO_MANY] += len(found) - len(kept)
        rows |= {key: found[key] for key in kept}
    return dict(sorted(rows.items())), +rejected


def _key(each: Heard, local: Local) -> str:
    far = each.chassis.text or each.system_name
    return f"{each.protocol}|{local.row}|{far}|{each.far_port.text}"


def _row(each: Heard, local: Local) -> dict[str, str]:
    found = {
        "protocol": each.protocol,
        "row": local.row,
        "if_index": local.if_index,
        "chassis_id": each.chassis.text,
        "chassis_id_type": each.chassis.kind,
        "port_id": each.far_port.text,
        "port_id_type": each.far_port.kind,
        "port_description": each.port_description,
        "system_name": each.system_name,
        "addresses": ",".join(each.addresses),
    }
    return {name: text for name, text in found.items() if text}
