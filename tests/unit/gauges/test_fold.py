"""Everything that time does to counters, poll by poll."""

import math
from typing import Any

import pytest

from schemas.errors import RecordError
from schemas.records import DerivedMetric, MissingCells
from streams.gauges.fold.advance import Arrival, advance
from streams.gauges.fold.derived import parse
from streams.gauges.fold.plan import Rules
from streams.gauges.limits import RateLimits
from streams.gauges.records.encode import pack
from streams.gauges.records.gauge import gauges_of
from streams.gauges.samples.sample import from_record, to_record
from tests.unit.gauges.making import GBIT, T0_S, column, gauges, level, record, sample, state


def octets(*values: int, slot: int = T0_S, **rest: Any):
    return sample({"octets_in": values}, slot=slot, **rest)


def test_the_first_sample_gives_levels_and_states_and_says_why_there_is_no_rate():
    first = sample({"octets_in": [5]}, gauges=[level("temperature", [21.5])], states=[state("oper", ["up"])])
    (gauge,) = gauges(first)
    assert gauge.gauges == {"temperature": 21.5}
    assert gauge.states == {"oper": "up"}
    assert gauge.missing == {"octets_in": "first-sample"}
    assert gauge.duration_s is None


def test_the_second_sample_gives_a_rate_and_its_duration():
    (gauge,) = gauges(octets(0), octets(6000, slot=T0_S + 60))
    assert gauge.gauges == {"octets_in": 100.0}
    assert gauge.duration_s == 60.0
    assert gauge.missing == gauge.confidence == gauge.counters == {}
    assert (gauge.slot, gauge.time_ms, gauge.row) == (T0_S + 60, (T0_S + 60) * 1000, "Gi0/0")


def test_each_row_has_its_own_time():
    before = octets(0, 0, offsets_ms=[0, 500])
    now = octets(6000, 6050, slot=T0_S + 60, offsets_ms=[0, 1000])
    first, second = gauges(before, now)
    assert (first.duration_s, second.duration_s) == (60.0, 60.5)
    assert first.gauges == second.gauges == {"octets_in": 100.0}
    assert second.time_ms == (T0_S + 61) * 1000


def test_a_replayed_slot_gives_the_same_gauges_whatever_its_content():
    first, second = octets(0), octets(6000, slot=T0_S + 60)
    state_1 = advance(None, first, Rules()).state
    done = advance(state_1, second, Rules())
    again = advance(done.state, octets(9999, slot=T0_S + 60), Rules())
    assert again.arrival is Arrival.REPLAYED
    assert again.state == done.state
    assert again.rows is not None
    assert done.rows is not None
    assert gauges_of(again.rows) == gauges_of(done.rows)


def test_a_late_sample_gives_no_record_and_changes_nothing():
    known = advance(advance(None, octets(0), Rules()).state, octets(6000, slot=T0_S + 60), Rules()).state
    step = advance(known, octets(0), Rules())
    assert (step.rows, step.state, step.arrival) == (None, known, Arrival.LATE)


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        pytest.param({"slot": T0_S + 300}, "gap", id="gap"),
        pytest.param({"slot": T0_S + 60, "uptime_cs": 500}, "reboot", id="reboot"),
        pytest.param({"slot": T0_S + 60, "uptime_cs": None, "polled_at_ms": T0_S * 1000 - 1}, "clock-step", id="clock"),
        pytest.param({"slot": T0_S + 60, "discontinuities_cs": [99]}, "discontinuity", id="discontinuity"),
        pytest.param({"slot": T0_S + 60, "line_rates": [1000]}, "above-line-rate", id="above-line-rate"),
        pytest.param({"slot": T0_S + 60, "index": ["other"]}, "row-new", id="row-new"),
        pytest.param(
            {"slot": T0_S + 60, "missing": [MissingCells(column="octets_in", reason="no-such-instance", rows=[0])]},
            "no-such-instance",
            id="the-device-did-not-give-it",
        ),
    ],
)
def test_a_rate_that_cannot_be_made_says_why_and_the_next_one_is_there(now, reason):
    before = octets(0, discontinuities_cs=[5])
    bad = octets(60_000, **{"discontinuities_cs": [5], **now})
    gauge = gauges(before, bad)[0]
    assert gauge.gauges == {}
    assert gauge.missing == {"octets_in": reason}
    after = now["slot"] + 60
    shifted = (bad.uptime_cs or 0) + 6000
    (then,) = gauges(
        before,
        bad,
        octets(60_600, slot=after, uptime_cs=shifted, index=list(bad.shape.fixed.row_keys),
               polled_at_ms=bad.polled_at_ms + 60_000,
               discontinuities_cs=[int(bad.discontinuities_cs[0])]),
    )  # fmt: skip
    if reason == "no-such-instance":
        assert then.missing == {"octets_in": "previous-missing"}
    else:
        assert then.gauges == {"octets_in": 10.0}


@pytest.mark.parametrize(
    ("stamps_before", "stamps_now", "refused"),
    [
        pytest.param([5], [5], False, id="same"),
        pytest.param([5], [6], True, id="changed"),
        pytest.param([-1], [100_000_001], True, id="first-seen-and-later-than-the-last-poll"),
        pytest.param([-1], [99], False, id="first-seen-but-old"),
        pytest.param(None, [99], False, id="first-column-but-old"),
        pytest.param([5], [-1], False, id="no-longer-given"),
        pytest.param([5], None, False, id="no-longer-a-column"),
    ],
)
def test_the_time_of_a_discontinuity_is_honoured(stamps_before, stamps_now, refused):
    (gauge,) = gauges(
        octets(0, discontinuities_cs=stamps_before or ()),
        octets(60, slot=T0_S + 60, discontinuities_cs=stamps_now or ()),
    )
    assert gauge.missing == ({"octets_in": "discontinuity"} if refused else {})


def test_rows_are_known_by_name_wherever_they_stand():
    before = octets(0, 1000, 2000, index=["a", "b", "c"])
    now = octets(2060, 1120, 5, index=["c", "b", "d"], slot=T0_S + 60)
    c, b, d, a = gauges(before, now)
    assert (c.gauges, b.gauges, d.gauges) == ({"octets_in": 1.0}, {"octets_in": 2.0}, {})
    assert d.missing == {"octets_in": "row-new"}
    assert d.duration_s is None
    assert (a.row, a.missing) == ("a", {"octets_in": "row-gone"})


def test_a_row_that_vanishes_and_returns_starts_anew():
    there = octets(0, 0, index=["a", "b"])
    gone = octets(60, index=["a"], slot=T0_S + 60)
    back = octets(120, 7, index=["a", "b"], slot=T0_S + 120)
    assert [(gauge.row, gauge.missing) for gauge in gauges(there, gone)] == [
        ("a", {}),
        ("b", {"octets_in": "row-gone"}),
    ]
    a, b = gauges(there, gone, back)
    assert a.gauges == {"octets_in": 1.0}
    assert b.missing == {"octets_in": "row-new"}


def test_a_poll_without_rows_before_one_with_rows():
    assert gauges(octets(), octets(5, slot=T0_S + 60))[0].missing == {"octets_in": "row-new"}
    (last,) = gauges(octets(5), octets(slot=T0_S + 60))
    assert last.missing == {"octets_in": "row-gone"}


def test_the_last_of_a_row_says_what_it_had_under_its_own_dimensions():
    derived = (parse("interface", "share", "utilisation octets_in"),)
    more = {
        "gauges": [level("t", [1.0, 2.0])],
        "states": [state("oper", ["up", "down"])],
        "dimensions": [state("alias", ["core", ""]), state("if_index", ["1", "2"])],
        "missing": [MissingCells(column="alias", reason="timeout", rows=[1])],
    }
    there = octets(0, 0, index=["a", "b"], **more)
    gone = octets(60, index=["a"], slot=T0_S + 60, labels={"rack": "8"})
    _, last = gauges(there, gone, rules=Rules(derived=derived))
    assert last.missing == dict.fromkeys(["octets_in", "t", "share", "oper"], "row-gone")
    assert (last.dimensions, last.labels) == ({"if_index": "2"}, {"rack": "8"})
    assert (last.slot, last.time_ms, last.duration_s) == (gone.slot, gone.polled_at_ms, None)
    assert last.units == {"octets_in": "octets/s", "t": "celsius", "share": "1"}
    assert gauges(there, gone, gone, rules=Rules(derived=derived))[1] == last


def test_the_words_for_rows_that_are_gone_are_counted():
    step = advance(advance(None, octets(0, 0), Rules()).state, octets(60, slot=T0_S + 60), Rules())
    assert step.counts() == {"row-gone": 1}


def test_a_poll_that_broke_off_ends_no_row():
    there = octets(0, 0, index=["a", "b"])
    half = octets(60, index=["a"], slot=T0_S + 60, complete=False)
    assert [gauge.row for gauge in gauges(there, half)] == ["a"]


def test_a_column_that_the_agent_does_not_have_is_not_said_in_each_row():
    absent = {"absent": {"errors_in": "no-such-instance"}}
    (first,) = gauges(octets(0, **absent))
    (then,) = gauges(octets(0, **absent), octets(60, slot=T0_S + 60, **absent))
    assert (first.missing, then.missing) == ({"octets_in": "first-sample"}, {})


@pytest.mark.parametrize(
    "had",
    [
        pytest.param({"gauges": [level("x", [1.0])]}, id="level"),
        pytest.param({"states": [state("x", ["up"])]}, id="state"),
        pytest.param({"x": [0]}, id="counter"),
    ],
)
def test_a_column_that_the_agent_has_no_more_is_said_once(had):
    absent = {"absent": {"x": "not-answered"}}
    first = sample({"octets_in": [0], "x": had["x"]}) if "x" in had else octets(0, **had)
    polls = [first, octets(60, slot=T0_S + 60, **absent), octets(120, slot=T0_S + 120, **absent)]
    assert gauges(*polls[:2])[0].missing == {"x": "not-answered"}
    assert gauges(*polls)[0].missing == {}


def test_a_value_made_of_what_the_agent_lacks_says_why():
    more = {"absent": {"x": "not-answered"}, "derived": [DerivedMetric(name="d", unit="s", expr="octets_in + x")]}
    (gauge,) = gauges(octets(0, **more), octets(60, slot=T0_S + 60, **more))
    assert gauge.missing == {"d": "not-answered"}
    assert gauge.units == {"octets_in": "octets/s", "d": "s"}


def test_a_missing_cell_leaves_the_others_alone():
    hole = [MissingCells(column="b", reason="no-such-instance", rows=[1])]
    first = sample({"a": [0, 0], "b": [0, 0]})
    second = sample({"a": [60, 60], "b": [60, 0]}, slot=T0_S + 60, missing=hole)
    third = sample({"a": [120, 120], "b": [120, 120]}, slot=T0_S + 120)
    assert gauges(first, second)[1].gauges == {"a": 1.0}
    assert gauges(first, second)[1].missing == {"b": "no-such-instance"}
    assert gauges(first, second, third)[1].missing == {"b": "previous-missing"}
    assert gauges(first, second, third)[0].gauges == {"a": 1.0, "b": 1.0}


def test_missing_states_levels_and_dimensions_are_absent_with_their_reason():
    hole = [MissingCells(column=name, reason="timeout", rows=[0]) for name in ("oper", "temperature", "alias")]
    now = sample(
        {"a": [0]},
        gauges=[level("temperature", [0.0])],
        states=[state("oper", [""])],
        dimensions=[state("alias", [""])],
        missing=hole,
    )
    (gauge,) = gauges(now)
    assert (gauge.gauges, gauge.states, gauge.dimensions) == ({}, {}, {})
    assert gauge.missing == {"oper": "timeout", "temperature": "timeout", "alias": "timeout", "a": "first-sample"}


def test_a_level_that_is_no_number_is_missing():
    (gauge,) = gauges(sample({}, gauges=[level("t", [math.nan])]))
    assert (gauge.gauges, gauge.missing) == ({}, {"t": "not-a-number"})


def test_a_counter_that_stands_still_while_others_move_is_idle():
    (gauge,) = gauges(sample({"a": [5], "b": [5]}), sample({"a": [5], "b": [65]}, slot=T0_S + 60))
    assert gauge.gauges == {"a": 0.0, "b": 1.0}


def test_an_agent_that_answers_from_memory_gives_no_false_zeros():
    frozen = {"uptime_cs": 100_000_000}
    (gauge,) = gauges(octets(5, **frozen), octets(5, slot=T0_S + 60, **frozen))
    assert (gauge.gauges, gauge.missing) == ({}, {"octets_in": "agent-frozen"})


@pytest.mark.parametrize(
    ("before", "now"),
    [
        pytest.param(octets(5, 7), octets(5, 0, slot=T0_S + 60, missing=[
            MissingCells(column="octets_in", reason="timeout", rows=[1])]), id="a-cell-timed-out"),
        pytest.param(octets(5, 0, missing=[MissingCells(column="octets_in", reason="timeout", rows=[1])]),
                     octets(5, 7, slot=T0_S + 60), id="a-cell-returned"),
        pytest.param(octets(5), octets(5, 7, slot=T0_S + 60), id="a-new-row"),
        pytest.param(octets(5), sample({"octets_in": [5], "b": [7]}, slot=T0_S + 60), id="a-new-column"),
        pytest.param(octets(5), octets(5, slot=T0_S + 1, interval_s=1), id="within-the-clocks-tolerance"),
    ],
)  # fmt: skip
def test_an_agent_is_frozen_whatever_cannot_be_compared_beside(before, now):
    first = gauges(before._replace(uptime_cs=500), now._replace(uptime_cs=500))[0]
    assert (first.gauges, first.missing["octets_in"], first.duration_s) == ({}, "agent-frozen", None)


def way(octets_in: int, packets_in: int, **rest: Any):
    columns = [column("octets_in", [octets_in]), column("unicast_packets_in", [packets_in], unit="packets")]
    return sample(columns, **rest)


@pytest.mark.parametrize(
    ("before", "now", "found"),
    [
        pytest.param(way(5, 5), way(5, 5000, slot=T0_S + 60), "counter-frozen", id="packets-moved"),
        pytest.param(way(5, 5), way(5, 5, slot=T0_S + 60), 0.0, id="nothing-moved"),
        pytest.param(way(5, 5), way(65, 5, slot=T0_S + 60), 1.0, id="octets-moved-alone"),
        pytest.param(way(5, 5000), way(5, 5, slot=T0_S + 60), 0.0, id="packets-were-reset"),
        pytest.param(way(5, 0, missing=[MissingCells(column="unicast_packets_in", reason="timeout", rows=[0])]),
                     way(5, 5000, slot=T0_S + 60), 0.0, id="packets-are-new"),
    ],
)  # fmt: skip
def test_octets_that_stand_still_while_packets_of_their_way_move_are_no_zero(before, now, found):
    (gauge,) = gauges(before, now)
    assert gauge.gauges.get("octets_in", gauge.missing.get("octets_in")) == found
    assert set(gauge.confidence) <= set(gauge.gauges)


def test_frozen_octets_of_32_bits_leave_no_doubt_behind():
    columns = [[column("octets_in", [5], 32), column("packets_in", [count], unit="packets")] for count in (5, 5000)]
    (gauge,) = gauges(sample(columns[0]), sample(columns[1], slot=T0_S + 60))
    assert (gauge.gauges, gauge.confidence) == ({"packets_in": 83.25}, {})
    assert gauge.missing == {"octets_in": "counter-frozen"}


@pytest.mark.parametrize("other", ["unicast_packets_out", "errors_in", "discarded_packets_in", "client_packets_in"])
def test_octets_may_stand_still_while_something_else_moves(other):
    before, now = ([column("octets_in", [5]), column(other, [count], unit="packets")] for count in (5, 65))
    assert gauges(sample(before), sample(now, slot=T0_S + 60))[0].gauges == {"octets_in": 0.0, other: 1.0}


def test_a_fall_beside_a_frozen_uptime_may_be_a_reset():
    narrow = {"line_rates": [10**8], "uptime_cs": 100_000_000}
    before, now = (sample([column("o", [count], 32)], slot=slot, **narrow)
                   for count, slot in ((2**32 - 300, T0_S), (300, T0_S + 60)))  # fmt: skip
    assert gauges(before, now)[0].confidence == {"o": "may-have-reset+uptime-frozen"}


def test_the_slots_tell_whose_clock_leapt():
    leapt = octets(6000, slot=T0_S + 60, uptime_cs=100_016_000)
    (gauge,) = gauges(octets(0), leapt)
    assert (gauge.gauges, gauge.duration_s) == ({"octets_in": 100.0}, 60.0)
    assert gauge.confidence == {"octets_in": "uptime-disagrees"}


@pytest.mark.parametrize(
    ("name", "media", "found"),
    [
        pytest.param("unicast_packets_in", "ethernetCsmacd", "above-line-rate", id="frames-of-ethernet"),
        pytest.param("unicast_packets_in", "ppp", 2e6, id="packets-of-another-medium"),
        pytest.param("errors_in", "ethernetCsmacd", 2e6, id="fragments"),
        pytest.param("discards_in", "ethernetCsmacd", 2e6, id="discards"),
    ],
)
def test_a_frame_of_ethernet_takes_its_share_of_the_line(name, media, found):
    more = {"line_rates": [GBIT], "dimensions": [state("media_type", [media])]}
    before, now = ([column(name, [count], unit="packets")] for count in (0, 120_000_000))
    (gauge,) = gauges(sample(before, **more), sample(now, slot=T0_S + 60, **more))
    assert gauge.gauges.get(name, gauge.missing.get(name)) == found


@pytest.mark.filterwarnings("error")
def test_no_number_is_infinite():
    huge = {"scale": 1e300}
    rules = Rules(derived=(parse("interface", "r", "ratio e + e / e"), parse("interface", "s", "ratio f + f / g")))

    def poll(count: int, level_f: float, slot: int) -> Any:
        levels = [level("f", [level_f]), level("g", [1e-9])]
        return sample([column("e", [count], **huge)], gauges=levels, slot=slot)

    (gauge,) = gauges(poll(0, 1.0, T0_S), poll(10**15, 1.7e308, T0_S + 60), rules=rules)
    assert gauge.gauges == {"f": 1.7e308, "g": 1e-9}
    assert gauge.missing == {"e": "not-a-number", "r": "not-a-number", "s": "not-a-number"}


def test_a_frozen_uptime_beside_moving_counters_is_passed_over_and_said():
    frozen = {"uptime_cs": 100_000_000}
    (gauge,) = gauges(octets(0, **frozen), octets(60, slot=T0_S + 60, **frozen))
    assert (gauge.gauges, gauge.confidence) == ({"octets_in": 1.0}, {"octets_in": "uptime-frozen"})


def test_when_our_clock_goes_back_the_devices_clock_gives_the_duration():
    before = octets(0, offsets_ms=[100])
    now = octets(600, slot=T0_S + 60, polled_at_ms=T0_S * 1000 - 7000, offsets_ms=[300])
    (gauge,) = gauges(before, now)
    assert (gauge.gauges, gauge.duration_s) == ({"octets_in": 10.0}, 60.0)
    assert gauge.confidence == {"octets_in": "uptime-clock"}


def test_several_doubts_are_all_said():
    narrow = {"line_rates": [10**8]}
    before = sample([column("o", [2**32 - 300], 32)], **narrow)
    now = sample([column("o", [300], 32)], slot=T0_S + 60, polled_at_ms=T0_S * 1000, **narrow)
    (gauge,) = gauges(before, now)
    assert (gauge.gauges, gauge.confidence) == ({"o": 10.0}, {"o": "wrapped+uptime-clock"})


def test_some_rows_of_a_64_bit_column_may_have_32_bits():
    counters = [column("o", [2**32 - 300, 2**32 - 300], rows_32=[1])]
    then = [column("o", [300, 300], rows_32=[1])]
    wide, narrow = gauges(sample(counters), sample(then, slot=T0_S + 60))
    assert wide.missing == {"o": "reset"}
    assert narrow.gauges == {"o": 10.0}


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"width": 32}, id="width"),
        pytest.param({"rows_32": [0]}, id="width-of-the-row"),
        pytest.param({"unit": "bits"}, id="unit"),
        pytest.param({"scale": 8.0}, id="scale"),
    ],
)
def test_a_column_whose_meaning_changed_is_not_compared(changed):
    now = sample([column("o", [100], **changed)], slot=T0_S + 60)
    assert gauges(sample([column("o", [0])]), now)[0].missing == {"o": "column-changed"}


def test_a_new_column_has_no_rate_yet():
    (gauge,) = gauges(sample({"a": [0]}), sample({"a": [60], "b": [5]}, slot=T0_S + 60))
    assert (gauge.gauges, gauge.missing) == ({"a": 1.0}, {"b": "previous-missing"})


def test_counters_above_2_63_survive():
    (gauge,) = gauges(octets(2**64 - 1000), octets(2**64 - 400, slot=T0_S + 60))
    assert gauge.gauges == {"octets_in": 10.0}


def test_rows_answered_too_soon_after_one_another_have_no_rate():
    before = octets(0, 0, offsets_ms=[0, 58_000])
    first, second = gauges(before, octets(60, 60, slot=T0_S + 60, offsets_ms=[0, 0]))
    assert first.gauges == {"octets_in": 1.0}
    assert (second.missing, second.duration_s) == ({"octets_in": "too-soon"}, None)


def test_the_margin_on_the_line_is_a_setting():
    polls = octets(0), octets(15_000, slot=T0_S + 60, line_rates=[1000])
    assert gauges(*polls)[0].missing == {"octets_in": "above-line-rate"}
    assert gauges(*polls, rules=Rules(limits=RateLimits(line_rate_margin=2.0)))[0].gauges == {"octets_in": 250.0}


DERIVED = Rules(
    derived=(
        parse("interface", "utilisation_in", "utilisation octets_in"),
        parse("interface", "error_ratio_in", "ratio errors_in / errors_in + unicast_in"),
        parse("other", "not_here", "utilisation octets_in"),
    )
)


def interface(octets_in: int, errors_in: int, unicast_in: int, slot: int, **rest: Any):
    return sample(
        [
            column("octets_in", [octets_in]),
            column("errors_in", [errors_in], unit="errors"),
            column("unicast_in", [unicast_in], unit="packets"),
        ],
        **{"slot": slot, "line_rates": [GBIT], **rest},
    )


def test_utilisation_and_ratios_are_derived():
    (gauge,) = gauges(interface(0, 0, 0, T0_S), interface(6 * 10**8, 60, 5940, T0_S + 60), rules=DERIVED)
    assert gauge.gauges["utilisation_in"] == 0.08
    assert gauge.gauges["error_ratio_in"] == 0.01
    assert "not_here" not in gauge.gauges


@pytest.mark.parametrize(
    ("now", "name", "reason"),
    [
        pytest.param({"line_rates": ()}, "utilisation_in", "line-rate-unknown", id="no-speed"),
        pytest.param({"line_rates": [0]}, "utilisation_in", "line-rate-unknown", id="speed-0"),
        pytest.param({}, "error_ratio_in", "division-by-zero", id="nothing-to-divide-by"),
        pytest.param({"uptime_cs": 5}, "utilisation_in", "reboot", id="as-its-input"),
        pytest.param({"counters": [column("x", [0])]}, "error_ratio_in", "no-such-metric", id="no-such-input"),
    ],
)
def test_a_derived_value_is_as_absent_as_what_it_is_made_of(now, name, reason):
    (gauge,) = gauges(interface(0, 0, 0, T0_S), interface(600, 0, 0, T0_S + 60, **now) if "counters" not in now
                      else sample(slot=T0_S + 60, **now), rules=DERIVED)  # fmt: skip
    assert gauge.missing[name] == reason
    assert name not in gauge.gauges


def test_a_derived_value_is_as_doubtful_as_what_it_is_made_of():
    now = interface(6 * 10**8, 60, 5940, T0_S + 60, polled_at_ms=0)
    (gauge,) = gauges(interface(0, 0, 0, T0_S), now, rules=DERIVED)
    assert gauge.confidence["utilisation_in"] == "uptime-clock"
    assert gauge.gauges["utilisation_in"] == 0.08


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("octets_in *", "'octets_in \\*': expected a number, name or 'text', not the end", id="no-operand"),
        pytest.param("utilisation a + b", "an operator or the end, not 'a'", id="utilisation-of-two"),
        pytest.param("ratio a b / c", "'\\)', not 'b'", id="no-plus"),
        pytest.param("ratio a / ", "name or 'text', not '\\)'", id="nothing-below"),
        pytest.param("a / sum(b)", "sum reads other rows", id="of-other-rows"),
        pytest.param("2 * 4", "at least one metric", id="of-nothing"),
        pytest.param("a * 1e999", "fits a double", id="no-double"),
    ],
)
def test_a_wrong_declaration_says_what_was_expected(text, expected):
    with pytest.raises(ValueError, match=expected):
        parse("interface", "x", text)


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        pytest.param({"index": ["a", "a"]}, "named more than once: \\['a'\\]", id="row-twice"),
        pytest.param({"index": ["a"]}, "2 values for 1 rows", id="too-many-values"),
        pytest.param({"index": ["a", "b", "c"]}, "2 values for 3 rows", id="too-few-values"),
        pytest.param({"line_rates": [1]}, "line_rates: 1 values for 2 rows", id="line-rates"),
        pytest.param({"offsets_ms": [1]}, "offsets_ms: \\[1\\] values for 2 rows", id="offsets"),
        pytest.param({"discontinuities_cs": [1]}, "discontinuities_cs", id="discontinuities"),
        pytest.param({"states": [state("s", ["up"])]}, "states", id="states"),
        pytest.param({"dimensions": [state("d", ["x"])]}, "dimension 'd'", id="dimensions"),
        pytest.param(
            {"gauges": [level("octets_in", [1, 2])]}, "columns of numbers", id="counter-and-level-of-one-name"
        ),
        pytest.param({"counters": [column("o", [1, 2], width=31)]}, "width 31", id="width"),
        pytest.param({"counters": [column("o", [1, 2], scale=0.0)]}, "scale 0.0", id="scale"),
        pytest.param({"counters": [column("o", [1, 2], rows_32=[2])]}, "rows_32", id="rows-32"),
        pytest.param({"interval_s": 0}, "interval_s 0", id="interval"),
        pytest.param({"missing": [MissingCells(column="o", reason="r", rows=[2])]}, "missing", id="missing-row"),
        pytest.param({"absent": {"octets_in": "r"}}, "absent: columns that are there", id="absent-and-there"),
    ],
)
def test_a_poll_that_contradicts_itself_is_refused_whole(wrong, complaint):
    with pytest.raises(RecordError, match=complaint):
        sample(**{"counters": {"octets_in": [1, 2]}, **wrong})


@pytest.mark.parametrize(
    ("name", "more", "kept"),
    [
        pytest.param("octets_in", {}, {"octets_in": 100.0}, id="counter"),
        pytest.param("t", {"gauges": [level("t", [7.0])]}, {"octets_in": 100.0, "t": 7.0}, id="level"),
        pytest.param("oper", {"states": [state("oper", ["up"])]}, {"octets_in": 100.0}, id="state"),
        pytest.param("alias", {"dimensions": [state("alias", ["x"])]}, {"octets_in": 100.0}, id="dimension"),
        pytest.param("twice", {"derived": [DerivedMetric(name="twice", unit="1", expr="octets_in * 2")]},
                     {"octets_in": 100.0, "twice": 200.0}, id="value-of-the-profile"),
    ],
)  # fmt: skip
def test_a_derived_value_whose_name_is_taken_is_left_out_and_counted(name, more, kept):
    rules = Rules(derived=(parse("interface", name, "ratio octets_in / octets_in"),))
    before, now = octets(0, **more), octets(6000, slot=T0_S + 60, **more)
    step = advance(advance(None, before, rules).state, now, rules)
    assert step.rows is not None
    (gauge,) = gauges_of(step.rows)
    assert (gauge.gauges, gauge.missing) == (kept, {})
    assert dict(gauge.states) | dict(gauge.dimensions) == {
        one.name: one.values[0] for one in (*more.get("states", ()), *more.get("dimensions", ()))
    }
    assert step.counts() == {"name-taken": 1}


@pytest.mark.parametrize(
    ("expression", "short"),
    [
        pytest.param("octets_in / line.octets_in", "utilisation octets_in", id="utilisation"),
        pytest.param("errors_in / (errors_in + unicast_in)", "ratio errors_in / errors_in + unicast_in", id="ratio"),
    ],
)
def test_the_short_forms_stand_for_expressions(expression, short):
    polls = interface(0, 0, 0, T0_S), interface(6 * 10**8, 60, 5940, T0_S + 60)
    one, other = (gauges(*polls, rules=Rules(derived=(parse("interface", "d", text),))) for text in (expression, short))
    assert one == other
    assert one[0].gauges["d"] > 0


def test_a_declared_value_is_any_expression_and_says_its_unit():
    rules = Rules(derived=(parse("interface", "bits", "if(octets_in > 5, octets_in * 8, 0)", "bits/s"),))
    (gauge,) = gauges(octets(0), octets(600, slot=T0_S + 60), rules=rules)
    assert (gauge.gauges["bits"], gauge.units["bits"]) == (80.0, "bits/s")


def test_of_two_derived_values_of_one_name_the_first_counts():
    rules = Rules(
        derived=(
            parse("interface", "u", "ratio octets_in / octets_in"),
            parse("interface", "u", "utilisation octets_in"),
        )
    )
    step = advance(advance(None, octets(0), rules).state, octets(60, slot=T0_S + 60), rules)
    assert step.rows is not None
    assert [dict(gauge.gauges) for gauge in gauges_of(step.rows)] == [{"octets_in": 1.0, "u": 1.0}]
    assert pack(step.rows, b"")[0].count(b"\x02u") == 2  # among the numbers, and among their units
    assert step.counts() == {"name-taken": 1}


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        pytest.param("octets_in + nope", "no-such-metric", id="missing-column"),
        pytest.param("nope", "no-such-metric", id="missing-column-alone"),
        pytest.param("nope < 5", "no-such-metric", id="missing-column-compared"),
        pytest.param("first(nope, octets_in) * 8", 800.0, id="missing-column-with-a-substitute"),
        pytest.param("octets_in +", "bad-expression", id="no-expression"),
        pytest.param("sum(octets_in)", "bad-expression", id="asks-for-other-rows"),
    ],
)
def test_a_value_of_the_profile_that_cannot_be_worked_out_costs_nothing_else(expr, expected):
    derived = {"derived": [DerivedMetric(name="d", unit="1", expr=expr)]}
    (gauge,) = gauges(octets(0, **derived), octets(6000, slot=T0_S + 60, **derived))
    assert gauge.gauges.get("d", gauge.missing.get("d")) == expected
    assert gauge.gauges["octets_in"] == 100.0


def test_a_share_of_a_line_is_of_octets_or_bits():
    rules = Rules(derived=(parse("interface", "u", "utilisation unicast_in"),))
    (gauge,) = gauges(interface(0, 0, 0, T0_S), interface(600, 0, 60, T0_S + 60), rules=rules)
    assert gauge.missing == {"u": "wrong-unit"}


def test_a_sample_gives_back_the_record_it_came_from():
    one = record(
        [column("o", [2**64 - 1, 0], rows_32=[1], scale=8.0)],
        gauges=[level("t", [1.5, 2.5])],
        states=[state("s", ["up", "down"])],
        dimensions=[state("d", ["x", "y"])],
        offsets_ms=[1, 2],
        discontinuities_cs=[-1, 7],
        line_rates=[0, GBIT],
        missing=[MissingCells(column="t", reason="timeout", rows=(0,))],
    )
    assert from_record(to_record(from_record(one))).shape == from_record(one).shape
    assert to_record(from_record(to_record(from_record(one)))) == to_record(from_record(one))
    assert tuple(to_record(from_record(one)).counters[0].values) == (-1, 0)


def test_reasons_and_doubts_are_counted_by_their_words():
    step = advance(None, sample({"a": [1, 2], "b": [1, 2]}), Rules())
    assert step.counts() == {"first-sample": 4}
