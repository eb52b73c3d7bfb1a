"""How the pipeline learns of the lab's nodes: the seam between the lab and discovery.

It is given one address, the networks that it may follow neighbours in, and credentials. Everything else of the check
takes a `Found` and asks nothing of where it comes from.
"""

import json
from collections.abc import Mapping
from ipaddress import IPv4Network
from typing import Final, NamedTuple

from tests.lab.spec import MANAGEMENT, Agent, Node, Spec
from tests.lab.testbed import config

SITE: Final = "lab"
#: how often the sections run, and how often devices are asked for their neighbours
INTERVAL_S: Final = 5
NEIGHBOURS_S: Final = 10
_V3: Final = {
    "user": config.V3_USER, "auth_protocol": "sha256", "auth_key": config.V3_AUTH,
    "priv_protocol": "aes128", "priv_key": config.V3_PRIV,
}  # fmt: skip
_SECTIONS: Final = """\
[discovery:seed]
plugin = sweep
interval_s = {interval_s}
site = {site}
prefixes = {seed}

[discovery:around]
plugin = crawl
interval_s = {interval_s}
site = {site}
prefixes = {networks}

[enrichment:neighbours]
plugin = neighbours
interval_s = {neighbours_s}
"""


#: a sweep that takes its time, so that it can be cut short, and what it found does not last long
SWEPT_TTL_S: Final = 150
_SWEPT_NETWORK: Final = IPv4Network((MANAGEMENT.network_address, 27))
_SWEPT: Final = """\
[discovery:everybody]
plugin = sweep
interval_s = {interval_s}
site = {site}
prefixes = {networks}
exclude = {collector}
packets_per_s = 4
spread = no
ttl_s = {ttl_s}

[enrichment:neighbours]
plugin = neighbours
interval_s = {neighbours_s}
"""


class Found(NamedTuple):
    """What the pipeline is given to find the lab's nodes."""

    section: str  #: sections of panoptes.ini
    secrets: Mapping[str, Mapping[str, str]]  #: Redis key -> field -> JSON
    wanted: Mapping[str, Node]  #: resource id -> node, of all that have to be found
    silent: frozenset[str]  #: that have to be told of as silent


def from_seed(spec: Spec, seed: Node, without: str = "") -> Found:
    """Return two sections: one address, and what hangs on it.

    The site has the SNMPv3 user that most agents know, and the communities of those that speak v1 only. Hosts have
    their own besides. `without` is the node that is not there yet.
    """
    nodes = [node for node in spec.nodes.values() if node.name != without]
    sections = _SECTIONS.format(
        interval_s=INTERVAL_S, neighbours_s=NEIGHBOURS_S, site=SITE, seed=seed.management, networks=MANAGEMENT
    )
    return Found(
        section=sections,
        secrets=_secrets(spec),
        wanted={node.name: node for node in nodes if node.agent is not Agent.SILENT},
        silent=frozenset(node.name for node in nodes if node.agent is Agent.SILENT),
    )


def swept(spec: Spec) -> Found:
    """Return one section that asks every address of the first thirty, a few at a time."""
    section = _SWEPT.format(
        interval_s=INTERVAL_S, neighbours_s=NEIGHBOURS_S, site=SITE, networks=_SWEPT_NETWORK, collector=MANAGEMENT[1],
        ttl_s=SWEPT_TTL_S,
    )  # fmt: skip
    return from_seed(spec, next(iter(spec.nodes.values())))._replace(section=section, silent=frozenset())


def _secrets(spec: Spec) -> dict[str, dict[str, str]]:
    old = [node for node in spec.nodes.values() if node.agent is Agent.V1_ONLY]
    fields = {"*": json.dumps([_V3, *(_community(node) for node in old)])}
    fields |= {node.name: json.dumps([_community(node)]) for node in spec.nodes.values() if not node.router}
    return {f"panoptes:secrets:snmp:{SITE}": fields}


def _community(node: Node) -> dict[str, str]:
    return {"community": node.community, "version": "1" if node.agent is Agent.V1_ONLY else "2c"}
