"""Lists neighbours that match no known port, and rejected neighbour entries, each with its reason."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from schemas.records import DiscoveryRun, EnrichedResource, Link, LinkState

_REJECTED: Final = "rejected."


class Unresolved(NamedTuple):
    """A neighbour that matches no known resource, or no port of one."""

    heard_by: str  #: identity
    row: str  #: of the port that heard it
    resource: str  #: identity of the neighbour where only its port is not known
    system_name: str
    chassis_id: str
    port_id: str
    addresses: tuple[str, ...]
    why: str


class RejectedLink(NamedTuple):
    resource: str
    reason: str
    times: int


def unresolved(links: Mapping[str, Link]) -> list[Unresolved]:
    """Return the unresolved neighbours in the order of the devices that heard them, without expired links."""
    found = []
    for link in links.values():
        if link.state is LinkState.GONE:
            continue
        for near, far in (link.ends, link.ends[::-1]):
            if far.why and near.resource:
                names = (far.resource, far.system_name, far.chassis_id, far.port_id)
                found.append(Unresolved(near.resource, near.row, *names, tuple(far.addresses), far.why))
    return sorted(found)


def explained(found: Iterable[Unresolved], runs: Iterable[DiscoveryRun]) -> list[Unresolved]:
    """Add the reason why discovery did not follow them, where there is one."""
    told = {
        (each.heard_by, each.row, each.chassis_id, each.system_name): each.why
        for run in runs
        for each in run.unfollowed
    }
    return [
        each._replace(why=f"{each.why}, {why}") if why else each
        for each in found
        for why in (told.get((each.heard_by, each.row, each.chassis_id, each.system_name)),)
    ]


def rejected(everyone: Mapping[str, EnrichedResource]) -> list[RejectedLink]:
    """Return the neighbour entries that enrichment rejected, by resource and reason."""
    return [
        RejectedLink(identity, name.removeprefix(_REJECTED), int(count))
        for identity, enriched in sorted(everyone.items())
        if "neighbours" in enriched.enrichments
        for name, count in sorted(enriched.enrichments["neighbours"].facts.items())
        if name.startswith(_REJECTED)
    ]
