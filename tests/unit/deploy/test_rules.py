"""Rules are what Prometheus takes, ask for series that there are, fire when they should, and lead to a page."""

import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.unit.deploy.names import ROOT, mentioned, of_the_network, of_the_workers
from tests.unit.deploy.programs import promtool

FOLDER: Final = ROOT / "deploy" / "rules"
FILES: Final = sorted(FOLDER.glob("*.yaml"))
RULES: Final[list[dict[str, Any]]] = [
    rule for path in FILES for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]
]
ALERTS: Final = [rule for rule in RULES if "alert" in rule]
SEVERITIES: Final = {"critical", "warning", "none"}


def name_of(value: object) -> str | None:
    return str(value.get("alert") or value.get("record")) if isinstance(value, dict) else None


def test_prometheus_takes_the_rules():
    done = promtool("check", "rules", *FILES)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", sorted((FOLDER / "tests").glob("*.yaml")), ids=lambda path: path.stem)
def test_each_alert_fires_when_it_should_and_only_then(path: Path):
    done = promtool("test", "rules", path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_among_those_tests_firing_and_but_for_the_dead_man_silent():
    fires, silent = set(), set()
    for path in (FOLDER / "tests").glob("*.yaml"):
        for case in yaml.safe_load(path.read_text())["tests"]:
            for moment in case["alert_rule_test"]:
                (fires if moment.get("exp_alerts") else silent).add(moment["alertname"])
    names = {rule["alert"] for rule in ALERTS}
    assert fires == names
    assert silent == names - {"DeadMan"}


@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_every_metric_of_a_rule_is_one_of_ours(rule):
    assert mentioned(rule["expr"]) - of_the_network() - of_the_workers() == set()


def test_a_metric_that_is_not_ours_would_be_found():
    query = 'rate(panoptes_slots_total[5m]) + panoptes_slots + on (row) panoptes_power_state{row="panoptes_x"}'
    assert mentioned(query) - of_the_network() - of_the_workers() == {"panoptes_slots"}


@pytest.mark.parametrize("rule", ALERTS, ids=name_of)
def test_an_alert_says_how_grave_it_is_what_is_wrong_and_where_to_read_on(rule):
    assert rule["labels"]["severity"] in SEVERITIES
    assert rule["annotations"].keys() == {"summary", "description", "runbook"}
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    headings = re.findall(r"^## (\w+)$", (ROOT / page).read_text(), re.MULTILINE)
    assert anchor == rule["alert"].lower()
    assert rule["alert"] in headings


@pytest.mark.parametrize("rule", ALERTS, ids=name_of)
def test_the_description_names_the_device_and_the_row(rule):
    by_row = {"site", "device", "row"} if mentioned(rule["expr"]) & of_the_network() else set()
    if by_row and "by (site, device)" in rule["expr"]:
        by_row -= {"row"}
    assert by_row <= set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["description"]))


def test_every_runbook_is_of_an_alert():
    headings = set(re.findall(r"^## (\w+)$", (ROOT / "docs" / "alerts.md").read_text(), re.MULTILINE))
    assert headings == {rule["alert"] for rule in ALERTS}
