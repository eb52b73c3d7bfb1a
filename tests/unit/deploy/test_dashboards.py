"""Dashboards are what the vocabulary makes of them now, ask for series that exist, in words Prometheus knows."""

import json
import re
from itertools import combinations
from typing import Any, Final

import pytest
import yaml

from scripts.dashboards.boards import boards, written
from tests.unit.deploy.names import ROOT, mentioned, of_the_network, of_the_workers
from tests.unit.deploy.programs import promtool

FOLDER: Final = ROOT / "deploy" / "grafana"
FILES: Final = sorted(path.name for path in FOLDER.glob("*.json"))
#: as Grafana fills them in
_VARIABLES: Final = {"$site": ".*", "$device": ".*", "$row": ".*", "$__rate_interval": "5m"}


def board_of(file: str) -> dict[str, Any]:
    return json.loads((FOLDER / file).read_text(encoding="utf-8"))


def queries(file: str) -> list[str]:
    return [target["expr"] for panel in board_of(file)["panels"] for target in panel.get("targets", ())]


def filled(expr: str) -> str:
    for variable, value in _VARIABLES.items():
        expr = expr.replace(variable, value)
    return expr


def test_there_is_a_dashboard_of_each_and_no_other():
    assert set(FILES) == boards().keys()


@pytest.mark.parametrize("file", FILES)
def test_the_file_is_what_the_script_writes(file):
    assert (FOLDER / file).read_text(encoding="utf-8") == written(boards()[file]), "make dashboards"


@pytest.mark.parametrize("file", FILES)
def test_every_metric_of_a_query_is_one_of_ours(file):
    asked = frozenset[str]().union(*map(mentioned, queries(file)))
    variables = [each["query"]["query"] for each in board_of(file)["templating"]["list"] if each["type"] == "query"]
    assert asked
    assert asked.union(*map(mentioned, variables)) - of_the_network() - of_the_workers() == set()


@pytest.mark.parametrize("file", FILES)
def test_prometheus_understands_every_query(file, tmp_path):
    rules = [{"record": f"query:{at}", "expr": filled(expr)} for at, expr in enumerate(queries(file))]
    path = tmp_path / "queries.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    done = promtool("check", "rules", path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", FILES)
def test_a_query_asks_only_what_can_be_chosen(file):
    board = board_of(file)
    known = {each["name"] for each in board["templating"]["list"]} | {"__rate_interval", "__all"}
    assert set(re.findall(r"\$\{?(\w+)", json.dumps(board))) <= known


@pytest.mark.parametrize("file", FILES)
def test_panels_have_ids_titles_and_places_of_their_own(file):
    panels = board_of(file)["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert all(panel["title"] for panel in panels)
    for one, other in combinations((panel["gridPos"] for panel in panels), 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert beside or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in panels)


@pytest.mark.parametrize("file", FILES)
def test_the_queries_of_a_panel_are_told_apart(file):
    for panel in board_of(file)["panels"]:
        targets = panel.get("targets", [])
        assert len({target["refId"] for target in targets}) == len(targets)
        assert len({target["legendFormat"] for target in targets}) == len(targets), panel["title"]
