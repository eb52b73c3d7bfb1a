"""What holds for any counters, any clocks and any order of arrival."""

import io
import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

import fastavro
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pollers.profiles.language.absent import Absent
from pollers.profiles.language.evaluate import compile_expression
from pollers.profiles.language.expr import parse as parse_expression
from schemas.codec import parsed_schema, to_avro
from schemas.records import CounterColumn, Gauge, MissingCells, RawCounters
from streams.gauges.fold.advance import State, advance
from streams.gauges.fold.derived import parse
from streams.gauges.fold.plan import Rules
from streams.gauges.fold.rates import Circumstances, Rate, cell_of, rate
from streams.gauges.limits import RateLimits
from streams.gauges.records.encode import pack
from streams.gauges.records.gauge import gauges_of
from streams.gauges.samples.sample import from_record
from tests.examples import examples
from tests.strategies import TEXT
from tests.unit.gauges.making import T0_S, column, level, record, sample, state

HEADER = b"\0\0\0\0\7"
RULES = Rules(
    derived=(
        parse("interface", "utilisation", "utilisation octets"),
        parse("interface", "ratio", "ratio errors / octets + errors"),
    )
)

UNITS = st.sampled_from(["octets", "bits", "packets", "errors"])
COUNTS = st.one_of(
    st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2000), st.integers(2**32 - 2000, 2**32 + 2000)
)
TIMES = st.one_of(st.none(), st.integers(0, 2**32 - 1), st.integers(0, 30_000), st.integers(2**32 - 9000, 2**32 - 1))


@st.composite
def polls(draw: st.DrawFn, keys: Sequence[str] = ("a", "b", "c", "d")) -> RawCounters:
    """A poll of anything, at any time by any clock."""
    index = draw(st.lists(st.sampled_from(keys), unique=True, max_size=4))
    rows = len(index)

    def each(values: st.SearchStrategy[Any]) -> Any:
        return draw(st.lists(values, min_size=rows, max_size=rows))

    def some_rows() -> st.SearchStrategy[list[int]]:
        return st.lists(st.integers(0, rows - 1), unique=True) if rows else st.just([])

    names = draw(st.lists(st.sampled_from(["octets", "errors", "x", "ü"]), unique=True, max_size=3))
    counters = [
        column(name, each(COUNTS), draw(st.sampled_from([32, 64])), draw(UNITS), rows_32=draw(some_rows()),
               scale=draw(st.sampled_from([1.0, 8.0, 0.5])))
        for name in names
    ]  # fmt: skip
    slot = T0_S + 60 * draw(st.integers(0, 8))
    return record(
        counters,
        index=index,
        slot=slot,
        polled_at_ms=draw(st.one_of(st.just(slot * 1000), st.integers(-(2**40), 2**45))),
        uptime_cs=draw(st.one_of(st.just((slot - T0_S) * 100 + 9_000_000), TIMES)),
        engine_boots=draw(st.one_of(st.none(), st.integers(0, 2))),
        gauges=[level("t", each(st.floats()))] if draw(st.booleans()) else [],
        states=[state("s", each(TEXT)), state("oper", each(st.sampled_from(["up", "down"])))],
        dimensions=[state("d", each(TEXT))],
        labels=draw(st.dictionaries(TEXT, TEXT, max_size=2)),
        absent=draw(st.dictionaries(st.sampled_from(["gone", "never"]), TEXT)),
        complete=draw(st.booleans()),
        line_rates=each(st.sampled_from([0, 10**6, 10**9, 10**12])) if draw(st.booleans()) else [],
        offsets_ms=each(st.integers(0, 5000)) if draw(st.booleans()) else [],
        discontinuities_cs=each(st.sampled_from([-1, 0, 7, 9_010_000])) if draw(st.booleans()) else [],
        missing=[
            MissingCells(column=name, reason="no-such-instance", rows=draw(some_rows()))
            for name in draw(st.lists(st.sampled_from(["octets", "errors", "s", "d", "t"]), unique=True, max_size=2))
        ],
    )


def fold(series: Sequence[RawCounters], known: State | None = None) -> list[tuple[int, list[Gauge], list[bytes]]]:
    """Return, for each sample that gives a record: its slot, its gauges and their bytes."""
    out = []
    for one in series:
        step = advance(known, from_record(one), RULES)
        known = step.state
        if step.rows is not None:
            out.append((one.slot, gauges_of(step.rows), pack(step.rows, HEADER)))
    return out


def as_fastavro_writes_it(gauge: Gauge) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, parsed_schema("gauge"), to_avro(gauge))
    return HEADER + out.getvalue()


@given(st.lists(polls(), min_size=1, max_size=4))
def test_packed_gauges_are_what_fastavro_writes(series):
    for _, gauges, packed in fold(series):
        assert packed == [as_fastavro_writes_it(gauge) for gauge in gauges]


@given(polls(), polls())
def test_raw_counters_are_packed_too_where_they_are_asked_for(before, now):
    known = advance(None, from_record(before), RULES).state
    rows = advance(known, from_record(replace(now, slot=before.slot + 1)), RULES).rows
    assert rows is not None
    expected = [as_fastavro_writes_it(gauge) for gauge in gauges_of(rows, with_counters=True)]
    assert pack(rows, HEADER, with_counters=True) == expected


@given(st.lists(polls(), min_size=2, max_size=6))
def test_no_gauge_is_negative_infinite_or_above_line_rate_and_each_absence_has_a_reason(series):
    for (_, gauges, _), one in zip(fold(sorted(series, key=lambda s: s.slot)), series, strict=False):
        del one
        for gauge in gauges:
            rates = {name: value for name, value in gauge.gauges.items() if name != "t"}
            assert all(0 <= value < math.inf for value in rates.values())
            assert all(math.isfinite(value) for value in gauge.gauges.values())
            assert not set(gauge.gauges) & set(gauge.missing)
            assert set(gauge.confidence) <= set(gauge.gauges)
            assert gauge.duration_s is None or gauge.duration_s > 0
            if gauge.duration_s is None:
                assert not rates
            assert gauge.gauges.get("utilisation", 0.0) <= 1.1000001


@given(polls(), polls())
def test_every_column_stands_in_each_row_with_a_number_or_a_reason(before, now):
    now = replace(now, slot=before.slot + 60)
    (_, gauges, _) = fold([before, now])[-1]
    names = {column.name for column in (*now.counters, *now.gauges)} | {"utilisation", "ratio"}
    for gauge in gauges[: len(now.index)]:
        assert names <= set(gauge.gauges) | set(gauge.missing)
    gone = [key for key in before.index if key not in now.index] if now.complete else []
    had = {column.name for column in (*before.counters, *before.gauges, *before.states)} | {"utilisation", "ratio"}
    for key, gauge in zip(gone, gauges[len(now.index) :], strict=True):
        assert (gauge.row, gauge.missing) == (key, dict.fromkeys(gauge.missing, "row-gone"))
        assert (set(gauge.missing), gauge.gauges) == (had, {})


class Traffic(NamedTuple):
    """One interface as it truly is: what passed in each interval, and what its counter shows."""

    width: int
    start: int
    passed: list[int]

    def shows(self, polls_so_far: int) -> int:
        return (self.start + sum(self.passed[:polls_so_far])) % 2**self.width


@st.composite
def traffics(draw: st.DrawFn) -> Traffic:
    width = draw(st.sampled_from([32, 64]))
    start = draw(st.one_of(st.integers(0, 2**width - 1), st.integers(2**width - 10**6, 2**width - 1)))
    # up to the line's 100 Mbit/s, over which a 32-bit counter wraps every 343 s
    passed = draw(st.lists(st.integers(0, 12_500_000 * 60), min_size=1, max_size=8))
    if width == 64:
        start = min(start, 2**64 - 1 - sum(passed))
    return Traffic(width, start, passed)


@given(traffics(), st.data())
def test_what_passed_is_what_the_rates_add_up_to(traffic, data):
    count = len(traffic.passed)
    jitters = data.draw(st.lists(st.integers(0, 900), min_size=count + 1, max_size=count + 1))
    boot_cs = data.draw(st.sampled_from([10**8, 2**32 - 20_000]))
    # a leap of ours just after the device's uptime wrapped cannot be told from a reboot: no rate then
    leaps = [0, 0, 0, 0, -3_600_000, 7_200_000 if boot_cs == 10**8 else 0]
    steps = data.draw(st.lists(st.sampled_from(leaps), min_size=count + 1, max_size=count + 1))
    narrow = [column("o", [0], traffic.width)]
    series, clock_ms = [], 0
    for number in range(count + 1):
        slot = T0_S + 60 * number
        clock_ms += steps[number]
        true_ms = slot * 1000 + jitters[number]
        series.append(
            sample(
                [replace(narrow[0], values=[_signed(traffic.shows(number))])],
                slot=slot,
                polled_at_ms=true_ms + clock_ms,
                uptime_cs=(boot_cs + (true_ms - T0_S * 1000) // 10) % 2**32,
                line_rates=[100_000_000],
                interval_s=60,
            )
        )
    order = [0]
    for number in range(1, count + 1):
        order.append(number)
        order += data.draw(st.lists(st.integers(0, number), max_size=2))  # duplicates and replays of any age
    found: dict[int, Gauge] = {}
    known = None
    for number in order:
        step = advance(known, series[number], Rules())
        known = step.state
        for gauge in gauges_of(step.rows) if step.rows is not None else ():
            assert found.setdefault(gauge.slot, gauge) == gauge
    total = sum(gauge.gauges["o"] * (gauge.duration_s or 0) for gauge in found.values() if gauge.slot > T0_S)
    assert total == pytest.approx(sum(traffic.passed), rel=1e-9, abs=1e-6)


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value


class Interface(NamedTuple):
    """One row as it truly is: what it can carry, and the counters of its unit."""

    line: int  #: bits per second, 0 where unknown
    traffic: Traffic


#: unit -> bits of line that one takes at least
SIZES = {"octets": 8, "bits": 1, "packets": 160, "errors": 160}


@st.composite
def interfaces(draw: st.DrawFn, unit: str, slots: Sequence[int]) -> Interface:
    """An interface whose true traffic any line allows, in the seconds between the slots, and no wrap goes unseen."""
    line = draw(st.sampled_from([0, 10**6, 10**8, 10**9]))
    # within the longest gap, 1050 s, a line of 1 Mbit/s passes 2^32 of nothing more than once
    width = draw(st.sampled_from([32, 64])) if line == 10**6 else 64
    start = draw(st.one_of(st.integers(0, 2**width - 1), st.integers(2**width - 10**6, 2**width - 1)))
    most = (line or 10**9) // SIZES[unit]
    passed = [draw(st.integers(0, most * (after - before - 1))) for before, after in itertools.pairwise(slots)]
    if width == 64:
        start = min(start, 2**64 - 1 - sum(passed))
    return Interface(line, Traffic(width, start, passed))


@settings(max_examples=examples(200), deadline=None)
@given(st.data())
def test_any_schedule_of_polls_gives_what_passed_row_by_row(data):
    unit = data.draw(st.sampled_from(sorted(SIZES)))
    interval_s = data.draw(st.sampled_from([10, 60, 300]))
    steps = data.draw(st.lists(st.sampled_from([1, 1, 2, 3]), min_size=1, max_size=6))  # slots may be skipped
    slots = [T0_S + interval_s * sum(steps[:number]) for number in range(len(steps) + 1)]
    rows = data.draw(st.lists(interfaces(unit, slots), min_size=1, max_size=4))
    width = data.draw(st.sampled_from([32, 64]))
    narrow = [row for row, one in enumerate(rows) if one.traffic.width == 32]
    if width == 32 and len(narrow) < len(rows):
        width = 64
    series = []
    for number, slot in enumerate(slots):
        late_ms = data.draw(st.integers(0, 900))
        values = [_signed(one.traffic.shows(number)) for one in rows]
        series.append(
            sample(
                [column("o", values, width, unit, rows_32=narrow if width == 64 else ())],
                slot=slot,
                polled_at_ms=slot * 1000 + late_ms,
                uptime_cs=10**8 + (slot - T0_S) * 100 + late_ms // 10,
                line_rates=[one.line for one in rows],
                interval_s=interval_s,
            )
        )
    replays = [number for last in range(len(slots)) for number in (last, *data.draw(
        st.lists(st.integers(0, last), max_size=2)))]  # fmt: skip
    found: dict[tuple[int, str], Gauge] = {}
    known = None
    for number in replays:
        step = advance(known, series[number], Rules())
        known = step.state
        for gauge in gauges_of(step.rows) if step.rows is not None else ():
            assert found.setdefault((gauge.slot, gauge.row), gauge) == gauge
    for row, one in enumerate(rows):
        mine = [found[slot, f"Gi0/{row}"] for slot in slots[1:]]
        assert [gauge.missing for gauge in mine] == [{}] * len(mine)
        carried = [gauge.gauges["o"] * (gauge.duration_s or 0) for gauge in mine]
        assert carried == pytest.approx(one.traffic.passed, rel=1e-9, abs=1e-6)


@given(st.lists(polls(), min_size=1, max_size=6), st.data())
def test_replaying_any_suffix_changes_no_output(series, data):
    series = sorted(series, key=lambda one: one.slot)
    first = data.draw(st.integers(0, len(series) - 1))
    once = {(slot, gauge.row): octets for slot, gauges, packed in fold(series)
            for gauge, octets in zip(gauges, packed, strict=True)}  # fmt: skip
    for slot, gauges, packed in fold([*series, *series[first:]]):
        for gauge, octets in zip(gauges, packed, strict=True):
            assert once[(slot, gauge.row)] == octets


@given(st.lists(polls(), max_size=4), st.lists(polls(), max_size=4), st.data())
def test_any_interleaving_of_devices_gives_each_what_it_gives_alone(one, other, data):
    whose = data.draw(st.permutations([0] * len(one) + [1] * len(other)))
    alone = [fold(one), fold(other)]
    together: list[list[Any]] = [[], []]
    states: list[State | None] = [None, None]
    inputs = [iter(one), iter(other)]
    for device in whose:
        poll = next(inputs[device])
        step = advance(states[device], from_record(poll), RULES)
        states[device] = step.state
        if step.rows is not None:
            together[device].append((poll.slot, gauges_of(step.rows), pack(step.rows, HEADER)))
    assert together == alone


CELLS = st.tuples(COUNTS, COUNTS, st.sampled_from([0, 10**6, 10**9, 10**12]))


@given(st.lists(CELLS, min_size=1, max_size=6), st.sampled_from([32, 64]), UNITS, st.sampled_from([1.0, 8.0, 0.25]),
       st.integers(10, 200))  # fmt: skip
def test_columns_at_once_give_what_the_definition_gives_cell_by_cell(cells, width, unit, scale, seconds):
    def poll(values: list[int], slot: int) -> Any:
        counter = CounterColumn(name="c", width=width, unit=unit, scale=scale, values=list(map(_signed, values)))
        return sample([counter], slot=slot, line_rates=[line for _, _, line in cells])

    before = poll([before for before, _, _ in cells], T0_S)
    now = poll([now for _, now, _ in cells], T0_S + seconds)
    rows = advance(advance(None, before, Rules()).state, now, Rules()).rows
    assert rows is not None
    for row, gauge in enumerate(gauges_of(rows)):
        expected = rate(cells[row][0], cells[row][1], float(seconds), cell_of(now.shape, 0, row, RateLimits()),
                        Circumstances())  # fmt: skip
        if isinstance(expected, Rate):
            assert gauge.gauges == {"c": expected.per_s}
            assert gauge.confidence.get("c") == expected.doubt
        else:
            assert gauge.missing == {"c": expected}


LACKING: Final = "lacking"
EXPRESSIONS: Final = (
    "a / (a + b)", "a - b * c", "1 / (a / b)", "a / line.o", "(a + b + c) / (a - b) / 1e-300", "a * 1e300 * 1e300 / b",
    "1 / (1 / (a * 1e308))", "first(a / b, c)",
)  # fmt: skip
LEVELS = st.lists(st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from([0.0, 1.0, -1.0]), min_size=3,
                  max_size=3)  # fmt: skip


@given(st.sampled_from(EXPRESSIONS), st.lists(LEVELS, min_size=1, max_size=5), st.sampled_from([0, 10**9]))
def test_expressions_over_columns_give_what_the_definition_gives_row_by_row(text, rows, line):
    levels = [level(name, [row[place] for row in rows]) for place, name in enumerate("abc")]
    poll = sample({"o": [1] * len(rows)}, gauges=levels, line_rates=[line] * len(rows))
    rows_now = advance(None, poll, Rules(derived=(parse("interface", "d", text),))).rows
    assert rows_now is not None
    found = gauges_of(rows_now)

    class Row(NamedTuple):
        known: dict[tuple[str, ...], float]

        def column(self, path):
            value = self.known.get(path, math.inf)
            return lambda _row: value if math.isfinite(value) else Absent(LACKING)

        def rows_of(self, call):
            raise NotImplementedError

    for values, gauge in zip(rows, found, strict=True):
        scope = Row({("a",): values[0], ("b",): values[1], ("c",): values[2], ("line", "o"): line / 8 or math.inf})
        expected = compile_expression(parse_expression(text), scope)(0)
        if isinstance(expected, Absent):
            assert "d" not in gauge.gauges
            lacking = expected.reason.startswith(("missing-operand:", LACKING))
            assert gauge.missing["d"] in ({"not-a-number", "line-rate-unknown"} if lacking else {expected.reason})
        else:
            assert gauge.gauges["d"] == expected
            assert "d" not in gauge.missing


@settings(max_examples=examples(30))
@given(st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=5))
def test_times_of_any_size_are_packed_as_fastavro_packs_them(times):
    for now_ms in times:
        one = sample({"o": [1, 2]}, polled_at_ms=now_ms, offsets_ms=[0, 200], slot=abs(now_ms) % 2**40)
        rows = advance(None, one, Rules()).rows
        assert rows is not None
        assert pack(rows, HEADER) == [as_fastavro_writes_it(gauge) for gauge in gauges_of(rows)]


def test_the_sum_of_what_numpy_divides_is_rounded_as_python_rounds():
    passed = np.array([2**63 + 1025, 2**53 + 1], dtype=np.uint64)
    assert (passed.astype(np.float64) / 60.0).tolist() == [float(int(one)) / 60.0 for one in passed]
