"""The plugin `neighbours` and the fold of links on what real agents show, against what lldpd and the kernel say."""

import asyncio
from dataclasses import replace

from pollers.plugins.network import neighbours
from pollers.profiles.authoring.recording import read_recording
from schemas.records import EnrichedResource, LinkState
from streams.playground.simulators.devices import MUTE_ROLES, fleet
from streams.topology.links import links_of
from streams.topology.told import told
from tests.lab.lab import Lab
from tests.lab.spec import Agent, Node
from tests.lab.testbed import agents
from tests.unit.network.simulated import NOW_MS, Recorded, context, resource_of

#: whose resource stands for the lab's nodes
DEVICE = next(device for device in fleet() if device.role not in MUTE_ROLES)
#: the system group, names of interfaces, LLDP
READ = ("1.3.6.1.2.1.1", "1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1.1", "1.0.8802.1.1.2.1")


def recorded(lab: Lab, node: Node) -> Recorded:
    """Return an agent as net-snmp's own walk shows it."""
    said = [agents.ask(lab.place, node, "snmpbulkwalk", "2c", tree, options=("-On",)) for tree in READ]
    return Recorded([entry for text in said for entry in read_recording(text, node.name)])


def enriched(lab: Lab, node: Node) -> EnrichedResource:
    resource = replace(resource_of(DEVICE), resource_id=node.name, endpoint=str(node.management))
    found = asyncio.run(neighbours.create(context(recorded(lab, node))).enrich(resource))
    return EnrichedResource(resource=resource, enrichments=found, jobs=[], jobs_since_ms=1)


def test_neighbours_are_those_of_lldpd_and_every_cable_is_a_link_with_both_ends(lab: Lab) -> None:
    nodes = [node for node in lab.spec.nodes.values() if node.agent is Agent.FULL]
    found = {node.name: enriched(lab, node) for node in nodes}
    for name, each in found.items():
        rows = each.enrichments["neighbours"].rows.values()
        said = {(row["row"], row["system_name"], row["chassis_id"].lower(), row["port_id"].lower()) for row in rows}
        heard = lab.truth.neighbours(name)
        assert said == {(one.port, one.system, one.chassis.lower(), one.far_port.lower()) for one in heard}, name
        assert {row["row"]: set(row.get("addresses", "").split(",")) for row in rows} == {
            one.port: set(one.management) for one in heard
        }
        states = {row: port["oper_state"] for row, port in each.enrichments["ports"].rows.items()}
        assert {link.name for link in lab.truth.links(name) if link.carrier and link.name != "lo"} <= {
            row for row, state in states.items() if state == "up"
        }
    links = links_of({each.resource.identity: told(each) for each in found.values()}, NOW_MS + 1)
    up = {
        frozenset((end.resource.rpartition("|")[2], end.row) for end in link.ends)
        for link in links.values()
        if link.state is LinkState.UP
    }
    cables = {
        frozenset((end.port.node, end.port.name) for end in cable)
        for cable in lab.spec.cables
        if all(end.port.node in found for end in cable)
    }
    assert up >= cables
    assert cables
