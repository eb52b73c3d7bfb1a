"""The plugin `forwarding` on written tables, and where an address is by what it found."""

from dataclasses import replace

import pytest

from pollers.plugins.base import OptionError
from pollers.plugins.network import forwarding
from pollers.profiles.authoring.recording import Entry
from pollers.snmp.values import Type, Value
from schemas.records import EnrichedResource, Enrichment, Link, LinkEnd, LinkState
from streams.playground.simulators.devices import fleet
from streams.topology.where import NoAddressError, normal, where
from tests.unit.network.simulated import NOW_MS, Recorded, context, resource_of

FLEET = fleet()
HOST = "02:00:5E:00:53:01"


def number(value: int) -> Value:
    return Value(Type.INTEGER, value)


def arcs(mac: str) -> str:
    return ".".join(str(int(octet, 16)) for octet in mac.split(":"))


def ports(count: int) -> list[Entry]:
    return [(f"1.3.6.1.2.1.17.1.4.1.2.{port}", number(100 + port)) for port in range(1, count + 1)]


def learned(mac: str, port: int, vlan: int | None = None, status: int = 3) -> list[Entry]:
    table = "1.3.6.1.2.1.17.4.3.1" if vlan is None else "1.3.6.1.2.1.17.7.1.2.2.1"
    index = arcs(mac) if vlan is None else f"{vlan}.{arcs(mac)}"
    return [(f"{table}.2.{index}", number(port)), (f"{table}.3.{index}", number(status))]


def arp(ip: str, mac: str, *, old: bool = False) -> Entry:
    octets = Value(Type.OCTET_STRING, bytes.fromhex(mac.replace(":", "")))
    return (f"1.3.6.1.2.1.4.22.1.2.7.{ip}" if old else f"1.3.6.1.2.1.4.35.1.4.7.1.4.{ip}", octets)


def by_oid(entries: list[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: tuple(map(int, entry[0].split("."))))


async def found(*entries: list[Entry], **options: str) -> dict[str, Enrichment]:
    access = Recorded(by_oid([entry for some in entries for entry in some]))
    return dict(await forwarding.create(context(access, options)).enrich(resource_of(FLEET[0])))


async def test_the_newer_table_gives_the_port_in_each_vlan():
    seen = await found(
        ports(3),
        learned(HOST, 2, 10),
        learned(HOST, 3, 20),
        learned("02:00:5E:00:53:02", 1, 10, status=4),  # the device's own
        learned("02:00:5E:00:53:03", 0, 10),  # behind no port
        learned(HOST, 1),  # in the older table, which is not asked for then
    )
    assert seen["forwarding"].rows == {
        f"{HOST} 10": {"mac": HOST, "vlan": "10", "if_index": "102"},
        f"{HOST} 20": {"mac": HOST, "vlan": "20", "if_index": "103"},
    }
    assert "arp" not in seen


@pytest.mark.parametrize("old", [False, True], ids=["newer", "older"])
async def test_older_tables_do(old: bool):
    seen = await found(ports(2), learned(HOST, 2), [arp("192.0.2.7", HOST, old=old)])
    assert seen["forwarding"].rows == {HOST: {"mac": HOST, "if_index": "102"}}
    assert seen["arp"].rows == {"192.0.2.7": {"mac": HOST, "if_index": "7"}}


async def test_a_router_without_a_bridge_has_arp_only_and_a_device_with_neither_nothing():
    assert set(await found([arp("192.0.2.7", HOST)])) == {"arp"}
    assert await found([]) == {}


async def test_what_is_kept_is_bounded_and_a_crowded_port_is_told_with_its_count():
    many = [entry for last in range(20) for entry in learned(f"02:00:5E:00:54:{last:02X}", 1)]
    few = [entry for last in range(5) for entry in learned(f"02:00:5E:00:55:{last:02X}", 2)]
    seen = (await found(ports(2), many, few, max_on_a_port="10", max_rows="3"))["forwarding"]
    assert seen.facts == {"crowded.101": "20", "left_out": "2"}
    assert list(seen.rows) == [f"02:00:5E:00:55:{last:02X}" for last in range(3)]


async def test_garbled_rows_are_left_out():
    garbled = [("1.3.6.1.2.1.17.4.3.1.2.1.2.3", number(1)), ("1.3.6.1.2.1.17.4.3.1.2.2.0.94.0.83.999", number(1))]
    short = ("1.3.6.1.2.1.4.35.1.4.7.1.4.192.0.2.9", Value(Type.OCTET_STRING, b"\1\2"))
    seen = await found(ports(2), garbled, learned(HOST, 2), [short])
    assert list(seen["forwarding"].rows) == [HOST]
    assert "arp" not in seen


@pytest.mark.parametrize("options", [{"max_rows": "0"}, {"max_on_a_port": "x"}, {"fallback": "y"}], ids=str)
def test_an_option_that_cannot_be_used_is_named(options: dict[str, str]):
    with pytest.raises(OptionError) as caught:
        forwarding.create(context(Recorded([]), options))
    assert set(caught.value.problems) == set(options)


def enrichment(rows: dict[str, dict[str, str]], at_ms: int = NOW_MS) -> Enrichment:
    return Enrichment(plugin="t", collected_at_ms=at_ms, ttl_s=900, rows=rows)


def known(name: str, at_ms: int = NOW_MS, **rows: dict[str, dict[str, str]]) -> dict[str, EnrichedResource]:
    resource = replace(resource_of(FLEET[0]), resource_id=name)
    found = {"ports": enrichment({"eth1": {"if_index": "1"}, "eth2": {"if_index": "2"}})}
    found |= {namespace: enrichment(each, at_ms) for namespace, each in rows.items()}
    return {resource.identity: EnrichedResource(resource=resource, enrichments=found, jobs=(), jobs_since_ms=1)}


def behind(port: str) -> dict[str, dict[str, str]]:
    return {HOST: {"mac": HOST, "if_index": port}}


def link(one: str, other: str, state: LinkState) -> Link:
    ends = [LinkEnd(resource=next(iter(known(name))), row="eth1") for name in (one, other)]
    return Link(ends=ends, state=state, since_ms=0)


SWITCHES = {
    **known("access", NOW_MS - 60_000, forwarding=behind("2")),
    **known("core", NOW_MS, forwarding=behind("1")),
    **known("router", arp={"192.0.2.7": {"mac": HOST, "if_index": "9"}}, addresses={"192.0.2.1": {"if_index": "2"}}),
}


def places(address: str, state: LinkState = LinkState.UP) -> list[tuple[str, str, str, int]]:
    found = where(address, SWITCHES, {"a": link("core", "access", state), "b": link("access", "router", state)})
    return [(each.resource.rpartition("|")[2], each.row, each.how, (NOW_MS - each.at_ms) // 1000) for each in found]


@pytest.mark.parametrize("address", [HOST, "0200.5e00.5301", "02-00-5e-00-53-01", "02005E005301", "192.0.2.7"], ids=str)
def test_an_address_is_behind_the_port_that_leads_to_no_other_switch(address: str):
    assert places(address) == [("access", "eth2", "forwarding", 60)]


def test_a_link_that_is_gone_hides_no_port():
    assert places(HOST, LinkState.GONE) == [("core", "eth1", "forwarding", 0), ("access", "eth2", "forwarding", 60)]


def test_without_a_forwarding_table_who_asked_for_it_is_told():
    only = {name: each for name, each in SWITCHES.items() if "forwarding" not in each.enrichments}
    assert [(each.row, each.how) for each in where(HOST, only, {})] == [("ifIndex 9", "arp")]


def test_a_devices_own_address_is_told_as_such_and_an_unknown_one_not_at_all():
    assert places("192.0.2.1") == [("router", "eth2", "own", 0)]
    assert places("192.0.2.99") == []
    assert places("02:00:5E:00:53:99") == []


def test_an_address_of_twelve_digits_is_an_ip_address_where_it_can_be_one():
    assert normal("192.168.100.100") == "192.168.100.100"
    assert normal("2001:DB8::1") == "2001:db8::1"
    for text in ("", "sw1", "02:00:5E", "192.0.2.300"):
        with pytest.raises(NoAddressError, match="expected a MAC address"):
            normal(text)
