"""The lab is what its spec says, and what is done to it is seen by software that is not ours."""

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.lab.lab import Lab
from tests.lab.spec import Agent, port
from tests.lab.testbed import agents, faults
from tests.lab.testbed.system import LabProblem

IF_HC_IN_OCTETS = "1.3.6.1.2.1.31.1.1.1.6"
IF_IN_OCTETS = "1.3.6.1.2.1.2.2.1.10"
SYS_NAME = "1.3.6.1.2.1.1.5.0"
SEEN_S = 20

pytestmark = pytest.mark.timeout(120)


def within(seconds: float, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s"
        time.sleep(0.2)


def far_ends(lab: Lab, node: str) -> set[tuple[str, str, str]]:
    return {(n.port, n.system, n.far_port) for n in lab.truth.neighbours(node)}


def test_every_cable_joins_the_ports_of_the_spec(lab: Lab) -> None:
    for node in lab.spec.nodes:
        wanted = {(here.port.name, there.port.node, there.port.name) for here, there in lab.spec.ends(node)}
        assert far_ends(lab, node) == wanted


def test_every_router_has_its_sessions_and_adjacencies(lab: Lab) -> None:
    for node in (node for node in lab.spec.nodes.values() if node.router):
        peers = {str(there.address.ip) for _, there in lab.spec.routers_beside(node.name)}
        assert {peer.address for peer in lab.truth.bgp(node.name) if peer.state == "Established"} == peers
        assert {seen.address for seen in lab.truth.ospf(node.name) if seen.state == "Full"} == peers


def test_a_host_reaches_the_other_one_and_its_octets_are_counted(lab: Lab) -> None:
    def received() -> int:
        [link] = [link for link in lab.truth.links("host2") if link.name == "eth1"]
        return link.received.octets

    before = received()
    said = faults.traffic(lab, "host1", "host2", 5, 1)
    sent = re.search(r"/(\d+) \(\S+%\) +receiver", said)
    assert sent is not None, said
    # 1,400 octets and the headers of UDP, IP and Ethernet
    assert 0 <= received() - before - int(sent[1]) * 1442 < 10_000


def test_a_link_that_is_set_down_takes_the_other_end_s_carrier(lab: Lab) -> None:
    def carrier(node: str, name: str) -> bool:
        return next(link.carrier for link in lab.truth.links(node) if link.name == name)

    faults.set_link(lab, port("spine2:swp3"), "down")
    try:
        within(5, lambda: not carrier("leaf3", "swp2"))
    finally:
        faults.set_link(lab, port("spine2:swp3"), "up")
    within(5, lambda: carrier("leaf3", "swp2"))


def test_a_moved_cable_is_seen_by_lldp_and_moves_back(lab: Lab) -> None:
    moved = {("swp9", "host2", "eth1")}
    faults.move_cable(lab, port("leaf4:swp3"), port("leaf3:swp9"))
    try:
        within(SEEN_S, lambda: moved <= far_ends(lab, "leaf3"))
        within(SEEN_S, lambda: ("eth1", "leaf3", "swp9") in far_ends(lab, "host2"))
        assert "host2" not in {system for _, system, _ in far_ends(lab, "leaf4")}
        [empty] = [link for link in lab.truth.links("leaf4") if link.name == "swp3"]
        assert (empty.up, empty.carrier) == (True, False)
    finally:
        faults.move_cable(lab, port("leaf3:swp9"), port("leaf4:swp3"))
    within(SEEN_S, lambda: ("swp3", "host2", "eth1") in far_ends(lab, "leaf4"))
    assert lab.run("leaf4", "ping", "-c", "1", "-W", "2", "10.99.129.10")


def test_a_shut_session_is_down_at_both_ends(lab: Lab) -> None:
    def state(node: str, address: str) -> tuple[str, bool]:
        return next((peer.state, peer.shut) for peer in lab.truth.bgp(node) if peer.address == address)

    [(here, there), *_] = lab.spec.routers_beside("leaf2")
    faults.set_bgp(lab, "leaf2", str(there.address.ip), "down")
    try:
        within(5, lambda: state("leaf2", str(there.address.ip)) == ("Idle", True))
        within(5, lambda: state(there.port.node, str(here.address.ip))[0] != "Established")
    finally:
        faults.set_bgp(lab, "leaf2", str(there.address.ip), "up")
    within(SEEN_S, lambda: state("leaf2", str(there.address.ip)) == ("Established", False))


@contextmanager
def impaired(lab: Lab, node: str, *settings: str) -> Iterator[None]:
    faults.impair(lab, node, list(settings))
    try:
        yield
    finally:
        faults.impair(lab, node, [])


def test_a_slow_line_is_slow_and_well_again_afterwards(lab: Lab) -> None:
    def round_trip_ms() -> float:
        said = lab.run("collector", "ping", "-c", "2", "-i", "0.2", "-W", "2", "10.99.0.15")
        found = re.search(r"= [\d.]+/([\d.]+)/", said)
        assert found is not None, said
        return float(found[1])

    with impaired(lab, "leaf3", "delay=40"):
        assert round_trip_ms() > 80
    assert round_trip_ms() < 40


def test_an_agent_that_is_frozen_does_not_answer_and_goes_on(lab: Lab) -> None:
    node = lab.spec.node("host1")
    faults.set_snmpd(lab, "host1", "freeze")
    try:
        with pytest.raises(LabProblem, match="Timeout"):
            agents.ask(lab.place, node, "snmpget", "2c", SYS_NAME)
    finally:
        faults.set_snmpd(lab, "host1", "thaw")
    assert "host1" in agents.ask(lab.place, node, "snmpget", "2c", SYS_NAME)


def test_an_agent_that_restarts_has_one_more_boot(lab: Lab) -> None:
    def boots() -> int:
        said = agents.ask(lab.place, node, "snmpget", "3", "1.3.6.1.6.3.10.2.1.2.0", options=("-Oqv",))
        return int(said)

    node = lab.spec.node("host2")
    before = boots()
    faults.set_snmpd(lab, "host2", "restart")
    assert boots() == before + 1


def test_two_labs_side_by_side_have_their_own_nodes(lab: Lab, odd_lab: Lab) -> None:
    for one, name in ((lab, "spine1"), (odd_lab, "router")):
        node = one.spec.node(name)
        assert str(node.management) == "10.99.0.11"
        assert name in agents.ask(one.place, node, "snmpget", "2c", SYS_NAME)


ANSWERS = {
    Agent.FULL: {"1", "2c", "3"},
    Agent.NO_64_BIT: {"1", "2c", "3"},
    Agent.V1_ONLY: {"1"},
    Agent.SILENT: set(),
}


def test_each_agent_answers_in_its_versions_only(odd_lab: Lab) -> None:
    def answered(agent: Agent, version: str) -> bool:
        node = next(node for node in odd_lab.spec.nodes.values() if node.agent is agent)
        try:
            return node.name in agents.ask(odd_lab.place, node, "snmpget", version, SYS_NAME)
        except LabProblem:
            return False

    asked = [(agent, version) for agent in Agent for version in ("1", "2c", "3")]
    with ThreadPoolExecutor(len(asked)) as pool:
        found = pool.map(lambda pair: answered(*pair), asked)
    assert {pair for pair, said in zip(asked, found, strict=True) if said} == {
        pair for pair in asked if pair[1] in ANSWERS[pair[0]]
    }


def test_an_agent_without_64_bit_counters_has_none_and_the_32_bit_ones(odd_lab: Lab) -> None:
    node = odd_lab.spec.node("narrow")
    said = agents.ask(odd_lab.place, node, "snmpbulkwalk", "2c", "1.3.6.1.2.1", options=("-On",))
    assert not re.search(r"= Counter64:", said)
    assert agents.walk(odd_lab.place, node, IF_HC_IN_OCTETS) == {}
    assert len(agents.walk(odd_lab.place, node, IF_IN_OCTETS)) == 3  # lo, eth0, eth1
    wide = odd_lab.spec.node("router")
    assert len(agents.walk(odd_lab.place, wide, IF_HC_IN_OCTETS)) == 5
