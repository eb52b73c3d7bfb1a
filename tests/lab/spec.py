"""What a lab is made of, from YAML: nodes, cables, kinds of agents, and the addresses that follow from their order."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Any, Final, NamedTuple, cast

import yaml

COLLECTOR: Final = "collector"
#: the collector is .1, the first node .11, the second .12, …
MANAGEMENT: Final = IPv4Network("10.99.0.0/24")
#: the same last number as in the management network
LOOPBACKS: Final = IPv4Network("10.99.255.0/24")
#: a /31 for each link of two routers
TRANSFER: Final = IPv4Network("10.99.64.0/18")
#: a /24 for each link of a router (.1) and a host (.10)
HOSTS: Final = IPv4Network("10.99.128.0/18")
FIRST: Final = 11
NODES_MAX: Final = 200
#: interfaces in the collector's namespace are named after nodes (`m-leaf1`), and the kernel takes 15 characters
_NODE: Final = re.compile(r"[a-z][a-z0-9-]{0,11}")
_PORT: Final = re.compile(r"(swp|eth)[1-9][0-9]{0,3}")
_TEXT: Final = re.compile(r"[!-~]{1,64}")


class SpecProblem(Exception):
    """The spec cannot be built; the text says where and why."""


class Agent(StrEnum):
    """What kind of SNMP agent a node has."""

    FULL = "full"  #: v1, v2c and v3
    V1_ONLY = "v1-only"  #: as old devices: nothing but SNMPv1
    NO_64_BIT = "no-64-bit"  #: without Counter64 in the standard MIBs
    SILENT = "silent"  #: none: the node is there, but does not answer


class Node(NamedTuple):
    name: str
    number: int  #: last part of its addresses
    asn: int | None  #: None: a host
    community: str
    location: str
    agent: Agent

    @property
    def router(self) -> bool:
        return self.asn is not None

    @property
    def management(self) -> IPv4Address:
        return MANAGEMENT[self.number]

    @property
    def loopback(self) -> IPv4Address:
        return LOOPBACKS[self.number]


class Port(NamedTuple):
    node: str
    name: str

    def __str__(self) -> str:
        return f"{self.node}:{self.name}"


class End(NamedTuple):
    """One end of a cable, as the spec plugs it in."""

    port: Port
    address: IPv4Interface


class Cable(NamedTuple):
    a: End
    b: End


@dataclass(frozen=True, slots=True)
class Spec:
    nodes: Mapping[str, Node]
    cables: tuple[Cable, ...]

    def ends(self, node: str) -> Iterator[tuple[End, End]]:
        """Yield each end that is plugged in at the node, and the other end of its cable."""
        for a, b in self.cables:
            if a.port.node == node:
                yield a, b
            if b.port.node == node:
                yield b, a

    def routers_beside(self, node: str) -> list[tuple[End, End]]:
        """Return the ends at the node whose other end is a router's: there OSPF and BGP run."""
        return [(here, there) for here, there in self.ends(node) if self.nodes[there.port.node].router]

    def node(self, name: str) -> Node:
        """Return a node. Raises SpecProblem."""
        if name not in self.nodes:
            raise SpecProblem(f"no node {name!r} in this lab: there are {', '.join(self.nodes)}")
        return self.nodes[name]


def parse(text: str) -> Spec:
    """Return what a spec file says. Raises SpecProblem."""
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as problem:
        raise SpecProblem(f"not YAML: {problem}") from problem
    if not isinstance(content, dict) or set(content) != {"nodes", "links"}:
        raise SpecProblem("a spec has `nodes` and `links`, and nothing else")
    nodes, links = content["nodes"], content["links"]
    if not isinstance(nodes, dict) or not 0 < len(nodes) <= NODES_MAX:
        raise SpecProblem(f"`nodes` maps 1 to {NODES_MAX} names to what they are")
    if not isinstance(links, list):
        raise SpecProblem("`links` is a list of pairs, as [spine1:swp1, leaf1:swp1]")
    known = {name: _node(name, number, entry) for number, (name, entry) in enumerate(nodes.items(), FIRST)}
    return Spec(known, tuple(_cables(known, [_pair(known, link) for link in links])))


def port(text: str) -> Port:
    """Return a port from NODE:PORT. Raises SpecProblem."""
    node, _, name = text.partition(":")
    if not _NODE.fullmatch(node) or not _PORT.fullmatch(name):
        raise SpecProblem(f"{text!r} is no port: NODE:PORT, with a port swp1, swp2, … or eth1, …")
    return Port(node, name)


def _node(name: object, number: int, entry: object) -> Node:
    if not isinstance(name, str) or not _NODE.fullmatch(name) or name == COLLECTOR:
        raise SpecProblem(f"{name!r} is no name for a node: at most 12 of a-z, 0-9 and -, and not {COLLECTOR}")
    if not isinstance(entry, dict) or not set(entry) <= {"as", "location", "community", "agent"}:
        raise SpecProblem(f"{name}: takes as, location, community and agent")
    given = cast("dict[str, Any]", entry)
    asn, agent = given.get("as"), given.get("agent", Agent.FULL)
    if asn is not None and (not isinstance(asn, int) or not 0 < asn < 2**32):
        raise SpecProblem(f"{name}: {asn!r} is no AS number")
    if agent not in list(Agent):
        raise SpecProblem(f"{name}: no agent {agent!r}: there are {', '.join(Agent)}")
    community, location = given.get("community", f"c-{name}"), given.get("location", "lab")
    for text in (community, location):
        if not isinstance(text, str) or not _TEXT.fullmatch(text):
            raise SpecProblem(f"{name}: {text!r}: takes up to 64 printable characters without blanks")
    return Node(name, number, asn, community, location, Agent(agent))


def _pair(nodes: Mapping[str, Node], link: object) -> tuple[Port, Port]:
    if not isinstance(link, list) or len(link) != 2 or not all(isinstance(end, str) for end in link):
        raise SpecProblem(f"{link!r} is no link: a pair, as [spine1:swp1, leaf1:swp1]")
    a, b = (port(end) for end in link)
    for end in (a, b):
        if end.node not in nodes:
            raise SpecProblem(f"{end}: no node {end.node!r}")
    if not nodes[a.node].router:
        a, b = b, a
    if not nodes[a.node].router:
        raise SpecProblem(f"{a} and {b} are both of hosts: one end is a router's")
    return a, b


def _cables(nodes: Mapping[str, Node], pairs: list[tuple[Port, Port]]) -> Iterator[Cable]:
    """Yield the links with addresses, a router first. Raises SpecProblem where a port or a host is used twice."""
    transfer, stubs = TRANSFER.subnets(new_prefix=31), HOSTS.subnets(new_prefix=24)
    used: set[object] = set()
    for a, b in pairs:
        taken = (a, b) if nodes[b.node].router else (a, b.node)
        for end in taken:
            if end in used:
                raise SpecProblem(f"{end} is used twice")
            used.add(end)
        if a == b:
            raise SpecProblem(f"{a} is joined to itself")
        network = next(transfer) if nodes[b.node].router else next(stubs, None)
        if network is None:
            raise SpecProblem("too many hosts")
        first, second = (0, 1) if nodes[b.node].router else (1, 10)
        yield Cable(*(
            End(end, IPv4Interface((network[number], network.prefixlen)))
            for end, number in ((a, first), (b, second))
        ))  # fmt: skip
