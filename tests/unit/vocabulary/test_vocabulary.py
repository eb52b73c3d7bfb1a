"""The vocabulary holds together, the page is made from it, and the shipped profiles speak it."""

import re
from pathlib import Path

import pytest

from pollers.profiles.authoring.emitted import labels
from pollers.profiles.authoring.wording import wording_problems
from pollers.profiles.loading.library import read_library
from pollers.vocabulary.listing import page
from pollers.vocabulary.load import VocabularyError, load, read
from pollers.vocabulary.model import MetricKind
from pollers.vocabulary.prometheus import prometheus_name

ROOT = Path(__file__).parents[3]
VOCABULARY = load()
METRICS = [metric for group in VOCABULARY.groups.values() for metric in group.metrics.values()]
LIBRARY = read_library()
#: what profiles have, and what the profiles to come are to have
GROUPS = [
    "interface", "optics", "poe", "poe_supply", "cpu", "memory", "storage", "disk", "raid", "host", "load",
    "license", "temperature", "voltage", "current", "humidity", "fan", "fan_tray", "power", "environment", "ups",
    "battery", "outlet", "ip", "tcp", "udp", "bgp_peer", "bgp_prefix", "firewall_session", "firewall", "vpn",
    "vpn_tunnel", "ha", "stack", "load_balancer", "virtual_server", "pool", "printer", "printer_supply",
    "wireless_controller", "access_point", "radio", "ssid", "sensor",
]  # fmt: skip
WORDS = "states: {s: [a, b]}\nvendors: [acme]\nstateful_texts: {}\nrenumbered: {}\n"


@pytest.mark.parametrize("group", GROUPS)
def test_there_is_a_word_for_it(group: str):
    assert VOCABULARY.groups[group].metrics


def test_a_metric_is_found_by_its_names():
    found = VOCABULARY.metric("cpu", "cpu_utilization")
    assert found is not None
    assert (found.unit, found.kind, found.states) == ("percent", MetricKind.LEVEL, ())
    assert "hrProcessorLoad" in found.objects
    state = VOCABULARY.metric("interface", "admin_state")
    assert state is not None
    assert (state.kind, state.states) == (MetricKind.STATE, ("up", "down", "testing"))
    assert VOCABULARY.metric("cpu", "nothing") is VOCABULARY.metric("nothing", "cpu_utilization") is None


def test_optics_have_light_bias_and_temperature_by_lane():
    optics = VOCABULARY.groups["optics"]
    assert {"interface", "lane"} <= set(optics.labels)
    units = {name: metric.unit for name, metric in optics.metrics.items()}
    assert (units["optics_power_in"], units["optics_bias"], units["optics_temperature"]) == ("dBm", "A", "celsius")


def test_names_are_names_and_no_group_is_a_vendors():
    names = [*VOCABULARY.groups, *(metric.name for metric in METRICS)]
    names += [label for group in VOCABULARY.groups.values() for label in group.labels]
    assert [name for name in names if not re.fullmatch(r"[a-z][a-z0-9_]*", name)] == []
    assert [name for name in names if name.split("_")[0] in VOCABULARY.vendors] == []


def test_states_are_different_words():
    assert [metric.name for metric in METRICS if len(set(metric.states)) != len(metric.states)] == []


def exported() -> list[str]:
    return [prometheus_name(metric.group, metric.name, metric.unit, metric.kind).name for metric in METRICS]


def test_every_name_in_prometheus_is_valid_and_there_once():
    names = exported()
    assert [name for name in names if not re.fullmatch(r"[a-z_][a-z0-9_]*", name)] == []
    assert sorted(names) == sorted(set(names))


def test_no_name_ends_as_openmetrics_has_it_for_another_kind():
    reserved = re.compile(r".*_(total|created|bucket|count|sum)|panoptes_device_info|.*_row_info")
    assert [name for name in exported() if reserved.fullmatch(name)] == []


def test_no_metric_is_called_as_one_of_the_workers_own():
    named = re.compile(r'\.(?:counter|gauge|counters)\(\s*"([a-z_]+)"|(?<!\.get)\(\s*"([a-z]+_[a-z_]+)",\s*"')
    found = {
        name
        for path in (ROOT / "streams").rglob("*.py")
        for match in named.finditer(path.read_text(encoding="utf-8"))
        for name in match.groups()
        if name
    }
    assert {"dead_letters", "snmp_devices", "poll_lateness_seconds"} <= found
    own = {f"panoptes_{name}{ending}" for name in found for ending in ("", "_total")}
    assert own & set(exported()) == set()


def test_the_page_is_current():
    written = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert written == page(VOCABULARY), "run `panoptes metrics list --format markdown > docs/metrics.md`"


@pytest.mark.parametrize("name", sorted(LIBRARY.profiles))
def test_a_shipped_profile_speaks_the_vocabulary(name: str):
    profile = LIBRARY.profiles[name]
    assert [str(problem) for problem in wording_problems(profile, VOCABULARY)] == []
    unknown = [
        f"{group.name}.{label}"
        for group in profile.groups.values()
        for table in group.tables
        for label in labels(profile, profile.tables[table])
        if label not in {"vendor", *VOCABULARY.groups[group.name].labels}
    ]
    assert unknown == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("g: 5", "a: g: expected a mapping", id="no-group"),
        pytest.param("g: {meaning: G., metrics: {m: {unit: s}}}", "a: g.m.meaning: expected a text", id="no-meaning"),
        pytest.param("g: {meaning: G., metrics: {m: {meaning: M., units: s}}}", "not units", id="an-unknown-key"),
        pytest.param("g: {meaning: G., metrics: {m: {meaning: M., kind: state}}}", "states", id="a-state-without"),
        pytest.param("g: {meaning: G., metrics: {m: {meaning: M., kind: x}}}", "level, rate or info", id="no-kind"),
        pytest.param("g: {meaning: G., metrics: {m: {meaning: M., states: t}}}", "one of s", id="no-such-states"),
        pytest.param(
            "g: {meaning: G., metrics: {m: {meaning: M., states: [on]}}}", "expected a text", id="a-truth-value"
        ),
        pytest.param("h: {meaning: H., metrics: {}}", "h: a group once", id="a-group-again"),
    ],
)
def test_a_fault_is_told_with_its_place(text: str, message: str):
    with pytest.raises(VocabularyError, match=re.escape(message)):
        read({"words": WORDS, "0": "h: {meaning: H., metrics: {m: {meaning: M., states: s}}}", "a": text})
