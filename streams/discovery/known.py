"""An index of the inventory for discovery plugins: a fold over its records."""

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeVar

from schemas.records import EnrichedResource, Resource

NEIGHBOURS: Final = "neighbours"  #: the namespace of enrichment that says who is behind which port

#: facts of that namespace, what the device's neighbours call it -> the identifier that this is
_OWN_IDS: Final = {"chassis_id": "chassis_id", "base_mac": "chassis_id", "sys_name": "sys_name"}

Rows = Mapping[str, Mapping[str, str]]
K = TypeVar("K")


def host_of(endpoint: str) -> str:
    """Return the host of `host`, `host:port` or `[v6]:port`; addresses in their shortest form."""
    host = endpoint
    if endpoint.startswith("["):
        host = endpoint[1:].partition("]")[0]
    elif endpoint.count(":") == 1:
        host = endpoint.partition(":")[0]
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return host.lower().rstrip(".")


class KnownInventory:
    """The resources of one zone by address, id and identifier (`pollers.plugins.base.Known`)."""

    def __init__(self, zone: str = "") -> None:
        self._zone = zone
        self._resources: dict[str, Resource] = {}
        self._by_address: dict[tuple[str, str], dict[str, None]] = {}  #: site, address -> identities
        self._by_id: dict[tuple[str, str], dict[str, None]] = {}  #: site, resource_id -> identities
        self._by_identifier: dict[tuple[str, str, str], dict[str, None]] = {}
        self._sites: dict[str, dict[str, None]] = {}  #: address -> sites
        self._neighbours: dict[str, Rows] = {}
        self._told_names: dict[str, list[tuple[str, str, str]]] = {}  #: identity -> where it stands in _by_identifier

    def __len__(self) -> int:
        return len(self._resources)

    def take(self, identity: str, resource: Resource | None) -> None:
        """Take a record of the inventory; None is a tombstone."""
        before = self._resources.pop(identity, None)
        if before is not None:
            self._index(identity, before, add=False)
        if resource is not None and resource.zone == self._zone:
            self._resources[identity] = resource
            self._index(identity, resource, add=True)

    def take_neighbours(self, identity: str, enriched: EnrichedResource | None) -> None:
        """Take the neighbours of a resource from its enrichment."""
        found = enriched.enrichments.get(NEIGHBOURS) if enriched is not None else None
        for place in self._told_names.pop(identity, ()):
            _mark(self._by_identifier, place, identity, add=False)
        self._neighbours.pop(identity, None)
        if enriched is None or found is None:
            return
        self._neighbours[identity] = found.rows
        site, facts = enriched.resource.site, found.facts
        places = [(site, identifier, facts[name]) for name, identifier in _OWN_IDS.items() if facts.get(name)]
        for place in self._told_names.setdefault(identity, places):
            _mark(self._by_identifier, place, identity, add=True)

    def _index(self, identity: str, resource: Resource, *, add: bool) -> None:
        site = resource.site
        addresses = {host_of(resource.endpoint), *resource.addresses}
        _mark(self._by_id, (site, resource.resource_id), identity, add=add)
        for name, value in resource.identifiers.items():
            _mark(self._by_identifier, (site, name, value), identity, add=add)
        for address in addresses:
            _mark(self._by_address, (site, address), identity, add=add)
            if add:
                self._sites.setdefault(address, {})[site] = None
            elif (site, address) not in self._by_address:
                _mark(self._sites, address, site, add=False)

    def at(self, site: str, address: str) -> Resource | None:
        return self._first(self._by_address.get((site, address)))

    def sites_at(self, address: str) -> frozenset[str]:
        return frozenset(self._sites.get(address, ()))

    def named(self, site: str, resource_id: str) -> Resource | None:
        return self._first(self._by_id.get((site, resource_id)))

    def identified(self, site: str, identifier: str, value: str) -> Sequence[Resource]:
        found = self._by_identifier.get((site, identifier, value), ())
        return [self._resources[each] for each in found if each in self._resources]

    def seen_by(self, section: str) -> Iterator[Resource]:
        return (each for each in tuple(self._resources.values()) if section in each.plugins)

    def neighbours(self, site: str) -> Iterator[tuple[Resource, Rows]]:
        for identity, rows in tuple(self._neighbours.items()):
            resource = self._resources.get(identity)
            if resource is not None and resource.site == site:
                yield resource, rows

    def _first(self, identities: Mapping[str, None] | None) -> Resource | None:
        return self._resources[next(iter(identities))] if identities else None


def _mark(index: dict[K, dict[str, None]], key: K, identity: str, *, add: bool) -> None:
    if add:
        index.setdefault(key, {})[identity] = None
        return
    marked = index.get(key, {})
    marked.pop(identity, None)
    if not marked:
        index.pop(key, None)
