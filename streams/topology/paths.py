"""Finds shortest paths between two resources, over links that are up."""

from collections import deque
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from schemas.records import Link, LinkEnd, LinkState

#: links that a path may use: one end's word will do
CARRYING = frozenset({LinkState.UP, LinkState.ONE_SIDED})


class Hop(NamedTuple):
    """One link of a path, from the end nearer to the start."""

    near: LinkEnd
    far: LinkEnd
    link: Link


class NoSuchResourceError(LookupError):
    """A name that matches no resource of the topology, or several."""

    def __init__(self, name: str, meant: Iterable[str]) -> None:
        several = sorted(meant)
        what = f"means {len(several)} resources: {', '.join(several[:5])}" if several else "has no link"
        super().__init__(f"{name!r} {what}")


def resolved(name: str, links: Mapping[str, Link]) -> str:
    """Return the identity for an identity, an id, or an id without its domain. Raises NoSuchResourceError."""
    everyone = {end.resource for link in links.values() for end in link.ends if end.resource}
    if name in everyone:
        return name
    ids = {identity: identity.rpartition("|")[2] for identity in everyone}
    found = [identity for identity, its_id in ids.items() if its_id == name]
    found = found or [identity for identity, its_id in ids.items() if its_id.startswith(f"{name}.")]
    if len(found) != 1:
        raise NoSuchResourceError(name, found)
    return found[0]


def shortest(links: Mapping[str, Link], start: str, goal: str) -> list[Hop] | None:
    """Return a path with the fewest links, or None where there is none; of equal ones the first by key."""
    out: dict[str, list[Hop]] = {}
    for _key, link in sorted(links.items()):
        if link.state in CARRYING:
            one, other = link.ends
            for near, far in ((one, other), (other, one)):
                if near.resource and far.resource:
                    out.setdefault(near.resource, []).append(Hop(near, far, link))
    came: dict[str, Hop | None] = {start: None}
    waiting = deque([start])
    while waiting and goal not in came:
        here = waiting.popleft()
        for hop in out.get(here, ()):
            if hop.far.resource not in came:
                came[hop.far.resource] = hop
                waiting.append(hop.far.resource)
    if goal not in came:
        return None
    path: list[Hop] = []
    while (last := came[goal]) is not None:
        path.append(last)
        goal = last.near.resource
    return path[::-1]
