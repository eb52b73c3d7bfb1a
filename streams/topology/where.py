"""Finds the port behind which an address was seen, from devices' forwarding and ARP tables (pure)."""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Final, NamedTuple

from schemas.records import EnrichedResource, Enrichment, Link, LinkState

FORWARDING: Final = "forwarding"
_ARP: Final = "arp"
_PORTS: Final = "ports"
_ADDRESSES: Final = "addresses"
_SEPARATORS: Final = re.compile(r"[:.\-\s]")
_MAC: Final = re.compile(r"[0-9A-F]{12}")


class NoAddressError(ValueError):
    """A text that is neither a MAC nor an IP address."""


class SeenAt(NamedTuple):
    """One port at which an address was seen."""

    resource: str
    row: str  #: the gauges' row of the port, else `ifIndex N`
    mac: str
    vlan: str
    how: str  #: forwarding: behind that port; arp: asked for on that interface; own: the device's own address
    at_ms: int  #: when the device said so


def normal(text: str) -> str:
    """Normalise a MAC or IP address to the form that tables have. Raises NoAddressError."""
    with suppress(ValueError):  # first: without its dots 192.168.100.100 has twelve digits
        return str(ipaddress.ip_address(text.strip()))
    mac = _SEPARATORS.sub("", text).upper()
    if _MAC.fullmatch(mac):
        return ":".join(mac[at : at + 2] for at in range(0, 12, 2))
    raise NoAddressError(f"{text!r}: expected a MAC address like 02:00:5E:00:53:01, or an IP address")


def where(address: str, everyone: Mapping[str, EnrichedResource], links: Mapping[str, Link]) -> list[SeenAt]:
    """Return where an address was seen: ports first, else the devices whose ARP tables have it.

    A port that leads to another device with a forwarding table is left out: that one tells better.
    Raises NoAddressError.
    """
    wanted = normal(address)
    asked = list(_asked(wanted, everyone))
    macs = {each.mac for each in asked if each.how == _ARP and each.mac} | ({wanted} if _is_mac(wanted) else set())
    between = set(_between(everyone, links))
    behind = [each for each in _behind(macs, everyone) if (each.resource, each.row) not in between]
    own = [each for each in asked if each.how == "own"]
    return sorted(
        [*own, *(behind or (each for each in asked if each.how == _ARP))], key=lambda each: (-each.at_ms, each)
    )


def _is_mac(address: str) -> bool:
    return address.count(":") == 5 and len(address) == 17


def _asked(wanted: str, everyone: Mapping[str, EnrichedResource]) -> Iterator[SeenAt]:
    """Yield what IP tables say: the device's own address, or one that it has a MAC address of; by either."""
    for identity, known in everyone.items():
        rows_by_index = _rows_by_index(known)
        for ip, row in _rows(known, _ARP):
            if wanted in (ip, row.get("mac")):
                yield _seen(identity, known.enrichments[_ARP], rows_by_index, row, _ARP)
        for ip, row in _rows(known, _ADDRESSES):
            if ip == wanted:
                yield _seen(identity, known.enrichments[_ADDRESSES], rows_by_index, row, "own")


def _behind(macs: set[str], everyone: Mapping[str, EnrichedResource]) -> Iterator[SeenAt]:
    for identity, known in everyone.items():
        rows_by_index = _rows_by_index(known)
        for _, row in _rows(known, FORWARDING):
            if row.get("mac") in macs:
                yield _seen(identity, known.enrichments[FORWARDING], rows_by_index, row, FORWARDING)


def _between(everyone: Mapping[str, EnrichedResource], links: Mapping[str, Link]) -> Iterator[tuple[str, str]]:
    """Yield the ports that lead to a device with a forwarding table of its own."""
    for link in links.values():
        if link.state != LinkState.GONE:
            one, other = link.ends
            for near, far in ((one, other), (other, one)):
                known = everyone.get(far.resource)
                if known is not None and FORWARDING in known.enrichments:
                    yield near.resource, near.row


def _seen(
    identity: str, found: Enrichment, rows_by_index: Mapping[str, str], row: Mapping[str, str], how: str
) -> SeenAt:
    index = row.get("if_index", "")
    port = rows_by_index.get(index) or f"ifIndex {index}"
    return SeenAt(identity, port, row.get("mac", ""), row.get("vlan", ""), how, found.collected_at_ms)


def _rows(known: EnrichedResource, namespace: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    found = known.enrichments.get(namespace)
    yield from found.rows.items() if found is not None else ()


def _rows_by_index(known: EnrichedResource) -> dict[str, str]:
    return {row.get("if_index", ""): name for name, row in _rows(known, _PORTS)}
