"""What a node's SNMP agent says, asked with net-snmp's own programs."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from tests.lab.spec import Agent, Node
from tests.lab.testbed import config, system
from tests.lab.testbed.place import Place

TIMEOUT_S: Final = 2
_LINE: Final = re.compile(r"^\.(?P<oid>[\d.]+) (?P<value>.*)$")
#: no MIB files are read: what is asked for and what is printed are numbers
_ENVIRONMENT: Final = ("env", "MIBS=", "SNMPCONFPATH=/nonexistent")
_USER: Final = (
    "-l", "authPriv", "-u", config.V3_USER, "-a", "SHA-256", "-A", config.V3_AUTH, "-x", "AES", "-X", config.V3_PRIV,
)  # fmt: skip


def ask(place: Place, node: Node, program: str, version: str, *oids: str, options: Sequence[str] = ()) -> str:
    """Return what a program of net-snmp prints that asks the node from the collector. Raises LabProblem.

    `version`: 1, 2c or 3.
    """
    who = _USER if version == "3" else ("-c", node.community)
    once = ("-t", str(TIMEOUT_S), "-r", "0")
    command = (*_ENVIRONMENT, program, f"-v{version}", *who, *once, *options, str(node.management), *oids)
    return system.run(*system.within(place.collector, *command))


def walk(place: Place, node: Node, oid: str) -> Mapping[str, str]:
    """Return a subtree by index, in the newest version with communities that the agent speaks. Raises LabProblem."""
    old = node.agent is Agent.V1_ONLY
    program, version = ("snmpwalk", "1") if old else ("snmpbulkwalk", "2c")
    said = ask(place, node, program, version, oid, options=("-On", "-Oq"))
    found = (_LINE.match(line) for line in said.splitlines())
    return {
        line["oid"].removeprefix(f"{oid}."): line["value"]
        for line in found
        if line is not None and line["oid"].startswith(f"{oid}.")
    }


def snmpset(place: Place, node: Node, values: Sequence[tuple[str, str, str]]) -> None:
    """Set (OID, type, value) in the agent, from the node itself. Raises LabProblem."""
    version = "1" if node.agent is Agent.V1_ONLY else "2c"
    flat = [part for value in values for part in value]
    asked = ("snmpset", f"-v{version}", "-c", config.ADMIN, "-t", "1", "-r", "9", "127.0.0.1", *flat)
    system.run(*system.within(place.namespace(node.name), *_ENVIRONMENT, *asked))
