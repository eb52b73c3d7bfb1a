"""A spec says what the lab is, and where it is wrong."""

import pytest

from tests.lab.lab import SPECS, read_spec
from tests.lab.spec import Agent, SpecProblem, parse


@pytest.mark.parametrize(("name", "nodes", "cables"), [("leaf-spine", 8, 10), ("thirty", 30, 56), ("odd", 4, 3)])
def test_our_specs_are_whole(name: str, nodes: int, cables: int) -> None:
    spec = parse(read_spec(name))
    assert (len(spec.nodes), len(spec.cables)) == (nodes, cables)
    assert {path.stem for path in SPECS.glob("*.yaml")} == {"leaf-spine", "thirty", "odd"}


@pytest.mark.parametrize("name", ["thirty", "odd"])
def test_there_is_an_agent_of_every_kind(name: str) -> None:
    assert {node.agent for node in parse(read_spec(name)).nodes.values()} == set(Agent)


@pytest.mark.parametrize("name", ["leaf-spine", "thirty", "odd"])
def test_no_address_is_given_twice(name: str) -> None:
    spec = parse(read_spec(name))
    addresses = [end.address.ip for cable in spec.cables for end in cable]
    addresses += [address for node in spec.nodes.values() for address in (node.management, node.loopback)]
    assert len(addresses) == len(set(addresses))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("nodes: [", "not YAML", id="no-yaml"),
        pytest.param("nodes: {a: {}}", "`nodes` and `links`", id="no-links"),
        pytest.param("nodes: {}\nlinks: []", "1 to 200 names", id="no-nodes"),
        pytest.param("nodes: {Leaf: {}}\nlinks: []", "'Leaf' is no name", id="a-capital"),
        pytest.param("nodes: {collector: {}}\nlinks: []", "no name for a node", id="the-collector's-name"),
        pytest.param("nodes: {a: {asn: 1}}\nlinks: []", "a: takes as,", id="unknown-key"),
        pytest.param("nodes: {a: {as: x}}\nlinks: []", "'x' is no AS number", id="as-number"),
        pytest.param("nodes: {a: {agent: v2}}\nlinks: []", "no agent 'v2': there are full, v1-only", id="agent"),
        pytest.param("nodes: {a: {community: a b}}\nlinks: []", "without blanks", id="community"),
        pytest.param("nodes: {a: {as: 1}, b: {}}\nlinks: [[a:swp1]]", "is no link", id="one-end"),
        pytest.param("nodes: {a: {as: 1}, b: {}}\nlinks: [[a:swp1, c:eth1]]", "no node 'c'", id="unknown-node"),
        pytest.param("nodes: {a: {as: 1}, b: {}}\nlinks: [[a:ge0, b:eth1]]", "'a:ge0' is no port", id="port"),
        pytest.param("nodes: {a: {}, b: {}}\nlinks: [[a:eth1, b:eth1]]", "both of hosts", id="two-hosts"),
        pytest.param("nodes: {a: {as: 1}}\nlinks: [[a:swp1, a:swp1]]", "used twice", id="to-itself"),
        pytest.param(
            "nodes: {a: {as: 1}, b: {as: 2}}\nlinks: [[a:swp1, b:swp1], [a:swp1, b:swp2]]",
            "a:swp1 is used twice",
            id="a-port-twice",
        ),
        pytest.param(
            "nodes: {a: {as: 1}, b: {}}\nlinks: [[a:swp1, b:eth1], [a:swp2, b:eth2]]",
            "b is used twice",
            id="a-host-twice",
        ),
    ],
)
def test_what_is_wrong_is_said(text: str, said: str) -> None:
    with pytest.raises(SpecProblem, match=said.replace("(", r"\(")):
        parse(text)


def test_an_unknown_spec_is_told_from_those_that_there_are() -> None:
    with pytest.raises(SpecProblem, match="there are leaf-spine, odd, thirty"):
        read_spec("nowhere")
