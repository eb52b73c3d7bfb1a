"""What the demo writes is what the pipeline reads."""

import os
import sys
from pathlib import Path
from typing import Any

from pollers.plugins.base import Kind
from pollers.plugins.lists.device_list import Defaults, resources
from pollers.plugins.lists.listing import parse_json
from streams.playground.demo import layout, measure
from streams.playground.simulators import server
from streams.playground.simulators.devices import DEFAULT_COMMUNITY, WRONG_COMMUNITY, fleet
from streams.runtime.settings.loading import load
from streams.runtime.settings.plugin_sections import SinkSection

FLEET: dict[str, Any] = server.description(fleet(), 1161, 1_790_000_000.0)


def test_the_configuration_is_one_that_the_pipeline_accepts(tmp_path: Path) -> None:
    file = tmp_path / "panoptes.ini"
    file.write_text(layout.configuration(state=tmp_path, devices=tmp_path / "d.json", interval_s=7, prefix="mine"))
    settings = load(file, {})
    assert settings.panoptes.topic_prefix == "mine"
    [polling] = settings.plugins(Kind.POLLING)
    assert (polling.plugin, polling.interval_s) == ("snmp", 7)
    assert [section.plugin for section in settings.plugins(Kind.ENRICHMENT)] == [
        "addresses", "bgp", "device-facts", "interfaces", "inventory", "neighbours",
    ]  # fmt: skip


def test_a_store_is_given_numbers_and_what_became_of_polls_so_that_every_alert_works_there(tmp_path: Path) -> None:
    file = tmp_path / "panoptes.ini"
    file.write_text(
        layout.configuration(state=tmp_path, devices=tmp_path / "d.json", interval_s=7, store="http://127.0.0.1:1")
    )
    [sink] = load(file, {}).plugins(Kind.SINK)
    assert isinstance(sink, SinkSection)
    assert sink.topics == ("gauges", "poll-status")


def test_the_device_list_gives_every_device_and_this_machine() -> None:
    listed = parse_json(layout.device_list(FLEET, "127.0.0.1:1162"))
    found = resources(
        listed, "d.json", Defaults(plugin="demo", now_ms=0, parts={"class": "network", "subclass": "switch"})
    )
    assert found.problems == []
    assert len(found.resources) == 25
    assert found.resources[-1].identity == "local|system|host|net-snmp|this-machine"
    assert len(parse_json(layout.device_list(FLEET, None)).entries) == 24


def test_one_community_is_not_the_one_in_redis_and_sites_without_one_have_the_default() -> None:
    secrets = layout.secrets(FLEET)
    assert secrets["panoptes:secrets:snmp_community_string:default"] == DEFAULT_COMMUNITY
    assert WRONG_COMMUNITY not in secrets.values()
    known = {name.rpartition(":")[2]: value for name, value in secrets.items()}
    wrong = [d["role"] for d in FLEET["devices"] if known.get(d["site"], known["default"]) != d["community"]]
    assert wrong == ["wrong-community"]


def test_snmpd_answers_on_loopback_only_and_cannot_be_written() -> None:
    text = layout.snmpd_configuration()
    assert "rocommunity this-machine 127.0.0.1" in text
    assert "rwcommunity" not in text


def test_a_process_costs_what_proc_says() -> None:
    found = measure.costs({"me": os.getpid(), "nobody": 2**22 + 1})
    assert set(found) == {"me"}
    assert found["me"].cpu_s > 0
    assert 2**20 < found["me"].resident_bytes <= found["me"].peak_bytes
    later = {"me": found["me"]._replace(cpu_s=found["me"].cpu_s + 1.5)}
    assert "3.00" in measure.table(found, later, 30.0)[1]


def test_the_figures_are_those_of_the_report() -> None:
    lateness = {
        "all": {"gauges": 3, "p50_ms": 120.4, "p99_ms": 900.0},
        "steady": {"gauges": 0, "p50_ms": None, "p99_ms": None},
    }
    found = {"first_gauge_ms": 1_030_000.0, "gauges_per_s": 71.26, "lateness": lateness}
    assert measure.figures(found, 1_000.0, everything=False) == ["first gauge 30.0 s after the start"]
    lines = measure.figures(found, 1_000.0, everything=True)
    assert lines[1:3] == ["71.3 gauges/s; from the slot to the independent consumer:", "  all: p50 120 ms, p99 900 ms"]
    nothing: dict[str, Any] = {"first_gauge_ms": None, "gauges_per_s": None, "lateness": {}}
    assert measure.figures(nothing, 0.0, everything=True) == []


def test_a_stage_runs_as_anyone_would_run_it() -> None:
    assert layout.stage_command(sys.executable, "gauges")[1:7] == (
        "-m",
        "faust",
        "-A",
        "streams.gauges",
        "worker",
        "--loglevel",
    )
