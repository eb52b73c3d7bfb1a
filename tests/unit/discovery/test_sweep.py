"""A sweep asks each address of its prefixes, finds who answers, and leaves alone whoever is known."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pollers.plugins.base import OptionError, PluginContext
from pollers.plugins.discovery.sweep import Sweep
from pollers.plugins.discovery.sweep_targets import networks, targets
from pollers.snmp.credentials import Community, Secret
from pollers.snmp.limits import Limits
from pollers.snmp.wire.access import open_access
from schemas.errors import FatalError
from streams.discovery.known import KnownInventory
from streams.discovery.territory import refuse_overlaps
from streams.runtime.plugins import Installed
from streams.runtime.rules import classes
from streams.runtime.settings.loading import PluginSection, SettingsError
from streams.runtime.settings.rule_sections import ClassSection
from tests.unit.discovery.agents import Agents, listening
from tests.unit.resources.test_inventory import SWITCH

NOW_MS = 1_790_000_000_000


class Source:
    """The credentials of some sites."""

    def __init__(self, **sites):
        named = sites or {"fra1": ["public"]}
        self.sites = {site: [Community(community=Secret(one)) for one in names] for site, names in named.items()}

    async def candidates(self, site, _device_id):
        return self.sites.get(site, [])


def context(access=None, **options):
    settings = {"site": "fra1", "prefixes": "127.9.0.0/24", "spread": "no", "packets_per_s": "20000"} | options
    return PluginContext(section="sweep", interval_s=60, options=settings, snmp=access, now_ms=lambda: NOW_MS)


@asynccontextmanager
async def accessing(source=None):
    access = open_access(Limits(), source or Source())
    try:
        yield access
    finally:
        await access.close()


async def swept(agents, known=None, state=None, source=None, **options):
    """Return the batches of one run."""
    async with listening(agents), accessing(source) as access:
        plugin = Sweep(context(access, ports=str(agents.port), **options))
        return [batch async for batch in plugin.discover(known or KnownInventory(), state)]


def seen(batches):
    return {resource.resource_id: resource for batch in batches for resource in batch.resources}


async def test_who_answers_is_found_with_its_name_and_the_others_are_asked_twice():
    agents = Agents()
    agents.names = {"127.9.0.7": b"sw7", "127.9.0.200": b"", "127.9.1.1": b"outside"}
    agents.engine_ids = {"127.9.0.7": b"\x80\x00\x01"}
    batches = await swept(agents)
    found = seen(batches)
    assert set(found) == {"sw7", "127.9.0.200"}
    sw7 = found["sw7"]
    assert (sw7.identity, sw7.endpoint) == ("fra1|network|device|snmp|sw7", f"127.9.0.7:{agents.port}")
    assert sw7.identifiers == {"engine_id": "800001", "sys_name": "sw7"}
    assert (sw7.addresses, sw7.plugins, sw7.last_seen_ms) == (("127.9.0.7",), ("sweep",), NOW_MS)
    assert agents.asked == {f"127.9.0.{last}": 2 for last in range(1, 255)} | {"127.9.0.7": 1, "127.9.0.200": 1}
    assert (batches[-1].done, batches[-1].total, batches[-1].state, batches[-1].failed) == (254, 254, b"", "")


async def test_a_lost_packet_is_sent_again():
    agents = Agents()
    agents.names, agents.deaf["127.9.0.7"] = {"127.9.0.7": b"sw7"}, 1
    assert set(seen(await swept(agents, prefixes="127.9.0.0/28"))) == {"sw7"}


async def test_a_sites_credentials_are_tried_side_by_side_and_another_sites_never():
    agents = Agents(b"second")
    agents.names = {"127.9.0.6": b"sw7"}
    source = Source(fra1=["first", "second"], ams1=["secret-of-ams1"])
    assert set(seen(await swept(agents, source=source, prefixes="127.9.0.0/29"))) == {"sw7"}
    assert agents.communities == {b"first", b"second"}


async def test_who_is_known_is_not_asked_and_neither_is_what_another_site_has():
    agents = Agents()
    agents.names = {f"127.9.0.{last}": b"sw%d" % last for last in range(1, 7)}
    known = KnownInventory()
    for site, last in (("fra1", 1), ("ams1", 2)):
        resource = replace(SWITCH, site=site, resource_id=f"sw{last}", endpoint=f"127.9.0.{last}:161")
        known.take(resource.identity, resource)
    assert set(seen(await swept(agents, known, prefixes="127.9.0.0/29"))) == {"sw3", "sw4", "sw5", "sw6"}
    assert agents.asked["127.9.0.1"] == agents.asked["127.9.0.2"] == 0


@pytest.mark.parametrize(("ago_s", "asked"), [(499, 0), (501, 1)], ids=["seen-lately", "half-of-its-time-is-over"])
async def test_what_the_section_found_itself_is_asked_again_before_it_leaves(ago_s, asked):
    agents = Agents()
    agents.names = {"127.9.0.1": b"sw1"}
    known = KnownInventory()
    resource = replace(
        SWITCH, site="fra1", endpoint="127.9.0.1", plugins=("sweep",), ttl_s=1000, last_seen_ms=NOW_MS - ago_s * 1000
    )
    known.take(resource.identity, resource)
    batches = await swept(agents, known, prefixes="127.9.0.1")
    assert agents.asked["127.9.0.1"] == asked
    assert [found.identity for found in seen(batches).values()] == [resource.identity] * asked


async def test_a_device_with_two_addresses_is_one_and_clones_are_two():
    agents = Agents()
    agents.names = {f"127.9.0.{last}": name for last, name in enumerate((b"r1", b"r1", b"r1", b"c1", b"c2"), 1)}
    agents.engine_ids = {f"127.9.0.{last}": number for last, number in enumerate((b"a", b"a", b"b", b"z", b"z"), 1)}
    found = seen(await swept(agents, prefixes="127.9.0.0/29"))
    assert set(found) == {"r1", "r1@127.9.0.3", "c1", "c2"}
    assert found["r1"].addresses == ("127.9.0.1", "127.9.0.2")
    assert found["r1"].endpoint == f"127.9.0.1:{agents.port}"


async def test_a_new_device_is_called_by_the_rule_that_fits_and_a_known_one_as_it_is():
    agents = Agents()
    agents.names = {"127.9.0.1": b"sw1", "127.9.0.2": b"sw2", "127.9.0.3": b"sw3"}
    sections = (
        ClassSection(name="a", filter="facts.sys_name = 'sw1'", resource_type="cisco", resource_id="resource_endpoint"),
        ClassSection(name="b", filter="facts.sys_name IN ('sw1', 'sw2')", resource_class="lab"),
    )
    known = KnownInventory()
    old = replace(SWITCH, site="fra1", resource_id="sw2", endpoint="127.9.0.2:161", plugins=("sweep",), last_seen_ms=0)
    known.take(old.identity, old)
    async with listening(agents), accessing() as access:
        given = replace(context(access, ports=str(agents.port), prefixes="127.9.0.0/29"), classify=classes(sections))
        found = seen([batch async for batch in Sweep(given).discover(known, None)])
    assert sorted(each.identity for each in found.values()) == [
        "fra1|network|device|cisco|127.9.0.1:" + str(agents.port),
        "fra1|network|device|snmp|sw3",
        old.identity,
    ]


async def test_a_run_goes_on_where_it_was_cut_short():
    agents = Agents()
    agents.names = {"127.9.0.7": b"sw7", "127.9.0.100": b"sw100"}
    async with listening(agents), accessing() as access:
        plugin = Sweep(context(access, ports=str(agents.port), packets_per_s="40", rounds="1", prefixes="127.9.0.0/25"))
        steps = plugin.discover(KnownInventory(), None)
        first = await anext(steps)
        await steps.aclose()
        agents.asked.clear()
        again = Sweep(context(access, ports=str(agents.port), rounds="1", prefixes="127.9.0.0/25"))
        found = seen([batch async for batch in again.discover(KnownInventory(), first.state)])
        assert (set(seen([first])), set(found)) == ({"sw7"}, {"sw100"})
        assert min(int(host.rpartition(".")[2]) for host in agents.asked) == first.done + 1
        other = Sweep(context(access, ports=str(agents.port), rounds="1", prefixes="127.9.0.0/28"))
        assert set(seen([batch async for batch in other.discover(KnownInventory(), first.state)])) == {"sw7"}


async def test_packets_a_second_are_bounded():
    agents = Agents()
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    await swept(agents, prefixes="127.9.0.0/26", packets_per_s="200", rounds="1")
    assert loop.time() - began_s >= 1 + (62 - 10 - 1) / 200  # the last answers, and all but the first burst


async def test_without_credentials_the_run_has_failed_and_nothing_is_sent():
    agents = Agents()
    [batch] = await swept(agents, source=Source(ams1=["x"]))
    assert "no credentials are stored for site 'fra1'" in batch.failed
    assert not agents.asked


async def test_rubbish_and_answers_from_elsewhere_are_passed_over():
    agents = Agents()
    agents.names = {"127.9.0.1": b"sw1", "127.9.0.2": b"sw2"}
    whole = agents.answer

    def damaged(host, data):
        answer = whole(host, data)
        return answer[:-3] if answer and host == "127.9.0.1" else answer

    agents.answer = damaged
    assert set(seen(await swept(agents, prefixes="127.9.0.0/29"))) == {"sw2"}


@pytest.mark.parametrize(
    ("options", "option", "says"),
    [
        pytest.param({"prefixes": "10.0.0.0/33"}, "prefixes", "found '10.0.0.0/33'", id="mistyped"),
        pytest.param({"prefixes": "10.0.0.1/24"}, "prefixes", "write 10.0.0.0/24", id="host-bits"),
        pytest.param({"prefixes": "224.0.0.0/24"}, "prefixes", "expected unicast", id="multicast"),
        pytest.param({"prefixes": ""}, "prefixes", "expected prefixes like", id="none"),
        pytest.param({"prefixes": "10.0.0.0/8"}, "prefixes", "say max_addresses = 16777214", id="too-many"),
        pytest.param({"prefixes": "2001:db8::/64"}, "prefixes", "say max_addresses", id="v6-is-for-lists"),
        pytest.param({"exclude": "x"}, "exclude", "found 'x'", id="exclude"),
        pytest.param({"ports": "161,70000"}, "ports", "found '161,70000'", id="port"),
        pytest.param({"site": "a|b"}, "site", "expected printable text", id="site"),
        pytest.param({"packets_per_s": "fast"}, "packets_per_s", "found 'fast'", id="pace"),
        pytest.param({"spread": "perhaps"}, "spread", "expected yes or no", id="spread"),
        pytest.param({"prefix": "10.0.0.0/24"}, "prefix", "expected one of site", id="unknown-option"),
    ],
)
def test_an_option_that_cannot_be_used_is_named(options, option, says):
    with pytest.raises(OptionError) as caught:
        Sweep(context(**options))
    assert says in caught.value.problems[option]


def test_a_large_prefix_is_taken_where_that_is_said():
    assert Sweep(context(prefixes="10.0.0.0/14", max_addresses="300000")).targets.addresses == 2**18 - 2


def test_it_is_spread_over_its_interval_unless_told_otherwise():
    assert Sweep(context(spread="yes")).pace.packets_per_s == 254 * 2 / 48
    assert Sweep(context(spread="no", packets_per_s="700")).pace.packets_per_s == 700


def section(name, zone="", **options):
    made = PluginSection(kind="discovery", name=name, plugin="sweep", interval_s=60, zone=zone)
    return Installed(made, lambda _: True, Sweep(context(**options)))


def test_sections_that_would_send_one_sites_credentials_to_another_sites_addresses_are_refused():
    one, same = section("one"), section("same", prefixes="127.9.0.0/25")
    refuse_overlaps([one, same, section("far", zone="dmz", site="ams1")])
    with pytest.raises(SettingsError, match=r"127\.9\.0\.128/25 is both site fra1's and site ams1's"):
        refuse_overlaps([one, section("other", site="ams1", prefixes="127.9.0.128/25")])


NETWORKS = st.builds(
    lambda last, bits: f"10.0.{last & 3}.{last >> 2 & 255 & ~((1 << bits) - 1)}/{32 - bits}",
    st.integers(0, 1023),
    st.integers(0, 5),
)


@given(st.lists(NETWORKS, min_size=1, max_size=4), st.lists(NETWORKS, max_size=3), st.integers(0, 200))
def test_targets_are_each_address_once_but_those_excluded_from_wherever_one_begins(prefixes, excludes, start):
    made = targets(networks(",".join(prefixes), "prefixes"), networks(" ".join(excludes), "exclude"), (161, 1161))
    hosts = {str(host) for each in networks(",".join(prefixes), "p") for host in each.hosts()}
    expected = hosts - {str(host) for each in networks(" ".join(excludes), "e") for host in each}
    every = list(made.from_(0))
    assert {target.host for target in every} == expected
    assert len(every) == len(set(every)) == made.total == 2 * len(expected)
    assert list(made.from_(start)) == every[start:]


def test_a_factory_asks_nobody():
    from streams.runtime.plugins import NoAccess

    with pytest.raises(FatalError):
        NoAccess().probe("fra1", iter(()), Sweep(context()).pace)
