"""Each file in families/ is a walk as its MIBs have it (types, ranges, texts), and what a poll makes of it."""

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner

from pollers.profiles.authoring.expected import differences, read_expected
from pollers.profiles.loading.library import read_library
from streams.cli.devices.profile import command

BUILT_IN = read_library()
FOLDER = Path(__file__).parents[1] / "families"
FAMILIES = [pytest.param(path, id=path.stem) for path in sorted(FOLDER.glob("*.yaml"))]


@pytest.mark.parametrize("path", FAMILIES)
def test_a_family_has_the_rows_that_its_mibs_describe_and_is_known_by_its_sys_object_ids(path: Path):
    assert asyncio.run(differences(read_expected(path), BUILT_IN)) == []


def test_every_built_in_profile_has_a_walk_with_the_rows_that_are_to_be_found_on_it():
    assert {read_expected(path).profile for path in FOLDER.glob("*.yaml")} >= BUILT_IN.profiles.keys()


EXPECTED = """\
profile: radlan
walk: |
  1.3.6.1.4.1.89.1.8.0|2|8
  1.3.6.1.4.1.89.1.9.0|2|7
rows:
  cpu: {system: {cpu_utilization: 7, cpu_utilization_1m: 8}}
"""


def run(folder: Path, text: str, name: str = "a.yaml"):
    (folder / name).write_text(text)
    return CliRunner().invoke(command, ["test", str(folder / name)])


def test_rows_as_expected_are_a_success(tmp_path: Path):
    done = run(tmp_path, EXPECTED)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "1 as expected, 0 not\n")


@pytest.mark.parametrize(
    ("was", "now", "told"),
    [
        pytest.param("cpu_utilization: 7", "cpu_utilization: 6", "cpu system: found {'cpu_utilization': 7", id="value"),
        pytest.param("system:", "other:", "cpu other: found no such row, expected", id="row"),
        pytest.param("radlan", "nothing", "no profile 'nothing'", id="profile"),
        pytest.param("profile:", "profil:", "expected the keys profile, walk, rows", id="key"),
        pytest.param("walk: |", "sys_object_ids: [1.3.6.1.4.1.9.1.1]\nwalk: |", "cisco-ios is taken", id="match"),
        pytest.param(
            "  1.3.6.1.4.1.89.1.8.0|2|8\n  1.3.6.1.4.1.89.1.9.0|2|7", "  x\n  y", "walk:1: expected", id="walk"
        ),
        pytest.param("rows:", "rows: [", "a.yaml: ", id="no-yaml"),
    ],
)
def test_what_differs_is_told(tmp_path: Path, was: str, now: str, told: str):
    done = run(tmp_path, EXPECTED.replace(was, now))
    assert (done.exit_code, told in done.stdout) == (1, True), done.output


def test_the_walk_may_stand_in_a_file_beside(tmp_path: Path):
    (tmp_path / "a.snmprec").write_text("1.3.6.1.4.1.89.1.9.0|2|7\n")
    text = "profile: radlan\nwalk: a.snmprec\nrows: {cpu: {system: {cpu_utilization: 7}}}\n"
    assert run(tmp_path, text).exit_code == 0
