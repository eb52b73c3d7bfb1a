"""Selects which neighbours `crawl` asks, and gives a reason for each that it does not (pure)."""

import ipaddress
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from pollers.plugins.base import KnownDevice
from pollers.plugins.discovery.sweep_targets import Network
from schemas.records import Resource

#: label of what was found, the number of neighbours between it and what other sections found
DEPTH_LABEL: Final = "crawl_depth"


class Why(StrEnum):
    """The reason for which a neighbour is not followed; also the metric's label."""

    NO_ADDRESS = "no-address"  #: it tells none, and its name has none
    OUTSIDE = "outside"  #: none of its addresses is within the prefixes
    ELSEWHERE = "another-site"  #: its address is another site's
    TOO_DEEP = "too-deep"
    SILENT = "silent"  #: it did not answer to the site's credentials


class Lead(NamedTuple):
    """A neighbour that is not in the inventory."""

    heard_by: str  #: identity
    row: str  #: of the port that heard it
    name: str
    chassis_id: str
    addresses: tuple[str, ...]  #: that may be asked
    depth: int
    why: Why | None = None  #: why it is not asked


def told(known: KnownDevice, site: str) -> Iterator[tuple[Resource, Mapping[str, str]]]:
    """Yield each neighbour that is no known device, with the devices that heard it."""
    for resource, rows in known.neighbours(site):
        for row in rows.values():
            if not _is_known(known, site, row):
                yield resource, row


def _is_known(known: KnownDevice, site: str, row: Mapping[str, str]) -> bool:
    """Return whether a neighbour is a known device: by chassis id, by address, or by name if no chassis id differs."""
    chassis_id, name = row.get("chassis_id", ""), row.get("system_name", "")
    if chassis_id and known.identified(site, "chassis_id", chassis_id):
        return True
    if any(known.at(site, address) is not None for address in addresses_of(row)):
        return True
    named = [*known.identified(site, "sys_name", name), known.named(site, name)] if name else []
    return any(each is not None and not (chassis_id and each.identifiers.get("chassis_id")) for each in named)


def addresses_of(row: Mapping[str, str]) -> Sequence[str]:
    """Return the management addresses of a neighbour that can be asked from here, in their shortest form."""
    found: dict[str, None] = {}
    for text in row.get("addresses", "").replace(" ", ",").split(","):
        try:
            address = ipaddress.ip_address(text.strip())
        except ValueError:
            continue
        if not (address.is_link_local or address.is_multicast or address.is_unspecified):
            found[str(address)] = None
    return tuple(found)


class CrawlLimits(NamedTuple):
    site: str
    within: Sequence[Network]
    without: Sequence[Network]
    depth: int

    def allows(self, address: str) -> bool:
        parsed = ipaddress.ip_address(address)
        return any(parsed in network for network in self.within) and not any(parsed in each for each in self.without)


def lead(
    resource: Resource,
    row: Mapping[str, str],
    addresses: Sequence[str],
    limits: CrawlLimits,
    sites: Callable[[str], frozenset[str]],
) -> Lead:
    """Return the addresses to ask for a neighbour, or why it is not followed; `sites` maps addresses to sites."""
    text = resource.labels.get(DEPTH_LABEL, "")
    depth = (int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 0) + 1
    inside = [address for address in addresses if limits.allows(address)]
    free = tuple(address for address in inside if sites(address) <= {limits.site})
    why: Why | None = None
    if not addresses:
        why = Why.NO_ADDRESS
    elif not inside:
        why = Why.OUTSIDE
    elif not free:
        why = Why.ELSEWHERE
    elif depth > limits.depth:
        why = Why.TOO_DEEP
    name, chassis_id = row.get("system_name", ""), row.get("chassis_id", "")
    return Lead(resource.identity, row.get("row", ""), name, chassis_id, free or tuple(addresses), depth, why)
