"""The part of an enriched resource that topology uses: its own identifiers and its neighbours."""

from collections.abc import Mapping
from sys import intern
from typing import Final, NamedTuple

from schemas.records import EnrichedResource, Enrichment

#: namespaces that other plugins than the neighbours' have
_NEIGHBOURS: Final = "neighbours"
_PORTS: Final = "ports"
_NOTHING: Final[Mapping[str, str]] = {}


class ToldPort(NamedTuple):
    """One interface with all the names that a neighbour may use for it."""

    row: str  #: the gauges' row
    if_index: str
    lldp_id: str  #: as it calls itself by LLDP
    name: str
    description: str
    alias: str
    mac: str
    oper_state: str
    speed_bits_per_s: int | None


class ToldBy(NamedTuple):
    """One neighbour that a port heard by one protocol."""

    protocol: str
    row: str  #: of the port that heard it
    chassis_id: str
    chassis_id_type: str
    port_id: str
    port_id_type: str
    port_description: str
    system_name: str
    addresses: tuple[str, ...]


class Told(NamedTuple):
    """The neighbour reports of one resource."""

    identity: str
    chassis_ids: tuple[str, ...]  #: its own chassis id first, where it has one
    names: tuple[str, ...]  #: in small letters
    addresses: tuple[str, ...]
    ports: Mapping[str, ToldPort]  #: by row
    neighbours: tuple[ToldBy, ...]
    until_ms: int  #: from when on what it said of ports and neighbours no longer counts


def told(enriched: EnrichedResource) -> Told:
    """Extract a resource's reports; one without the enrichment `neighbours` can still be a far end."""
    resource, found = enriched.resource, enriched.enrichments
    heard, ports = found.get(_NEIGHBOURS), found.get(_PORTS)
    own = {
        **resource.identifiers,
        **_facts(found, "device"),
        **_facts(found, "inventory"),
        **_facts(found, _NEIGHBOURS),
    }
    chassis = (own.get("chassis_id", ""), own.get("base_mac", ""))
    names = {own.get(name, "").lower() for name in ("sys_name", "cdp_device_id")}
    names |= {facts.get("sys_name", "").lower() for facts in (resource.identifiers, _facts(found, "device"))}
    addresses = {host_of(resource.endpoint), *resource.addresses, *_rows(found, "addresses")}
    return Told(
        identity=resource.identity,
        chassis_ids=tuple(dict.fromkeys(text for text in chassis if text)),
        names=tuple(sorted(names - {""})),
        addresses=tuple(sorted(address for address in addresses if _tells_apart(address))),
        ports=_ports(_rows(found, _PORTS), _rows(found, "interface")),
        neighbours=tuple(_said(row) for row in (heard.rows.values() if heard else ())),
        until_ms=min((_until_ms(each) for each in (heard, ports) if each is not None), default=0),
    )


def host_of(endpoint: str) -> str:
    """Return the host of `host`, `host:port` or `[v6]:port`."""
    if endpoint.startswith("["):
        return endpoint[1:].partition("]")[0]
    return endpoint.partition(":")[0] if endpoint.count(":") == 1 else endpoint


def _tells_apart(address: str) -> bool:
    """Return whether an address says which device it is: every device has its loopback and its link-local ones."""
    return address not in ("", "127.0.0.1", "::1", "0.0.0.0", "::") and not address.lower().startswith("fe80:")  # noqa: S104


def _facts(found: Mapping[str, Enrichment], namespace: str) -> Mapping[str, str]:
    return found[namespace].facts if namespace in found else _NOTHING


def _rows(found: Mapping[str, Enrichment], namespace: str) -> Mapping[str, Mapping[str, str]]:
    return found[namespace].rows if namespace in found else {}


def _until_ms(enrichment: Enrichment) -> int:
    return enrichment.collected_at_ms + enrichment.ttl_s * 1_000


def _ports(ports: Mapping[str, Mapping[str, str]], known: Mapping[str, Mapping[str, str]]) -> Mapping[str, ToldPort]:
    found: dict[str, ToldPort] = {}
    for key, said in ports.items():
        row, more = intern(key), known.get(said.get("if_index", ""), _NOTHING)
        found[row] = ToldPort(
            row=row,
            if_index=intern(said.get("if_index", "")),
            lldp_id=said.get("lldp_port_id", row),
            name=intern(said.get("name", row)),
            description=intern(said.get("description", row)),
            alias=more.get("alias", ""),
            mac=more.get("physical_address", ""),
            oper_state=intern(said.get("oper_state", "")),
            speed_bits_per_s=_speed(more.get("speed_bits_per_s", "")),
        )
    return found


def _speed(text: str) -> int | None:
    try:
        return int(float(text)) or None
    except (ValueError, OverflowError):
        return None


def _said(row: Mapping[str, str]) -> ToldBy:
    addresses = row.get("addresses", "")
    return ToldBy(
        protocol=intern(row.get("protocol", "")),
        row=intern(row.get("row", "")),
        chassis_id=row.get("chassis_id", ""),
        chassis_id_type=intern(row.get("chassis_id_type", "")),
        port_id=intern(row.get("port_id", "")),
        port_id_type=intern(row.get("port_id_type", "")),
        port_description=row.get("port_description", ""),
        system_name=row.get("system_name", ""),
        addresses=tuple(addresses.split(",")) if addresses else (),
    )
