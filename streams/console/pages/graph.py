"""The graph of devices and links for the map, and the path between two devices; pure."""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, TypedDict

from schemas.records import Gauge, Link, LinkEnd
from streams.console.models import ReadModels
from streams.console.models.facts import RowAt
from streams.topology.exports import node_of, port_of, title_of

INTERFACE: Final = "interface"
MOST_NODES: Final = 600  #: of one map; more are shown a site at a time
UP: Final = ("up", "one-sided")


class LinkLoad(NamedTuple):
    """The traffic of an interface, bit/s; None: not known."""

    into: float | None
    out: float | None


class GraphNode(TypedDict):
    """A device."""

    id: str
    name: str
    site: str
    state: str


Edge = TypedDict(
    "Edge",
    {
        "key": str,
        "source": str,
        "target": str,
        "ports": list[str],
        "state": str,
        "since_ms": int,
        "speed": int | None,
        "out": float | None,
        "in": float | None,
    },
)


class Graph(TypedDict):
    nodes: list[GraphNode]
    links: list[Edge]


class Sites(NamedTuple):
    """The number of linked devices of each site; for maps that would be too large."""

    name: str
    devices: int


def rows_of(models: ReadModels) -> Sequence[RowAt]:
    """Return the interfaces at both ends of every link."""
    return [(end.resource, end.row) for link in models.links().values() for end in link.ends if end.resource]


def loads_now(models: ReadModels) -> Mapping[RowAt, LinkLoad]:
    """Return the present traffic of the interfaces at the ends of links."""
    found = {}
    for identity, row in rows_of(models):
        gauge = models.row(identity, INTERFACE, row)
        if gauge is not None:
            found[identity, row] = LinkLoad(_bits(gauge, "octets_in"), _bits(gauge, "octets_out"))
    return found


def sites(models: ReadModels) -> Sequence[Sites]:
    """Return the sites that have linked devices, by name."""
    known = models.resources()
    members: dict[str, set[str]] = {}
    for link in models.links().values():
        for end in link.ends:
            if end.resource in known:
                members.setdefault(known[end.resource].resource.site, set()).add(end.resource)
    return [Sites(name, len(members[name])) for name in sorted(members)]


def graph(models: ReadModels, loads: Mapping[RowAt, LinkLoad], site: str = "") -> Graph:
    """Return nodes and links of a site and its neighbours; unknown loads are None."""
    nodes: dict[str, GraphNode] = {}
    edges: list[Edge] = []
    known = models.resources()
    for key, link in models.links().items():
        names = [known[end.resource].resource.site if end.resource in known else "" for end in link.ends]
        if site and site not in names:
            continue
        for end, name in zip(link.ends, names, strict=True):
            identity = node_of(end)
            state = str(models.health(identity))
            nodes.setdefault(identity, {"id": identity, "name": title_of(end), "site": name, "state": state})
        edges.append(_edge(models, key, link, loads))
    return {"nodes": sorted(nodes.values(), key=lambda node: node["id"]), "links": edges}


def _edge(models: ReadModels, key: str, link: Link, loads: Mapping[RowAt, LinkLoad]) -> Edge:
    one, other = link.ends
    near, far = loads.get((one.resource, one.row)), loads.get((other.resource, other.row))
    load = near or (LinkLoad(far.out, far.into) if far else LinkLoad(None, None))
    state, since_ms = state_of(models, link)
    return {
        "key": key, "source": node_of(one), "target": node_of(other), "ports": [port_of(one), port_of(other)],
        "state": state, "since_ms": since_ms, "speed": link.speed_bits_per_s, "out": load.out, "in": load.into,
    }  # fmt: skip


def state_of(models: ReadModels, link: Link) -> tuple[str, int]:
    """Return the link's state and its start. A port that a poll found down is told sooner than by its neighbour."""
    state = str(link.state).replace("_", "-")
    if state in UP:
        for end in link.ends:
            since_ms = _down_since_ms(models, end)
            if since_ms is not None:
                return "down", max(since_ms, link.since_ms)
    return state, link.since_ms


def _down_since_ms(models: ReadModels, end: LinkEnd) -> int | None:
    gauge = models.row(end.resource, INTERFACE, end.row) if end.resource else None
    if gauge is None or gauge.states.get("oper_state") not in {"down", "lowerLayerDown", "notPresent"}:
        return None
    return models.down_since_ms(end.resource, INTERFACE, end.row) or gauge.time_ms


class WayStep(NamedTuple):
    """One link of a path, in the direction of travel."""

    key: str
    near: LinkEnd
    far: LinkEnd
    state: str


def way(models: ReadModels, start: str, end: str) -> Sequence[WayStep] | None:
    """Return the path with the fewest links from one device to another, or None; links that are down are not used."""
    steps: dict[str, list[WayStep]] = {}
    for key, link in models.links().items():
        state, _ = state_of(models, link)
        if state in UP:
            for near, far in (link.ends, link.ends[::-1]):
                steps.setdefault(node_of(near), []).append(WayStep(key, near, far, state))
    came: dict[str, WayStep | None] = {start: None}
    left = deque([start])
    while left and end not in came:
        for step in steps.get(left.popleft(), ()):
            node = node_of(step.far)
            if node not in came:
                came[node] = step
                left.append(node)
    if end not in came:
        return None
    found: list[WayStep] = []
    while (last := came[end]) is not None:
        found.append(last)
        end = node_of(last.near)
    return found[::-1]


def _bits(gauge: Gauge, name: str) -> float | None:
    octets = gauge.gauges.get(name)
    return None if octets is None else octets * 8
