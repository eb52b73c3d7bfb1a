"""The commands, offline: what they print, and how they end."""

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from streams.cli import main

WALK = """\
1.3.6.1.2.1.1.1.0|4|Arista Networks EOS version 4.28
1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.30065.1.3011
1.3.6.1.2.1.1.3.0|67|100
1.3.6.1.2.1.2.2.1.8.1|2|1
1.3.6.1.2.1.31.1.1.1.1.1|4|Ethernet1
1.3.6.1.2.1.31.1.1.1.6.1|70|18446744073709551615
"""
GOOD = """\
profile: mine
static_tags: {vendor: Mine Inc.}
tables: {t: {columns: {v: {oid: 1.3.6.1.2.1.31.1.1.1.6}, n: {use: tag, oid: 1.3.6.1.2.1.31.1.1.1.1}}, row: [n]}}
emit: {mine_inc_g: t}
"""


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments], catch_exceptions=False)


@pytest.fixture
def walk(tmp_path: Path) -> Path:
    path = tmp_path / "walk.snmprec"
    path.write_text(WALK)
    return path


def test_poll_prints_one_json_object_per_row(walk: Path):
    result = run("poll", "--walk", walk, "--json")
    (line,) = [json.loads(line) for line in result.stdout.splitlines()]
    assert list(line) == ["profile", "group", "row", "dimensions", "counters", "gauges", "states", "units", "missing"]
    assert (line["profile"], line["group"], line["row"]) == ("arista-eos", "interface", "Ethernet1")
    assert line["counters"] == {"octets_in": 2**64 - 1}
    assert line["units"] == {"octets_in": "octets"}
    assert line["missing"]["octets_out"] == "not-answered"
    assert result.exit_code == 0


def test_poll_explains_its_profile_and_its_packets(walk: Path):
    result = run("poll", "--walk", walk, "--explain")
    assert "profile: arista-eos (sysObjectID 1.3.6.1.4.1.30065.1.3011 fits 1.3.6.1.4.1.30065.*)" in result.stderr
    assert "for the first poll" in result.stderr
    assert "1.3.6.1.2.1.31.1.1.1.6  interface.octets_in" in result.stderr
    assert "interface: 1 row" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["poll"], "expected either a TARGET or --walk FILE", id="nothing-to-poll"),
        pytest.param(["poll", "--walk", "/does/not/exist"], "No such file", id="no-file"),
        pytest.param(["profile", "match"], "expected a TARGET, --walk FILE", id="nothing-to-match"),
    ],
)
def test_a_wrong_call_says_what_was_expected(arguments: list[str], message: str):
    result = run(*arguments)
    assert (result.exit_code, message in result.stderr) == (2, True), result.stderr


def test_poll_by_an_unknown_profile_names_those_there_are(walk: Path):
    result = run("poll", "--walk", walk, "--profile", "nothing")
    assert (result.exit_code, "cisco-ios" in result.stderr) == (2, True)


@pytest.mark.parametrize("command", [["poll"], ["profile", "match"]], ids=" ".join)
def test_a_recording_that_does_not_say_what_it_is_of_has_the_likely_profiles_named(command: list[str], walk: Path):
    lines = [line for line in WALK.splitlines(keepends=True) if not line.startswith("1.3.6.1.2.1.1.2.0")]
    walk.write_text("".join([*lines, "1.3.6.1.4.1.9.9.13.1.3.1.2.1|4|Inlet\n1.3.6.1.4.1.9.9.13.1.3.1.3.1|66|20\n"]))
    message = run(*command, "--walk", walk).stderr
    assert "no sysObjectID (1.3.6.1.2.1.1.2.0) in the recording: choose a profile with --profile" in message
    assert "these find most in it: cisco-" in message


def test_a_recording_that_says_what_it_is_of_needs_no_advice(walk: Path):
    assert "--profile" not in run("poll", "--walk", walk).stderr
    walk.write_text("1.3.6.1.2.1.31.1.1.1.1.1|4|Ethernet1\n")
    assert "--profile" not in run("poll", "--walk", walk, "--profile", "if-mib").stderr


def test_match_shows_which_profile_is_taken(walk: Path):
    assert run("profile", "match", "--walk", walk).stdout.startswith("-> arista-eos")
    assert run("profile", "match", "--sys-object-id", "1.2.3").exit_code == 1


def test_lint_names_file_line_and_key(tmp_path: Path):
    (tmp_path / "a.yaml").write_text(GOOD)
    assert run("profile", "lint", tmp_path).exit_code == 0
    bad = tmp_path / "b.yaml"
    bad.write_text("profile: b\ninterval: x\n")
    result = run("profile", "lint", bad)
    assert result.exit_code == 1
    assert f"{bad}:2: interval: expected a duration" in result.stdout


def test_a_file_is_linted_alone_with_what_it_extends_beside_it(tmp_path: Path):
    (tmp_path / "base.yaml").write_text("profile: acme-base\nextends: [acme-root]\n")
    (tmp_path / "b.yml").write_text('profile: "acme-root"\n')
    (tmp_path / "broken.yaml").write_text("profile: acme-other\ninterval: x\n")
    one = tmp_path / "one.yaml"
    one.write_text("profile: acme-one\nextends: [acme-base]\n")
    assert run("profile", "lint", one).exit_code == 0
    one.write_text("profile: acme-one\nextends: [acme-nothing]\n")
    result = run("profile", "lint", one)
    assert (result.exit_code, result.stdout) == (
        1,
        f"{one}:2: extends: expected a profile that exists, not 'acme-nothing'\n",
    )


def test_test_compares_with_what_is_expected(walk: Path, tmp_path: Path):
    (tmp_path / "mine.yaml").write_text(GOOD)
    arguments = ["profile", "test", "mine", "--walk", walk, "--profiles", tmp_path, "--expect", tmp_path / "want.jsonl"]
    assert run(*arguments, "--update").exit_code == 0
    result = run(*arguments)
    assert result.exit_code == 0
    assert "use: counter makes a rate of it" in result.stdout
    walk.write_text(WALK.replace("18446744073709551615", "5"))
    assert run(*arguments).exit_code == 1


def test_new_drafts_a_profile_that_lints(tmp_path: Path, walk: Path):
    rows = "".join(f"1.3.6.1.4.1.99999.1.2.1.{column}.{row}|65|{row}\n" for column in (1, 2) for row in (1, 2, 3))
    walk.write_text(f"{WALK}{rows}1.3.6.1.4.1.99999.7.0|4|text\n")
    draft = tmp_path / "draft.yaml"
    assert run("profile", "new", "--walk", walk, "--name", "acme", "-o", draft).exit_code == 0
    text = draft.read_text()
    assert "profile: my-acme" in text
    assert "if-mib" in text
    assert "column_2: {oid: 1.3.6.1.4.1.99999.1.2.1.2, use: counter}" in text
    assert "1.3.6.1.4.1.99999.7.0" in text
    assert run("profile", "lint", draft).exit_code == 0
    assert run("profile", "new", "--walk", walk, "-o", draft).exit_code == 2


@pytest.mark.parametrize(
    ("lines", "tables", "scalars"),
    [
        pytest.param(
            {"3.1.1.2.1": "2|5"}, {"table_3_1_1": {"columns": {"column_2": "gauge"}}}, {}, id="a-table-of-one-cell"
        ),
        pytest.param(
            {
                "3.1.1.1.1": "2|1",
                "3.1.1.2.1": "4|",
                "3.1.1.3.1": "4x|00ff",
                "3.1.1.4.1": "4|Slot 1",
                "3.1.1.5.1": "4|x",
            },
            {
                "table_3_1_1": {
                    "columns": {
                        "column_1": "gauge",
                        **{f"column_{number}": "tag" for number in (2, 3, 4, 5)},
                    },
                    "row": ["column_4"],
                }
            },
            {},
            id="a-table-of-one-row",
        ),
        pytest.param({"1.1.5.0": "2|1", "1.1.6.0": "2|1"}, {}, {"scalar_1_1_5", "scalar_1_1_6"}, id="scalars"),
        pytest.param({"7.5.4": "2|1"}, {"table_7": {"columns": {"column_5": "gauge"}}}, {}, id="no-entry"),
    ],
)
def test_new_takes_what_has_an_instance_other_than_0_for_rows(
    lines: dict[str, str], tables: dict[str, object], scalars: set[str], tmp_path: Path, walk: Path
):
    walk.write_text(WALK + "".join(f"1.3.6.1.4.1.99999.{oid}|{cell}\n" for oid, cell in lines.items()))
    draft = yaml.safe_load(run("profile", "new", "--walk", walk).stdout)
    found = {
        name: table | {"columns": {key: column["use"] for key, column in table["columns"].items()}}
        for name, table in draft.get("tables", {}).items()
    }
    assert found == tables
    assert set(draft.get("scalars", {}).get("vendor", {}).get("columns", {})) == set(scalars)
    (tmp_path / "draft.yaml").write_text(yaml.dump(draft))
    assert run("profile", "lint", tmp_path / "draft.yaml").exit_code == 0


def test_import_writes_what_lints_and_reports_what_is_lost(tmp_path: Path):
    source = tmp_path / "source"
    source.mkdir()
    (source / "one.yml").write_text("sysobjectid: 1.3.6.1.4.1.99999.1\ntraps: []\nmetrics: []\n")
    target = tmp_path / "target"
    result = run("profile", "import", "--from", "kentik", source, "--to", target)
    assert result.exit_code == 0
    assert "lost: one.yml: traps" in result.stdout
    assert result.stderr.splitlines()[:3] == [
        "whole: 0 files",
        "partly: 1 files: 1 x a section without counterpart was left out",
        "not: 0 files",
    ]
    assert "1 of 1 files (100 %)" in result.stderr
    assert run("profile", "lint", target).exit_code == 0


def test_no_secret_is_taken_from_the_command_line():
    for name in ("poll", "walk"):
        text = run(name, "--help").stdout
        assert "--community " not in text
        assert "--community-file" in text
