"""Why a number is what it is: the fold asked again, with the two samples that it had."""

import pytest

from schemas.records import DerivedMetric
from streams.console.why.explained import AskedNumber, Explanation, NotKept, explained
from streams.console.why.told import told
from streams.gauges.fold.derived import parse
from streams.gauges.fold.plan import Rules
from tests.unit.gauges.making import GBIT, T0_S, column, gauges, record, sample

ASKED = AskedNumber("lab|network|switch|acme|sw1", "interface", "Gi0/0", "octets_in")
RULES = Rules()


def why(*records, asked=ASKED):
    found = explained(records, asked, RULES)
    assert isinstance(found, Explanation), found
    return found


def test_a_rate_is_shown_with_both_samples_and_is_the_folds_own():
    told_twice = (
        ({"octets_in": [1_000]}, {"line_rates": [GBIT]}),
        ({"octets_in": [61_000]}, {"line_rates": [GBIT], "slot": T0_S + 60, "offsets_ms": [250]}),
    )
    found = why(*(record(counters, **rest) for counters, rest in told_twice))
    (gauge,) = gauges(*(sample(counters, **rest) for counters, rest in told_twice))
    assert found.value == gauge.gauges["octets_in"]
    assert (found.before.raw, found.now.raw, found.passed, found.width) == (1_000, 61_000, 60_000, 64)
    assert (found.ours_s, found.devices_s, found.slots_s, found.duration_s) == (60.25, 60.0, 60, gauge.duration_s)
    assert (found.line_rate_bits_per_s, found.most_per_s) == (GBIT, pytest.approx(GBIT * 1.1 / 8))
    assert found.words == ()


@pytest.mark.parametrize(
    ("before", "now", "rest", "words"),
    [
        pytest.param(5, 1, {}, ("reset",), id="a-64-bit-counter-fell"),
        pytest.param(1, 10**12, {"line_rates": [GBIT]}, ("above-line-rate",), id="faster-than-the-line"),
        pytest.param(1, 9, {"uptime_cs": 500}, ("reboot",), id="restarted"),
        pytest.param(1, 9, {"slot": T0_S + 600}, ("gap",), id="too-long-ago"),
    ],
)
def test_an_absent_rate_has_its_reason_and_its_samples(before, now, rest, words):
    found = why(record({"octets_in": [before]}), record({"octets_in": [now]}, **{"slot": T0_S + 60, **rest}))
    assert found.value is None
    assert found.words == words
    assert (found.before.raw, found.now.raw) == (before, now)
    assert all(rule in "\n".join(told(found)) for rule in found.rules)


def test_a_wrap_is_counted_in_what_passed():
    polls = [[column("octets_in", [2**32 - 60], width=32)], [column("octets_in", [0], width=32)]]
    found = why(record(polls[0]), record(polls[1], slot=T0_S + 60))
    assert (found.passed, found.width) == (60, 32)
    assert "wrapped" in found.words


def test_a_row_that_is_gone_is_explained_too():
    found = why(
        record({"octets_in": [1, 2]}),
        record({"octets_in": [9]}, slot=T0_S + 60, index=["Gi0/1"]),
    )
    assert (found.words, found.before.raw, found.now.raw) == (("row-gone",), 1, None)


def test_a_derived_value_says_what_it_is_made_of():
    derived = [DerivedMetric(name="bits_in", unit="bits/s", expr="octets_in * 8")]
    polls = [record({"octets_in": [at * 60]}, slot=T0_S + at, derived=derived) for at in (0, 60)]
    found = why(*polls, asked=ASKED._replace(name="bits_in"))
    assert (found.value, found.made_of, found.width) == (480.0, (("octets_in", 60.0, ""),), None)
    assert list(told(found))[1:3] == ["  worked out as octets_in * 8", "    octets_in = 60"]


def test_a_value_that_a_section_declares_is_explained_as_one_of_a_profile():
    rules = Rules(derived=(parse("interface", "share", "utilisation octets_in"),))
    polls = [record({"octets_in": [9 * at]}, slot=T0_S + at) for at in (0, 60)]
    found = explained(polls, ASKED._replace(name="share"), rules)
    assert isinstance(found, Explanation)
    assert (found.words, found.expression) == (("line-rate-unknown",), "octets_in / line.octets_in")
    assert found.made_of == (("octets_in", 9.0, ""),)


def test_of_many_slots_the_one_that_is_asked_for_is_explained():
    polls = [record({"octets_in": [at * at]}, slot=T0_S + at) for at in (0, 60, 120)]
    assert why(*polls, asked=ASKED._replace(slot=T0_S + 60)).value == 60.0
    assert why(*polls).now.slot == T0_S + 120


def test_a_slot_that_came_twice_is_compared_with_the_one_before_it():
    polls = [record({"octets_in": [at]}, slot=T0_S + at) for at in (0, 60, 60)]
    assert why(*polls).before.raw == 0


@pytest.mark.parametrize(
    ("asked", "what"),
    [
        pytest.param(ASKED._replace(resource="other"), "no sample of group interface of other", id="no-such-resource"),
        pytest.param(ASKED._replace(row="Gi9/9"), "no row 'Gi9/9'", id="no-such-row"),
        pytest.param(ASKED._replace(slot=T0_S - 60), "before the oldest sample", id="older-than-kafka"),
    ],
)
def test_what_kafka_has_not_is_said(asked, what):
    found = explained([record({"octets_in": [1]})], asked, RULES)
    assert isinstance(found, NotKept)
    assert what in found.what
    assert next(told(found)).startswith("cannot tell: ")
