"""A crawl asks the neighbours that nobody knows, and sends nothing to those that are known."""

from dataclasses import replace

import pytest

from pollers.plugins.base import OptionError
from pollers.plugins.discovery.crawl import Crawl
from schemas.records import EnrichedResource, Enrichment
from streams.discovery.known import KnownInventory
from tests.unit.discovery.agents import Agents, listening
from tests.unit.discovery.test_sweep import NOW_MS, accessing, context, seen
from tests.unit.resources.test_inventory import SWITCH

SEED = replace(
    SWITCH, site="fra1", resource_id="seed", endpoint="127.9.0.1", addresses=(), plugins=("lab",), last_seen_ms=NOW_MS
)


def neighbour(name="", addresses="", chassis_id="", row="eth1"):
    return {
        "protocol": "lldp", "row": row, "system_name": name, "addresses": addresses, "chassis_id": chassis_id,
    }  # fmt: skip


def inventory(*resources, rows=(), facts=None):
    """Return an inventory in which the first resource has heard of some neighbours."""
    known = KnownInventory()
    for number, resource in enumerate(resources or (SEED,)):
        known.take(resource.identity, resource)
        told = Enrichment(
            plugin="neighbours",
            collected_at_ms=NOW_MS,
            ttl_s=600,
            facts=(facts or {}).get(resource.resource_id, {}),
            rows={} if number else {f"lldp {place}": row for place, row in enumerate(rows)},
        )
        enriched = EnrichedResource(resource=resource, enrichments={"neighbours": told}, jobs=(), jobs_since_ms=0)
        known.take_neighbours(resource.identity, enriched)
    return known


async def crawled(agents, known, look_up=None, **options):
    """Return the batches of one run."""
    async with listening(agents), accessing() as access:
        made = context(access, **options)
        texts = {name: text for name, text in made.options.items() if name != "spread"} | {"port": str(agents.port)}
        plugin = Crawl(replace(made, section="crawl", options=texts), *([look_up] if look_up else []))
        return [batch async for batch in plugin.discover(known, None)]


def left(batches):
    return {(each.system_name, each.row): each.why for batch in batches for each in batch.unfollowed}


async def test_an_unknown_neighbour_is_asked_and_found_and_its_neighbours_are_one_deeper():
    agents = Agents()
    agents.names = {"127.9.0.2": b"sw2"}
    found = seen(await crawled(agents, inventory(rows=[neighbour("sw2", "127.9.0.2")])))
    assert found["sw2"].identity == "fra1|network|device|snmp|sw2"
    assert (found["sw2"].labels, found["sw2"].plugins) == ({"crawl_depth": "1"}, ("crawl",))
    agents.names = {"127.9.0.3": b"sw3"}
    further = inventory(found["sw2"], rows=[neighbour("sw3", "127.9.0.3")])
    assert seen(await crawled(agents, further))["sw3"].labels == {"crawl_depth": "2"}
    assert left(await crawled(agents, further, depth="1")) == {("sw3", "eth1"): "too-deep"}


async def test_nothing_is_sent_to_who_is_known_by_address_chassis_or_name():
    agents = Agents()
    by_address = replace(SEED, resource_id="a", endpoint="127.9.0.4:161")
    by_chassis = replace(SEED, resource_id="c", endpoint="127.9.0.5", identifiers={"sys_name": "other"})
    by_name = replace(SEED, resource_id="n", endpoint="127.9.0.6", identifiers={"sys_name": "sw-n"})
    rows = [
        neighbour("x", "127.9.0.4"), neighbour("y", "127.9.0.50", "02:00:00:00:00:05"), neighbour("sw-n", "127.9.0.60"),
    ]  # fmt: skip
    known = inventory(
        SEED, by_address, by_chassis, by_name, rows=rows, facts={"c": {"chassis_id": "02:00:00:00:00:05"}}
    )
    batches = await crawled(agents, known)
    assert (agents.asked, seen(batches), left(batches)) == ({}, {}, {})


async def test_ten_thousand_known_neighbours_cost_no_packet():
    agents = Agents()
    known = inventory(rows=[neighbour(f"sw{n}", f"127.9.{n >> 8}.{n & 255}") for n in range(10_000)])
    for number in range(10_000):
        each = replace(SEED, resource_id=f"sw{number}", endpoint=f"127.9.{number >> 8}.{number & 255}")
        known.take(each.identity, each)
    await crawled(agents, known, prefixes="127.9.0.0/16")
    assert agents.asked == {}


async def test_what_cannot_be_followed_is_told_with_the_reason():
    agents = Agents()
    agents.names = {"127.9.0.9": b"elsewhere"}
    other = replace(SEED, site="ams1", resource_id="o", endpoint="127.9.0.9")
    rows = [
        neighbour("phone", row="1"),
        neighbour("far", "10.1.1.1,fe80::1", row="2"),
        neighbour("mute", "127.9.0.7", row="3"),
        neighbour("theirs", "127.9.0.9", row="4"),
        neighbour("left-out", "127.9.0.8", row="5"),
        neighbour("nonsense", "300.1.1.1 x, ,127.9.0", row="6"),
    ]
    batches = await crawled(agents, inventory(SEED, other, rows=rows), exclude="127.9.0.8", dns="no")
    assert left(batches) == {
        ("phone", "1"): "no-address",
        ("far", "2"): "outside",
        ("mute", "3"): "silent",
        ("theirs", "4"): "another-site",
        ("left-out", "5"): "outside",
        ("nonsense", "6"): "no-address",
    }
    assert set(agents.asked) == {"127.9.0.7"}


async def test_a_neighbour_without_address_is_looked_up_by_its_name():
    agents = Agents()
    agents.names = {"127.9.0.2": b"sw2"}

    async def look_up(name):
        return {"sw2.example": ("127.9.0.2",)}.get(name, ())

    batches = await crawled(agents, inventory(rows=[neighbour("sw2.example"), neighbour("nobody", row="2")]), look_up)
    assert (set(seen(batches)), left(batches)) == ({"sw2"}, {("nobody", "2"): "no-address"})


async def test_one_device_that_many_have_heard_of_is_asked_once():
    agents = Agents()
    agents.names = {"127.9.0.2": b"sw2"}
    await crawled(agents, inventory(rows=[neighbour("sw2", "127.9.0.2", row=str(n)) for n in range(50)]))
    assert agents.asked == {"127.9.0.2": 1}


@pytest.mark.parametrize(
    ("ago_s", "asked"), [(499, {}), (501, {"127.9.0.2": 1})], ids=["seen-lately", "half-of-its-time-is-over"]
)
async def test_what_it_found_itself_is_asked_again_before_it_leaves(ago_s, asked):
    agents = Agents()
    agents.names = {"127.9.0.2": b"sw2"}
    found = seen(await crawled(agents, inventory(rows=[neighbour("sw2", "127.9.0.2")])))["sw2"]
    agents.asked.clear()
    known = inventory(SEED, replace(found, ttl_s=1000, last_seen_ms=NOW_MS - ago_s * 1000))
    again = seen(await crawled(agents, known))
    assert (agents.asked, [each.identity for each in again.values()]) == (asked, [found.identity] * len(asked))


@pytest.mark.parametrize(
    ("options", "option"),
    [({"prefixes": ""}, "prefixes"), ({"depth": "0"}, "depth"), ({"ports": "161"}, "ports"), ({"site": ""}, "site")],
)
def test_an_option_that_cannot_be_used_is_named(options, option):
    made = context(**options)
    with pytest.raises(OptionError) as caught:
        Crawl(replace(made, options={name: text for name, text in made.options.items() if name != "spread"}))
    assert option in caught.value.problems
