"""Whether a lab is as its spec says: every neighbour known, every session there, as its agents show it."""

from collections.abc import Iterator, Mapping
from typing import Final

from tests.lab.reading import Reading
from tests.lab.spec import Agent, Node, Spec
from tests.lab.testbed import agents, system
from tests.lab.testbed.place import Place

#: lldpRemSysName, bgpPeerState, ospfNbrState
LLDP: Final = "1.0.8802.1.1.2.1.4.1.1.9"
BGP: Final = "1.3.6.1.2.1.15.3.1.2"
OSPF: Final = "1.3.6.1.2.1.14.10.1.6"
ESTABLISHED: Final = "6"
FULL: Final = "8"


def missing(place: Place, spec: Spec, node: Node) -> str | None:
    """Return what a node's agent does not show yet; None when all is there."""
    for what, there, wanted in counts(place, spec, node):
        if there < wanted:
            return f"{what} on {node.name}: {there} of {wanted}"
    return None


def counts(place: Place, spec: Spec, node: Node) -> Iterator[tuple[str, int, int]]:
    """Yield (what, how many there are, how many the spec has), read as a collector would where there is an agent."""
    wanted = len(list(spec.ends(node.name)))
    routers = len(spec.routers_beside(node.name))
    if node.agent is Agent.SILENT:
        reading = Reading(place)
        yield "LLDP", len({neighbour.port for neighbour in reading.neighbours(node.name)}), wanted
        if node.router:
            yield "BGP", sum(peer.state == "Established" for peer in reading.bgp(node.name)), routers
            yield "OSPF", sum(adjacency.state == "Full" for adjacency in reading.ospf(node.name)), routers
        return
    yield "LLDP", len(_rows(place, node, LLDP)), wanted
    if node.router:
        yield "BGP", list(_rows(place, node, BGP).values()).count(ESTABLISHED), routers
        yield "OSPF", list(_rows(place, node, OSPF).values()).count(FULL), routers


def _rows(place: Place, node: Node, oid: str) -> Mapping[str, str]:
    try:
        return agents.walk(place, node, oid)
    except system.LabProblem:  # it does not answer (yet)
        return {}
