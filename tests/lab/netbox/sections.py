"""What sections of the plugin `netbox` are to make of the lab in a NetBox, whether it is there or recorded."""

from pathlib import Path
from typing import Final

from pollers.plugins.base import Discovery, PluginContext
from pollers.plugins.sources.netbox import netbox
from streams.runtime.plugins import NoAccess
from tests.lab.lab import read_spec
from tests.lab.netbox.filling import OWNER, SITE, role_of, wanted
from tests.lab.spec import parse

RECORDED: Final = Path(__file__).parents[2] / "golden" / "netbox" / "answers.json"
TOKEN: Final = "0123456789abcdef0123456789abcdef01234567"  # noqa: S105 - of the lab's own server
NOW_MS: Final = 1_790_000_000_000
SPEC: Final = parse(read_spec("leaf-spine"))
_OPTIONS: Final = {
    "secret": "netbox", "query": "status=active&has_primary_ip=true", "page_size": "2",
    "labels": "rack=rack.name, tags=tags.slug, owner=custom_fields.owner", "type": "linux",
}  # fmt: skip


async def discovered(url: str, token: str = TOKEN, **options: str) -> Discovery:
    """Return what a section finds at that address."""

    async def secret(_name: str) -> str:
        return token

    context = PluginContext(
        section="netbox", interval_s=60, options={"url": url, **_OPTIONS, **options}, snmp=NoAccess(),
        now_ms=lambda: NOW_MS, secret=secret,
    )  # fmt: skip
    return await netbox(context).discover()


async def check(url: str) -> None:
    """Hold what is found against the spec: pages, fields, and what is refused."""
    found = await discovered(url)
    assert (found.problems, found.failed) == ([], "")
    assert [each.identity for each in found.resources] == [
        f"{SITE}|network|{role_of(node)}|{'frr' if node.router else 'linux'}|{node.name}"
        for node in sorted(wanted(SPEC), key=lambda node: node.name)
    ]
    for each in found.resources:
        node = SPEC.nodes[each.resource_id]
        assert each.endpoint == f"[2001:db8::{node.number}]", "NetBox prefers IPv6 for primary_ip"
        assert each.addresses == (str(node.management), f"2001:db8::{node.number}")
        tags = {"tags": "core"} if role_of(node) == "spine" else {}
        assert each.labels == {"rack": "rack 01", "owner": OWNER, **tags}
        assert each.identifiers == {"serial": f"LAB{node.number:03}"}
    by_v4 = await discovered(url, endpoint_from="primary_ip4.address")
    assert {each.endpoint for each in by_v4.resources} == {str(node.management) for node in wanted(SPEC)}
    everybody = await discovered(url, query="")
    assert [line.partition(": ")[2] for line in everybody.problems] == ["endpoint is missing: add it"]
    refused = await discovered(url, "f" * 40)
    assert (refused.resources, "the token is refused" in refused.failed) == ((), True), refused.failed
    unknown = await discovered(url, query="site=nowhere")
    assert (unknown.resources, "the query is refused" in unknown.failed) == ((), True), unknown.failed
    elsewhere = await discovered(f"{url}/login")
    assert elsewhere.resources == ()
    assert elsewhere.failed
