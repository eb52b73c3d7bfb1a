"""Standard MIBs that a device has are added to its profile, and none is hidden by it."""

import asyncio
from collections.abc import Sequence

import pytest

from pollers.plugins.snmp import facts as snmp_facts
from pollers.plugins.snmp import polling as snmp_profile
from pollers.profiles.authoring.recording import RecordedSession
from pollers.profiles.loading.compose import Composer
from pollers.profiles.loading.library import read_library
from pollers.profiles.reading.collect import samples_of
from pollers.profiles.reading.plan import make_plan
from pollers.profiles.reading.poll import read_device
from pollers.profiles.reading.state import DeviceState
from pollers.profiles.standards import STANDARDS, profiles_of, standards_of
from streams.cli.devices.gaps import gaps_of
from streams.runtime.ops.metrics import Metrics
from streams.runtime.ops.profile_metrics import measure_profiles
from tests.unit.profiles.bench import library_of, session_of
from tests.unit.profiles.reading.test_plugin import JOB, RESOURCE, Bench, enriched

BUILT_IN = read_library()

IF = "1.3.6.1.2.1.2.2.1.10.1|65|100\n"
HOST = "1.3.6.1.2.1.25.3.3.1.2.1|2|12\n1.3.6.1.2.1.25.2.3.1.3.1|4|/\n1.3.6.1.2.1.25.2.3.1.5.1|2|9\n"
OSPF = (
    "1.3.6.1.2.1.14.2.1.4.0.0.0.0|65|4\n"
    "1.3.6.1.2.1.14.10.1.3.10.0.0.2.0|64|10.0.0.9\n1.3.6.1.2.1.14.10.1.6.10.0.0.2.0|2|8\n"
)
POE = (
    "1.3.6.1.2.1.105.1.1.1.3.1.7|2|1\n1.3.6.1.2.1.105.1.1.1.6.1.7|2|3\n1.3.6.1.2.1.105.1.1.1.10.1.7|2|4\n"
    "1.3.6.1.2.1.105.1.3.1.1.2.1|66|370\n1.3.6.1.2.1.105.1.3.1.1.3.1|2|1\n1.3.6.1.2.1.105.1.3.1.1.4.1|66|45\n"
)
PRINTER = (
    "1.3.6.1.2.1.25.3.5.1.1.1|2|3\n1.3.6.1.2.1.43.5.1.1.16.1|4|lobby\n1.3.6.1.2.1.43.10.2.1.4.1.1|65|8000\n"
    "1.3.6.1.2.1.43.8.2.1.8.1.1|2|8\n1.3.6.1.2.1.43.8.2.1.9.1.1|2|250\n1.3.6.1.2.1.43.8.2.1.10.1.1|2|-3\n"
    "1.3.6.1.2.1.43.8.2.1.13.1.1|4|Tray 1\n1.3.6.1.2.1.43.8.2.1.18.1.1|4|\n"
    "1.3.6.1.2.1.43.11.1.1.3.1.1|2|1\n1.3.6.1.2.1.43.11.1.1.4.1.1|2|3\n1.3.6.1.2.1.43.11.1.1.6.1.1|4|Black Toner\n"
    "1.3.6.1.2.1.43.11.1.1.8.1.1|2|4000\n1.3.6.1.2.1.43.11.1.1.9.1.1|2|1000\n"
    "1.3.6.1.2.1.43.11.1.1.3.1.2|2|0\n1.3.6.1.2.1.43.11.1.1.4.1.2|2|4\n1.3.6.1.2.1.43.11.1.1.6.1.2|4|Waste\n"
    "1.3.6.1.2.1.43.11.1.1.8.1.2|2|100\n1.3.6.1.2.1.43.11.1.1.9.1.2|2|30\n1.3.6.1.2.1.43.12.1.1.4.1.1|4|black\n"
)


def groups_of(name: str, walk: str, library=BUILT_IN) -> dict[str, object]:
    """Return the samples of a poll by the profile of this name and what the walk has besides, by group."""
    session = session_of(walk)
    mibs = asyncio.run(standards_of(session))
    profile = Composer(library).profile(name, profiles_of(mibs))
    plan = make_plan(profile)
    reading = asyncio.run(read_device(session, DeviceState(plan=plan), 0))
    return {sample.group: sample for sample in samples_of(plan, reading.frames, reading.clock)}


def gauge(sample, name: str) -> Sequence[float]:
    return next(column.values for column in sample.gauges if column.name == name)


def state(sample, name: str) -> Sequence[str]:
    return next(column.values for column in sample.states if column.name == name)


@pytest.mark.parametrize(
    ("walk", "groups"),
    [
        pytest.param(IF, {"interface"}, id="interfaces only"),
        pytest.param(IF + HOST, {"interface", "cpu", "storage"}, id="a host"),
        pytest.param(IF + OSPF, {"interface", "ospf_neighbor", "ospf_area"}, id="a router"),
        pytest.param(IF + POE, {"interface", "poe", "poe_supply"}, id="a switch that gives power"),
        pytest.param(PRINTER, {"printer", "printer_supply", "printer_tray"}, id="a printer"),
    ],
)
def test_a_device_that_no_profile_fits_gets_every_standard_mib_that_it_has(walk: str, groups: set[str]):
    assert set(groups_of("if-mib", walk)) == groups


@pytest.mark.parametrize(
    ("profile", "walk", "group", "expected"),
    [
        pytest.param("if-mib", "1.3.6.1.4.1.9.2.1.56.0|2|9\n1.3.6.1.4.1.9.2.1.58.0|2|7\n", "cpu", 7, id="old-cisco"),
        pytest.param("if-mib", "1.3.6.1.4.1.9.9.109.1.1.1.1.8.1|66|5\n", "cpu", 5, id="cisco-process"),
        pytest.param("dell-os6", "1.3.6.1.4.1.89.1.9.0|2|11\n", "cpu", 11, id="radlan-under-another-sys-object-id"),
        pytest.param("linux", HOST + "1.3.6.1.4.1.2620.1.6.7.4.3.0|4|400\n1.3.6.1.4.1.2620.1.6.7.4.4.0|4|100\n"
            "1.3.6.1.4.1.2620.1.6.7.4.5.0|4|300\n", "memory", 25, id="check-point-on-net-snmp"),
        pytest.param("linux", HOST + "1.3.6.1.4.1.24681.1.2.2.0|4|2048.0 MB\n1.3.6.1.4.1.24681.1.2.3.0|4|512.0 MB\n",
            "memory", 75, id="qnap-on-net-snmp"),
        pytest.param("cisco-ios", "1.3.6.1.4.1.9.2.1.58.0|2|7\n1.3.6.1.4.1.9.9.109.1.1.1.1.8.1|66|5\n", "cpu", 5,
            id="the-profiles-own-first"),
        pytest.param("fortinet-fortigate", HOST, "cpu", 12, id="a-set-of-scalars-that-the-device-lacks"),
    ],
)  # fmt: skip
def test_mibs_that_many_makes_share_are_read_where_a_device_has_them(
    profile: str, walk: str, group: str, expected: float
):
    found = groups_of(profile, IF + walk)[group]
    assert gauge(found, f"{group}_utilization") == [expected]


def test_one_packet_finds_them_all():
    session = session_of(IF + HOST + OSPF)
    assert asyncio.run(standards_of(session)) == ("IF-MIB", "OSPF-MIB", "HOST-RESOURCES-MIB")
    assert session.stats.packets_sent == 1
    assert {one.profile for one in STANDARDS if one.profile} <= BUILT_IN.profiles.keys()


def test_what_these_mibs_say_has_its_meaning():
    found = groups_of("if-mib", OSPF + POE + PRINTER)
    assert (found["ospf_neighbor"].index, state(found["ospf_neighbor"], "neighbor_state")) == (["10.0.0.2"], ["full"])
    assert (found["poe"].index, state(found["poe"], "poe_state")) == (["1/7"], ["deliveringPower"])
    assert (gauge(found["poe_supply"], "poe_supply_power"), gauge(found["poe_supply"], "poe_supply_limit")) == (
        [45],
        [370],
    )
    assert (found["printer"].index, state(found["printer"], "printer_state")) == (["lobby"], ["idle"])
    assert found["printer_supply"].index == ["Black Toner", "Waste"]
    assert gauge(found["printer_supply"], "supply_level") == [25, 70]
    assert gauge(found["printer_tray"], "tray_capacity") == [250]


VENDORS = """\
profile: acme
extends: [if-mib]
static_tags: {vendor: acme}
tables: {acme_cpu: {columns: {cpu_utilization: {oid: "#.1.1.1", unit: percent}}}}
emit: {cpu: acme_cpu}
"""


def with_acme(text: str):
    library = read_library()
    mine = library_of(text.replace("#", "1.3.6.1.4.1.99999").replace("extends: [if-mib]\n", ""))
    documents = {**library.documents, **mine.documents}
    return type(library)({**library.profiles, **mine.profiles}, (), frozenset(), documents)


def test_the_vendors_own_table_comes_before_the_standards_which_is_read_where_the_device_lacks_it():
    library = with_acme(VENDORS)
    both = groups_of("acme", HOST + "1.3.6.1.4.1.99999.1.1.1.7|2|33\n", library)
    assert (both["cpu"].index, gauge(both["cpu"], "cpu_utilization")) == (["7"], [33])
    lacking = groups_of("acme", HOST, library)
    assert gauge(lacking["cpu"], "cpu_utilization") == [12]
    assert {"storage", "cpu"} == lacking.keys()


def test_what_a_profile_replaces_is_not_added():
    library = with_acme(VENDORS + "replaces: [host-resources]\n")
    assert groups_of("acme", HOST, library) == {}


async def test_the_probe_is_remembered_until_the_device_restarts():
    bench = Bench(text=Bench().text + "\n" + HOST)
    plugin = await asyncio.to_thread(snmp_facts.create, bench.context)
    asked: list[int] = []
    original = RecordedSession.following

    async def following(self, oids):
        asked.append(len(oids))
        return await original(self, oids)

    RecordedSession.following = following
    try:
        first = await plugin.enrich(RESOURCE)
        bench.pass_time(600)
        again = await plugin.enrich(RESOURCE)
        assert len(asked) == 1
        bench.uptime = 5
        await plugin.enrich(RESOURCE)
        assert len(asked) == 2
    finally:
        RecordedSession.following = original
    assert "HOST-RESOURCES-MIB" in first["device"].facts["standard_mibs"].split()
    assert first["device"].facts["standard_mibs"] == again["device"].facts["standard_mibs"]


async def test_a_worker_polls_what_was_found_and_counts_the_device_among_those_without_a_profile():
    bench = Bench(text=Bench().text + "\n" + HOST)
    plugin = await asyncio.to_thread(snmp_profile.create, bench.context)
    facts = await (await asyncio.to_thread(snmp_facts.create, bench.context)).enrich(RESOURCE)
    poll = await plugin.poll(enriched(facts), JOB, 0)
    assert {"interface", "cpu", "storage"} <= {sample.group for sample in poll.samples}
    metrics = Metrics("polling")
    measure_profiles(metrics, [plugin])
    assert (
        'panoptes_devices_without_profile{stage="polling",sys_object_id="1.3.6.1.4.1.99999.1"} 1.0'
        in metrics.text().decode()
    )
    gap = gaps_of([enriched(facts)])[0]
    assert (gap.sys_object_id, gap.devices, gap.profile) == ("1.3.6.1.4.1.99999.1", 1, "if-mib")
