"""Puts the nodes of a lab into a NetBox, through its API."""

from collections.abc import Iterator
from typing import Any, Final

import pynetbox

from tests.lab.spec import Node, Spec

SITE: Final = "fra1"
#: the first router is spare, and the last host has no address: a query leaves them out
OWNER: Final = "network-team"


def fill(api: Any, spec: Spec) -> None:
    """Make devices of the nodes; who is there already stays. Raises pynetbox.RequestError."""
    if api.dcim.sites.get(slug=SITE) is not None:
        return
    site = api.dcim.sites.create(name="Frankfurt 1", slug=SITE)
    maker = api.dcim.manufacturers.create(name="FRR", slug="frr")
    kind = api.dcim.device_types.create(manufacturer=maker.id, model="router", slug="router")
    platform = api.dcim.platforms.create(name="FRRouting", slug="frr")
    rack = api.dcim.racks.create(name="rack 01", site=site.id)
    core = api.extras.tags.create(name="Core", slug="core", color="ff0000")
    api.extras.custom_fields.create(name="owner", type="text", object_types=["dcim.device"])
    roles = {name: api.dcim.device_roles.create(name=name.title(), slug=name, color="00ff00") for name in _roles(spec)}
    for number, node in enumerate(spec.nodes.values()):
        device = api.dcim.devices.create(
            name=node.name, site=site.id, device_type=kind.id, role=roles[role_of(node)].id, rack=rack.id,
            platform=platform.id if node.router else None, serial=f"LAB{node.number:03}",
            status="active" if number else "offline", tags=[core.id] if role_of(node) == "spine" else [],
            custom_fields={"owner": OWNER},
        )  # fmt: skip
        if number == len(spec.nodes) - 1:
            continue
        port = api.dcim.interfaces.create(device=device.id, name="eth0", type="1000base-t", mgmt_only=True)
        for family, address in ((4, f"{node.management}/24"), (6, f"2001:db8::{node.number}/64")):
            made = api.ipam.ip_addresses.create(
                address=address, assigned_object_type="dcim.interface", assigned_object_id=port.id
            )
            setattr(device, f"primary_ip{family}", made.id)
        device.save()


def wanted(spec: Spec) -> list[Node]:
    """Return the nodes that `status=active&has_primary_ip=true` picks."""
    return list(spec.nodes.values())[1:-1]


def role_of(node: Node) -> str:
    return node.name.rstrip("0123456789")


def _roles(spec: Spec) -> Iterator[str]:
    yield from dict.fromkeys(map(role_of, spec.nodes.values()))


def connect(url: str, token: str) -> Any:
    """Return the API. Nothing is asked yet."""
    return pynetbox.api(url, token=token)
