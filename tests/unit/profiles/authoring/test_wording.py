"""What lint says of names that are no words of the vocabulary, and of rows whose keys would not stay."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from pollers.profiles.authoring.wording import wording_problems
from pollers.vocabulary.load import load
from streams.cli import main
from tests.unit.profiles.bench import ROOT, library_of

CPU = """\
profile: p
tables:
  t:
    row: [name]
    columns:
      name: {use: tag, oid: #.1.1}
      cpu_utilization: {unit: percent, oid: #.1.2}
emit: {cpu: t}
"""
ENVMON = "1.3.6.1.4.1.9.9.13.1.5.1"


def found(text: str) -> list[str]:
    library = library_of(text.replace("#", ROOT))
    assert library.problems == ()
    return [str(problem) for profile in library.profiles.values() for problem in wording_problems(profile, load())]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("", "", id="words"),
        pytest.param("{cpu: t}", "{cisco_cpu_queues: t}", id="a-known-vendors-group"),
        pytest.param("cpu_utilization: {unit: percent", "cisco_cpu_queue: {unit: calls", id="a-known-vendors-metric"),
        pytest.param("profile: p", "profile: kentik-p\nstatic_tags: {}", id="imported"),
        pytest.param(
            "tables:\n", "static_tags: {vendor: Acme Ltd}\ntables:\n", id="a-vendor-of-its-own-may-be-there-for-nothing"
        ),
    ],
)
def test_what_speaks_the_vocabulary_is_good(before: str, after: str):
    assert found(CPU.replace(before, after) if before else CPU) == []


def test_a_vendor_of_ones_own_gives_the_prefix():
    own = CPU.replace("{cpu: t}", "{acme_ltd_x: t}")
    assert len(found(own)) == 1
    assert found(own.replace("tables:\n", "static_tags: {vendor: Acme Ltd.}\ntables:\n")) == []


def test_imported_profiles_keep_their_own_words():
    foreign = CPU.replace("{cpu: t}", "{whatever: t}")
    assert len(found(foreign)) == 1
    assert found(foreign.replace("profile: p", "profile: datadog-p")) == []


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        pytest.param(
            "{cpu: t}",
            "{cpus: t}",
            "p0.yaml:8: emit.cpus: expected a group of the vocabulary (such as cpu",
            id="group",
        ),
        pytest.param(
            "cpu_utilization:",
            "cpu_utilisation:",
            "p0.yaml:7: tables.t.columns.cpu_utilisation: expected a metric of the group cpu (such as cpu_utilization",
            id="metric",
        ),
        pytest.param("unit: percent, ", "", "columns.cpu_utilization.unit: expected percent, as the", id="no-unit"),
        pytest.param("unit: percent", 'unit: "%"', "unit: expected percent, as the vocabulary has it, not %", id="%"),
        pytest.param("unit: percent", "use: counter", "use: expected a level, as the vocabulary has it", id="kind"),
        pytest.param(
            "cpu_utilization: {unit: percent,",
            "cpu_state: {enum: {1: ok, 2: broken},",
            "failed, off, absent, unknown, as the vocabulary has it, not broken",
            id="states",
        ),
        pytest.param("    row: [name]\n", "    row: [cpu_utilization]\n", "holds cpu_utilization, a value", id="value"),
        pytest.param(
            "    row: [name]\n",
            "    row: [k]\n    tags: {k: \"concat(name, ' ', cpu_utilization)\"}\n",
            "row: expected a key that stays, and k holds cpu_utilization, a value",
            id="value-inside",
        ),
        pytest.param(
            "oid: #.1.1}",
            f"oid: {ENVMON}.2}}",
            "name holds ciscoEnvMonSupplyStatusDescr, whose text tells a state: take it out by `extract`",
            id="text-with-a-state",
        ),
        pytest.param(
            "    row: [name]\n    columns:\n      name: {use: tag, oid: #.1.1}\n",
            "    columns:\n",
            "",
            id="a-vendors-own-index-may-stay",
        ),
    ],
)  # fmt: skip
def test_what_does_not_is_told_with_its_place(before: str, after: str, message: str):
    problems = found(CPU.replace(before, after))
    assert [message in problem for problem in problems] == ([True] if message else [])


@pytest.mark.parametrize(
    ("row", "good"),
    [
        pytest.param("", False, id="bare-index"),
        pytest.param("    row: [index]\n", False, id="index"),
        pytest.param("    row: [n]\n    index: [{name: n, type: integer}]\n", False, id="part-of-the-index"),
        pytest.param("    row: [k]\n    tags: {k: \"concat('CPU ', row_number)\"}\n", True, id="place-in-the-table"),
    ],
)
def test_a_number_that_a_reboot_changes_is_no_key(row: str, *, good: bool):
    column = "    columns: {cpu_utilization: {unit: percent, oid: 1.3.6.1.2.1.25.3.3.1.2}}\n"
    problems = found(f"profile: p\ntables:\n  t:\n{row}{column}emit: {{cpu: t}}\n")
    assert problems == [] if good else "hrDeviceIndex" in problems[0]


@pytest.mark.parametrize(
    "column",
    [
        pytest.param(f'name: {{use: tag, extract: "^([^,]+)", oid: {ENVMON}.2}}', id="by-the-column"),
        pytest.param(f"text: {{use: reference, oid: {ENVMON}.2}}", id="by-an-expression"),
    ],
)
def test_a_state_that_is_taken_out_of_a_text_does_no_harm(column: str):
    tag = "" if "name:" in column else "    tags: {name: \"extract(text, '^([^,]+)')\"}\n"
    columns = f"    columns:\n      {column}\n      power_state: {{oid: {ENVMON}.3, enum: {{1: ok}}}}\n"
    assert found(f"profile: p\ntables:\n  t:\n    row: [name]\n{tag}{columns}emit: {{power: t}}\n") == []


def test_lint_prints_them_and_fails(tmp_path: Path):
    file = tmp_path / "p.yaml"
    file.write_text(CPU.replace("#", ROOT).replace("{cpu: t}", "{cpus: t}"))
    result = CliRunner().invoke(main, ["profile", "lint", str(file)], catch_exceptions=False)
    assert result.exit_code == 1
    assert f"{file}:8: emit.cpus: expected a group of the vocabulary" in result.stdout
    assert "1 broken" in result.stderr


def test_profile_test_finds_a_state_in_a_key(tmp_path: Path):
    (tmp_path / "p.yaml").write_text(CPU.replace("#", ROOT))
    walk = tmp_path / "walk.snmprec"
    walk.write_text(f"{ROOT}.1.1.1|4|PS1 Normal\n{ROOT}.1.2.1|2|5\n")
    arguments = ["profile", "test", "p", "--walk", str(walk), "--profiles", str(tmp_path)]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert "hint: cpu: the key 'PS1 Normal' seems to hold a state" in result.stdout
