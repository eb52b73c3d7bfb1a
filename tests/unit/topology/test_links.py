"""The fold of statements into links, and what has changed between two folds."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records import DiscoveryRun, EnrichedResource, Enrichment, Link, LinkState, Resource, Unfollowed
from streams.playground.simulators import topology
from streams.playground.simulators.devices import MUTE_ROLES, fleet
from streams.topology.changes import GONE_FOR_MS, changes
from streams.topology.exports import EXPORTS
from streams.topology.links import ENDS, UNIT, end_key, links_of
from streams.topology.paths import NoSuchResourceError, resolved, shortest
from streams.topology.told import Told, host_of, told
from streams.topology.unresolved import explained, rejected, unresolved
from tests.examples import examples
from tests.unit.network.simulated import enriched

NOW_MS = 1_000_000
TTL_S = 900


def device(name: str, *heard: dict[str, str], ports: Mapping[str, str] | None = None, **own: str) -> EnrichedResource:
    """A device with the ports eth1 to eth3, all up, that has heard these neighbours."""
    resource = Resource(
        site="s", resource_class="network", resource_subclass="switch", resource_type="x", resource_id=name,
        endpoint=own.pop("endpoint", ""), plugins=["t"], first_seen_ms=0, last_seen_ms=0,
    )  # fmt: skip
    states = {"eth1": "up", "eth2": "up", "eth3": "up", **(ports or {})}
    facts = {"chassis_id": f"02:00:00:00:00:{name.upper()}", "sys_name": name, **own}
    found = {
        "neighbours": Enrichment(
            plugin="n", collected_at_ms=NOW_MS, ttl_s=TTL_S, facts={key: text for key, text in facts.items() if text},
            rows={f"{number}": row for number, row in enumerate(heard)},
        ),
        "ports": Enrichment(
            plugin="n", collected_at_ms=NOW_MS, ttl_s=TTL_S,
            rows={row: {"if_index": row[-1], "oper_state": state} for row, state in states.items()},
        ),
        "interface": Enrichment(
            plugin="i", collected_at_ms=NOW_MS, ttl_s=TTL_S,
            rows={row[-1]: {"speed_bits_per_s": f"{row[-1]}000000000", "physical_address": f"0A:{name}:{row}"}
                  for row in states},
        ),
    }  # fmt: skip
    return EnrichedResource(resource=resource, enrichments=found, jobs=[], jobs_since_ms=1)


def hears(row: str, name: str, port: str, **more: str) -> dict[str, str]:
    said = {
        "protocol": "lldp", "row": row, "if_index": row[-1], "chassis_id": f"02:00:00:00:00:{name.upper()}",
        "chassis_id_type": "mac", "port_id": port, "port_id_type": "name", "system_name": name, **more,
    }  # fmt: skip
    return {key: text for key, text in said.items() if text}


def cdp(row: str, name: str, port: str, **more: str) -> dict[str, str]:
    return hears(row, name, port, protocol="cdp", chassis_id="", chassis_id_type="", **more)


def network(*devices: EnrichedResource) -> dict[str, Told]:
    return {each.resource.identity: told(each) for each in devices}


def ident(name: str) -> str:
    return f"s|network|switch|x|{name}"


def both(one: str, other: str) -> str:
    return ENDS.join(sorted((one, other)))


def known(name: str, row: str) -> str:
    return f"{ident(name)}{UNIT}{row}"


def applied(standing: Mapping[str, Link], everyone: Mapping[str, Told], now_ms: int) -> dict[str, Link]:
    found = changes(standing, links_of(everyone, now_ms), everyone, now_ms)
    assert not set(found.records) & set(found.tombstones)
    return {key: link for key, link in {**standing, **found.records}.items() if key not in found.tombstones}


A, B = device("aa", hears("eth1", "bb", "eth2")), device("bb", hears("eth2", "aa", "eth1"))
LINK = both(known("aa", "eth1"), known("bb", "eth2"))


def test_a_link_that_both_ends_tell_of_is_up_with_both_ends_and_the_lesser_speed():
    [(key, link)] = links_of(network(A, B), NOW_MS).items()
    assert key == ENDS.join(sorted(map(end_key, link.ends))) == LINK
    assert (link.state, link.speed_bits_per_s) == (LinkState.UP, 10**9)
    assert [(end.resource, end.row, end.says, end.why) for end in link.ends] == [
        (ident("aa"), "eth1", ("lldp",), ""), (ident("bb"), "eth2", ("lldp",), ""),
    ]  # fmt: skip


def test_a_link_that_one_end_tells_of_is_one_sided():
    [link] = links_of(network(A, device("bb")), NOW_MS).values()
    assert (link.state, [end.says for end in link.ends]) == (LinkState.ONE_SIDED, [("lldp",), ()])


def test_both_protocols_make_one_link_and_each_end_says_by_which():
    one = device("aa", hears("eth1", "bb", "eth2"), cdp("eth1", "bb", "eth2"))
    [link] = links_of(network(one, B), NOW_MS).values()
    assert [end.says for end in link.ends] == [("cdp", "lldp"), ("lldp",)]


def test_both_protocols_make_one_link_also_where_the_neighbour_is_not_known():
    one = device("aa", hears("eth1", "zz", "eth2"), cdp("eth1", "zz", "Ethernet2"))
    [link] = links_of(network(one), NOW_MS).values()
    assert sorted(end.says for end in link.ends) == [(), ("cdp", "lldp")]


def test_parallel_links_stay_apart():
    one = device("aa", hears("eth1", "bb", "eth1"), hears("eth2", "bb", "eth2"))
    other = device("bb", hears("eth1", "aa", "eth1"), hears("eth2", "aa", "eth2"))
    found = links_of(network(one, other), NOW_MS)
    assert {key: link.state for key, link in found.items()} == {
        both(known("aa", row), known("bb", row)): LinkState.UP for row in ("eth1", "eth2")
    }


def test_a_neighbour_that_is_no_resource_has_its_chassis_and_port_in_the_key():
    [(key, link)] = links_of(network(A), NOW_MS).items()
    assert key == both(known("aa", "eth1"), f"{b'02:00:00:00:00:BB'.hex()}{UNIT}{b'eth2'.hex()}")
    assert unresolved({key: link}) == [
        (ident("aa"), "eth1", "", "bb", "02:00:00:00:00:BB", "eth2", (), "unknown-resource")
    ]


def test_why_discovery_did_not_follow_a_neighbour_is_said_beside():
    [(key, link)] = links_of(network(A), NOW_MS).items()
    [found] = unresolved({key: link})
    told = Unfollowed(
        heard_by=found.heard_by, row="eth1", system_name="bb", chassis_id=found.chassis_id, addresses=(), why="silent"
    )
    runs = [
        DiscoveryRun(
            section="crawl", interval_s=60, started_at_ms=0, ended_at_ms=0, resources=0, problems=0, unfollowed=rows
        )
        for rows in ((), (replace(told, row="eth9", why="too-deep"), told))
    ]
    assert [each.why for each in explained([found], runs)] == ["unknown-resource, silent"]
    assert explained([found], runs[:1]) == [found]


@pytest.mark.parametrize(
    ("said", "other", "row"),
    [
        pytest.param(hears("eth1", "bb", "eth3"), {}, "eth3", id="by-chassis-id-and-port-name"),
        pytest.param(cdp("eth1", "BB", "eth3"), {}, "eth3", id="by-name-in-other-letters"),
        pytest.param(
            hears("eth1", "", "eth3", addresses="192.0.2.9", chassis_id="x", chassis_id_type="local"),
            {"chassis_id": "", "endpoint": "192.0.2.9:161", "sys_name": ""}, "eth3", id="by-address",
        ),
        pytest.param(hears("eth1", "bb", "3", port_id_type="local"), {}, "eth3", id="port-by-if-index"),
        pytest.param(hears("eth1", "bb", "0A:bb:eth3", port_id_type="mac"), {}, "eth3", id="port-by-mac"),
        pytest.param(hears("eth1", "bb", "?", port_description="eth3"), {}, "eth3", id="port-by-description"),
        pytest.param(
            hears("eth1", "nm", "eth3", chassis_id="02:00:00:00:00:0F"), {"base_mac": "02:00:00:00:00:0F"}, "eth3",
            id="by-base-mac",
        ),
    ],
)  # fmt: skip
def test_the_far_end_is_known_by(said, other, row):
    found = links_of(network(device("aa", said), device("bb", **other)), NOW_MS)
    assert list(found) == [both(known("aa", "eth1"), known("bb", row))]


@pytest.mark.parametrize(
    ("others", "why"),
    [
        pytest.param([], "unknown-resource", id="nobody"),
        pytest.param([device("bb", chassis_id="02:00:00:00:00:EE")], "unknown-resource", id="same-name-other-chassis"),
        pytest.param(
            [device("cc", chassis_id="02:00:00:00:00:BB"), device("dd", chassis_id="02:00:00:00:00:BB")],
            "ambiguous", id="the-same-chassis-on-two",
        ),
        pytest.param([device("bb", ports={"eth2": "up"})], "", id="known"),
    ],
)  # fmt: skip
def test_who_cannot_be_told_is_not_guessed(others, why):
    [link] = links_of(network(A, *others), NOW_MS).values()
    assert next(end.why for end in link.ends if end.resource != ident("aa")) == why


def test_the_same_chassis_on_two_devices_is_told_apart_by_their_names():
    clone = device("cc", chassis_id="02:00:00:00:00:BB")
    assert list(links_of(network(A, B, clone), NOW_MS)) == [LINK]


def test_a_known_device_whose_port_is_not_known_is_told_as_such():
    one = device("aa", hears("eth1", "bb", "ge-9"))
    [each] = unresolved(links_of(network(one, device("bb")), NOW_MS))
    assert (each.resource, each.port_id, each.why) == (ident("bb"), "ge-9", "unknown-port")


def test_what_is_too_old_says_nothing():
    assert links_of(network(A, B), NOW_MS + TTL_S * 1_000) == {}


def test_a_link_falls_comes_back_and_goes_with_the_times_at_which_it_did():
    up = applied({}, network(A, B), NOW_MS)
    assert up == applied(up, network(A, B), NOW_MS + 5), "nothing has changed"
    down = network(device("aa", ports={"eth1": "down"}), device("bb", ports={"eth2": "lowerLayerDown"}))
    fallen = applied(up, down, NOW_MS + 10)
    assert (fallen[LINK].state, fallen[LINK].since_ms) == (LinkState.DOWN, NOW_MS + 10)
    assert applied(fallen, down, NOW_MS + 20) == fallen
    again = applied(fallen, network(A, B), NOW_MS + 30)
    assert (again[LINK].state, again[LINK].since_ms) == (LinkState.UP, NOW_MS + 30)
    gone = applied(again, network(device("aa"), device("bb")), NOW_MS + 40)
    assert (gone[LINK].state, gone[LINK].since_ms) == (LinkState.GONE, NOW_MS + 40)
    assert applied(gone, {}, NOW_MS + 39 + GONE_FOR_MS) == gone
    assert applied(gone, {}, NOW_MS + 40 + GONE_FOR_MS) == {}


def test_a_port_that_is_down_though_it_is_still_told_of_makes_the_link_down():
    one = device("aa", hears("eth1", "bb", "eth2"), ports={"eth1": "down"})
    [link] = links_of(network(one, B), NOW_MS).values()
    assert link.state is LinkState.DOWN


def test_a_moved_cable_is_a_new_link_and_the_old_one_is_gone():
    up = applied({}, network(A, B), NOW_MS)
    moved = network(
        device("aa", hears("eth1", "cc", "eth1")), device("bb", ports={"eth2": "down"}),
        device("cc", hears("eth1", "aa", "eth1")),
    )  # fmt: skip
    after = applied(up, moved, NOW_MS + 10)
    new = both(known("aa", "eth1"), known("cc", "eth1"))
    assert {key: link.state for key, link in after.items()} == {LINK: LinkState.GONE, new: LinkState.UP}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(A, device("bb"), id="by-lldp"),
        pytest.param(device("aa", cdp("eth1", "bb", "eth2")), device("bb"), id="by-cdp"),
    ],
)
def test_an_end_that_becomes_known_replaces_the_record_that_did_not_know_it(one, other):
    before = applied({}, network(one), NOW_MS)
    found = changes(before, links_of(network(one, other), NOW_MS + 5), network(one, other), NOW_MS + 5)
    assert list(found.records) == [LINK]
    assert list(found.tombstones) == list(before)
    assert found.records[LINK].since_ms == NOW_MS, "it is as one-sided as before"
    back = applied({LINK: found.records[LINK]}, network(one), NOW_MS + 9)
    assert back == before, "and the reverse"


def test_links_that_stand_are_no_news_whoever_folds_them():
    standing = applied({}, network(A, B), NOW_MS)
    assert not changes(standing, links_of(network(A, B), NOW_MS + 500), network(A, B), NOW_MS + 500)


@cache
def demo() -> dict[str, EnrichedResource]:
    found = [asyncio.run(enriched(each)) for each in fleet()]
    return {each.resource.identity: each for each in found}


def demo_links() -> dict[str, Link]:
    everyone = {key: told(each) for key, each in demo().items()}
    return links_of(everyone, min(each.until_ms for each in everyone.values() if each.until_ms) - 1)


def test_all_links_of_the_simulated_fleet_come_out_with_both_ends():
    devices = fleet()
    mute = {number for number, each in enumerate(devices) if each.role in MUTE_ROLES}
    found = demo_links()
    expected = set()
    for link in topology.links(devices, sorted(mute)):
        if not {end.device for end in link} & mute:
            ends = ((devices[end.device], end.port) for end in link)
            expected.add(frozenset((each.device_id, each.interfaces[port].name) for each, port in ends))
    up = {
        frozenset((end.resource.rpartition("|")[2], end.row) for end in link.ends)
        for link in found.values()
        if link.state is LinkState.UP
    }
    assert up == expected
    assert len(found) == len(topology.links(devices, sorted(mute)))
    assert Counter(link.state for link in found.values()) == {LinkState.UP: 38, LinkState.ONE_SIDED: 4}
    assert {each.why for each in unresolved(found)} == {"unknown-port"}, "those that never answer"


@settings(max_examples=examples(30))
@given(st.randoms(use_true_random=False), st.lists(st.integers(0, 23), max_size=8))
def test_any_order_of_statements_gives_the_same_links(dice: random.Random, left_out):
    identities = sorted(demo())
    kept = [key for number, key in enumerate(identities) if number not in left_out]
    now_ms = max(each.collected_at_ms for key in identities for each in demo()[key].enrichments.values())

    def shuffled(key: str) -> Told:
        neighbours = demo()[key].enrichments.get("neighbours")
        if neighbours is None:
            return told(demo()[key])
        rows = list(neighbours.rows.items())
        dice.shuffle(rows)
        found = {**demo()[key].enrichments, "neighbours": replace(neighbours, rows=dict(rows))}
        return told(replace(demo()[key], enrichments=found))

    in_order = links_of({key: told(demo()[key]) for key in kept}, now_ms)
    others = kept[:]
    dice.shuffle(others)
    assert links_of({key: shuffled(key) for key in others}, now_ms) == in_order


@given(st.permutations(range(6)))
def test_whichever_way_the_network_came_to_be_the_same_links_stand(order):
    steps = [
        A, device("aa", hears("eth1", "bb", "eth2"), hears("eth2", "cc", "eth1")), B, device("bb"),
        device("cc", hears("eth1", "aa", "eth2")), device("cc"),
    ]  # fmt: skip
    everyone: dict[str, Told] = {}
    standing: dict[str, Link] = {}
    for now_ms, number in enumerate(order, NOW_MS):
        everyone |= network(steps[number])
        standing = applied(standing, everyone, now_ms)
    told_now = links_of(everyone, NOW_MS + 10)
    told_of = {key: link for key, link in standing.items() if link.state is not LinkState.GONE}
    assert {key: replace(link, since_ms=0) for key, link in told_of.items()} == {
        key: replace(link, since_ms=0) for key, link in told_now.items()
    }


def test_a_way_has_the_fewest_links_and_none_that_is_down():
    links = demo_links()
    one, other = resolved("leaf07", links), resolved("sw16.ams1.example.net", links)
    path = shortest(links, one, other)
    assert path is not None
    assert (path[0].near.resource, path[-1].far.resource, len(path)) == (one, other, 2)
    assert all(left.far.resource == right.near.resource for left, right in pairwise(path))
    assert shortest(links, one, one) == []
    broken = {key: replace(link, state=LinkState.DOWN) for key, link in links.items()}
    assert shortest(broken, one, other) is None
    with pytest.raises(NoSuchResourceError, match="'nowhere' has no link"):
        resolved("nowhere", links)


@pytest.mark.parametrize("form", EXPORTS)
def test_every_format_has_every_link(form):
    links = demo_links()
    text = EXPORTS[form](links)
    match form:
        case "json":
            assert len(json.loads(text)) == len(links)
        case "graphml":
            root = ET.fromstring(text)  # noqa: S314 - our own
            assert sum(element.tag.endswith("}edge") for element in root.iter()) == len(links)
        case "dot":
            assert text.count(" -- ") == len(links)
        case _:
            assert text.count("|") == 2 * len(links)


def test_formats_do_not_stumble_over_what_devices_are_called():
    odd = 'a"]; <b>&\\'
    one = device("aa", hears("eth1", odd, odd))
    links = links_of(network(one), NOW_MS)
    for form in EXPORTS:
        EXPORTS[form](links)
    ET.fromstring(EXPORTS["graphml"](links))  # noqa: S314 - our own
    assert '\\"' in EXPORTS["dot"](links)
    assert '"a#34;' in EXPORTS["mermaid"](links)


def test_what_was_kept_out_is_counted_by_reason():
    one = device("aa", **{"rejected.odd-bytes": "3"})
    assert rejected({ident("aa"): one}) == [(ident("aa"), "odd-bytes", 3)]


@pytest.mark.parametrize(
    ("endpoint", "host"),
    [("192.0.2.1", "192.0.2.1"), ("192.0.2.1:161", "192.0.2.1"), ("[2001:db8::1]:161", "2001:db8::1"),
     ("2001:db8::1", "2001:db8::1"), ("", "")],
)  # fmt: skip
def test_the_host_of_an_endpoint(endpoint, host):
    assert host_of(endpoint) == host
