"""How the pipeline learns of the lab's nodes: the seam between the lab and discovery.

Everything else of the check takes a `Found` and asks nothing of where it comes from. Today a list is written from the
spec, with `seed` as no more than its first line; a discovery that crawls from one address takes its place here, and is
given the seed and the sites' credentials only.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from tests.lab import config
from tests.lab.spec import Agent, Node, Spec

CLASS: Final = "network"
TYPE: Final = "net-snmp"
_V3: Final = {
    "user": config.V3_USER, "auth_protocol": "sha256", "auth_key": config.V3_AUTH,
    "priv_protocol": "aes128", "priv_key": config.V3_PRIV,
}  # fmt: skip


class Found(NamedTuple):
    """What the pipeline is given to find the lab's nodes."""

    section: str  #: [discovery:…] of panoptes.ini
    files: Mapping[Path, str]  #: what that section reads
    secrets: Mapping[str, Mapping[str, str]]  #: Redis key -> field -> JSON
    wanted: Mapping[str, Node]  #: resource id -> node, of all that have to be found


def from_list(spec: Spec, seed: Node, folder: Path) -> Found:
    """Return a device list: routers are asked by SNMPv3, which their site has, hosts by their own community."""
    path = folder / "devices.json"
    nodes = [seed, *(node for node in spec.nodes.values() if node is not seed)]
    return Found(
        section=f"[discovery:lab]\nplugin = from-file\ninterval_s = 5\npath = {path}\n",
        files={path: json.dumps([_entry(node) for node in nodes], indent=1)},
        secrets=_secrets(spec),
        wanted=dict(spec.nodes),
    )


def _entry(node: Node) -> dict[str, str]:
    return {
        "site": _site(node),
        "class": CLASS,
        "subclass": "router" if node.router else "host",
        "type": TYPE,
        "id": node.name,
        "endpoint": str(node.management),
    }


def _site(node: Node) -> str:
    """Return where a node stands: the first part of its location."""
    return node.location.partition("/")[0]


def _secrets(spec: Spec) -> dict[str, dict[str, str]]:
    secrets: dict[str, dict[str, str]] = {}
    for node in spec.nodes.values():
        fields = secrets.setdefault(f"panoptes:secrets:snmp:{_site(node)}", {"*": json.dumps([_V3])})
        if not node.router:
            version = "1" if node.agent is Agent.V1_ONLY else "2c"
            fields[node.name] = json.dumps([{"community": node.community, "version": version}])
    return secrets
