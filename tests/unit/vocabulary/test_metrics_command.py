"""`panoptes metrics list`."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pollers.vocabulary.load import load
from streams.cli import main

OWN = """\
profile: mine
static_tags: {vendor: acme}
tables:
  t:
    row: [cpu_name]
    columns:
      cpu_utilization: {unit: percent, oid: 1.3.6.1.4.1.99999.1.1.1}
      acme_heat: {unit: mW, oid: 1.3.6.1.4.1.99999.1.1.2}
      cpu_name: {use: tag, oid: 1.3.6.1.4.1.99999.1.1.3}
emit: {cpu: t}
"""


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["metrics", "list", *arguments], catch_exceptions=False)


def test_every_metric_is_there_with_name_unit_labels_and_meaning():
    found = [json.loads(line) for line in run("--format", "json").stdout.splitlines()]
    assert {(each["group"], each["name"]) for each in found} == {
        (group.name, name) for group in load().groups.values() for name in group.metrics
    }
    (octets,) = [each for each in found if (each["group"], each["name"]) == ("interface", "octets_in")]
    assert octets["unit"] == "octets"
    assert octets["labels"][:4] == ["site", "device", "row", "name"]
    assert octets["meaning"] == "Octets received."
    assert octets["prometheus"] == "panoptes_interface_octets_in_bytes_per_second"


def test_a_table_has_the_labels_of_a_group_and_its_metrics_below():
    lines = run("--profile", "juniper-ex").stdout.splitlines()
    at = lines.index("fan_tray: Trays that hold fans.")
    assert lines[at + 1] == "  labels: site, device, row, fan_tray_name, vendor"
    assert lines[at + 2].split()[:3] == ["fan_tray_state", "state", "panoptes_fan_tray_state"]


def test_a_profile_of_ones_own_shows_what_it_adds(tmp_path: Path):
    (tmp_path / "mine.yaml").write_text(OWN)
    result = run("--profile", "mine", "--profiles", str(tmp_path), "--format", "json")
    found = {each["name"]: each for each in map(json.loads, result.stdout.splitlines())}
    assert list(found) == ["cpu_utilization", "acme_heat"]
    assert found["cpu_utilization"]["meaning"].startswith("How busy")
    assert (found["acme_heat"]["prometheus"], found["acme_heat"]["scale"]) == ("panoptes_cpu_acme_heat_watts", 0.001)
    assert found["acme_heat"]["meaning"] == "The profile's own (tables.t.columns.acme_heat)."


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["--profile", "nothing"], "no profile 'nothing': one of 3com, a10, ", id="profile"),
        pytest.param(["--format", "xml"], "is not one of", id="format"),
    ],
)
def test_a_wrong_call_says_what_was_expected(arguments: list[str], message: str):
    result = run(*arguments)
    assert (result.exit_code, message in result.stderr) == (2, True), result.stderr
