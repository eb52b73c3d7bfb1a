"""`panoptes rate`: lines in, lines out, and what is wrong named by its line."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings

from schemas.codec import to_avro
from schemas.records import RawCounters
from streams.cli.topics.rate import command
from streams.gauges.reasons import EXPLAINED, Doubt, NoRate
from streams.gauges.records.jsonl import read_sample, write_gauge
from tests.examples import examples
from tests.strategies import records_of
from tests.unit.gauges.making import T0_S, column, level, record

DOCS = Path(__file__).parents[3] / "docs" / "gauges.md"


def line(value: int, number: int, **rest: Any) -> str:
    return json.dumps(to_avro(record([column("o", [value])], **{"slot": T0_S + 60 * number, **rest})))


def run(*lines: str, options: tuple[str, ...] = ()) -> Result:
    return CliRunner().invoke(command, options, input="\n".join(lines))


def test_samples_become_gauges_with_the_names_of_the_schema():
    result = run(line(0, 0), line(600, 1), options=("--json",))
    assert result.exit_code == 0
    first, second = map(json.loads, result.stdout.splitlines())
    assert first["missing"] == {"o": "first-sample"}
    assert second["gauges"] == {"o": 10.0}
    assert second["duration_s"] == 60.0


def test_bad_lines_are_named_and_the_rest_goes_on():
    result = run(line(0, 0), "{", "", line(600, 1), '{"resource": 5}')
    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) == 2
    assert "line 2: no JSON" in result.stderr
    assert "line 5: resource: expected a text, found 5" in result.stderr


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        pytest.param('["x"]', 'expected an object, found ["x"]', id="no-object"),
        pytest.param(line(0, 0).replace('"slot"', '"slott"'), "slott: no such field", id="unknown-field"),
        pytest.param(line(0, 0).replace('"width": 64', '"width": "64"'), "counters[0].width: expected a number",
                     id="text-for-a-number"),
        pytest.param(line(0, 0).replace('"width": 64', '"width": 3000000000'), "counters[0].width: expected a whole",
                     id="too-large"),
        pytest.param(line(0, 0).replace('"width": 64', '"width": 16'), "width 16, expected 32 or 64", id="width"),
        pytest.param(line(0, 0).replace('"values": [0]', '"values": [0.5]'), "expected a whole number", id="fraction"),
        pytest.param(line(0, 0).replace('"values": [0]', '"values": [0, 1]'), "2 values for 1 rows", id="lengths"),
        pytest.param("[" * 100_000, "no sample", id="deep"),
        pytest.param(line(0, 0, gauges=[level("t", [1.5])]).replace("1.5", "9" * 400),
                     "gauges[0].values[0]: expected a number that fits a double, found 999", id="past-a-double"),
        pytest.param(line(0, 0).replace("Gi0/0", r"\ud800"), r'half of a surrogate pair in "\ud800"', id="surrogate"),
        pytest.param(line(0, 0).replace("rack", r"\udfff"), "half of a surrogate pair", id="surrogate-in-a-key"),
        pytest.param(line(0, 0).replace('"slot"', r'"\ud800"'), r"\ud800: no such field", id="surrogate-as-a-field"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(wrong, complaint):
    result = run(wrong)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert complaint in result.stderr


def test_counters_above_2_63_may_stand_as_they_are():
    plain = line(0, 0).replace('"values": [0]', f'"values": [{2**64 - 1}]')
    assert read_sample(plain).counters[0].values == (-1,)


def test_a_byte_order_mark_is_no_part_of_the_first_line():
    result = run("\ufeff" + line(0, 0), line(600, 1))
    assert (result.exit_code, result.stderr) == (0, "")
    assert len(result.stdout.splitlines()) == 2


def test_a_slot_in_milliseconds_is_explained_without_its_date():
    result = run(line(0, 0, slot=T0_S * 1000), options=("--explain",))
    assert result.exit_code == 0
    assert f"slot {T0_S * 1000}: first of its series" in result.stdout


def test_a_derived_value_that_is_left_out_is_explained():
    result = run(line(0, 0), options=("--explain", "--derive", "interface: o = utilisation o"))
    assert "o: name-taken: derived: left out" in result.stdout


def test_late_samples_are_said_but_no_error():
    result = run(line(0, 0), line(600, 1), line(0, 0))
    assert result.exit_code == 0
    assert "line 3: late" in result.stderr


def test_explain_tells_people_what_became_of_each_sample():
    result = run(line(0, 0), line(600, 1), line(9, 1), line(5, 0), options=("--explain",))
    assert "first of its series" in result.stdout
    assert "o = 10 octets/s" in result.stdout
    assert "first-sample: nothing to compare with" in result.stdout
    assert "this slot is known" in result.stdout
    assert "late, the last slot is" in result.stdout


def test_the_settings_of_the_stage_are_options():
    limited = {"line_rates": [1000]}
    options = ("--line-rate-margin", "2", "--derive", "interface: u = utilisation o", "--counters")
    result = run(line(0, 0, **limited), line(15_000, 1, **limited), options=options)
    gauge = json.loads(result.stdout.splitlines()[1])
    assert gauge["gauges"] == {"o": 250.0, "u": 2.0}
    assert gauge["counters"] == {"o": 15_000}


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(("--derive", "nonsense"), id="no-declaration"),
        pytest.param(("--derive", "g: x = 5"), id="no-kind"),
        pytest.param(("--derive", "g: x = utilisation a", "--derive", "g:x = utilisation b"), id="one-name-twice"),
        pytest.param(("--json", "--explain"), id="two-forms"),
    ],
)
def test_wrong_options_are_refused(options):
    assert run(line(0, 0), options=options).exit_code == 2


@settings(max_examples=examples(50))
@given(records_of("raw_counters"))
def test_every_record_can_stand_as_a_line(poll: RawCounters):
    assert read_sample(json.dumps(to_avro(poll))) == read_sample(
        json.dumps(to_avro(read_sample(json.dumps(to_avro(poll)))))
    )


@settings(max_examples=examples(50))
@given(records_of("gauge"))
def test_every_gauge_is_one_line(gauge):
    assert "\n" not in write_gauge(gauge)
    assert json.loads(write_gauge(gauge)) == to_avro(gauge)


def test_every_word_is_explained_here_and_in_the_docs():
    assert set(EXPLAINED) == {*NoRate, *Doubt}
    text = DOCS.read_text()
    for word, explanation in EXPLAINED.items():
        assert f"| `{word}` | {explanation} |" in text
