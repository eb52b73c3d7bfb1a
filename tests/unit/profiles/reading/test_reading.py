"""What a poll asks for, what it remembers, and what it does when a device falls silent, lies, or begins anew."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pollers.profiles.authoring.recording import RecordedSession
from pollers.profiles.loading.library import read_library
from pollers.profiles.reading.collect import PollClock, samples_of
from pollers.profiles.reading.constants import unique_keys
from pollers.profiles.reading.plan import make_plan
from pollers.profiles.reading.poll import Reading, rebooted
from pollers.profiles.reading.state import DeviceState
from pollers.profiles.reading.walking import EMPTY_FOR_MS
from pollers.sample import Sample
from pollers.snmp.errors import NoAnswer
from pollers.snmp.values import Column, SnmpTable, TableProblem
from tests.examples import examples
from tests.unit.profiles.bench import ROOT, library_of, read, session_of

BUILT_IN = read_library()
PROFILE = library_of(
    f"""\
    profile: p
    scalars:
      s:
        columns:
          used: {{first_of: [{ROOT}.3.2.0, {ROOT}.3.1.0]}}
          text: {{oid: {ROOT}.3.3.0, use: tag, refresh: 1h}}
    tables:
      t:
        columns:
          wide: {{use: counter, first_of: [{ROOT}.1.1.1, {ROOT}.1.1.2]}}
          lacking: {{oid: {ROOT}.1.1.3}}
          name: {{oid: {ROOT}.1.1.4, use: tag, refresh: 30m}}
      unused: {{columns: {{v: {{oid: {ROOT}.7.1.1}}}}}}
      empty: {{columns: {{v: {{oid: {ROOT}.8.1.1}}}}}}
    emit: {{t: t, s: s, e: empty}}
    """
)
LINES = """\
    1.3.6.1.2.1.1.3.0|67|{uptime}
    #.1.1.1.1|70|5
    #.1.1.4.1|4|one
    #.3.1.0|2|7
    #.3.3.0|4|here
    """


class Asked(RecordedSession):
    """Remembers what it was asked for."""

    def __init__(self, session: RecordedSession) -> None:
        super().__init__(session.entries)
        self.asked: list[str] = []

    async def get_many(self, oids):
        self.asked += oids
        return await super().get_many(oids)

    async def walk(self, columns):
        self.asked += columns
        return await super().walk(columns)


def poll(uptime: int, state: DeviceState | None = None, at_ms: int = 0, more: str = "") -> tuple[Reading, list[str]]:
    session = Asked(session_of(LINES.format(uptime=uptime) + more))
    reading = read(PROFILE, session, "p", state, at_ms)
    return reading, [oid.removeprefix(f"{ROOT}.") for oid in session.asked if oid.startswith(ROOT)]


def table_of(reading: Reading) -> Sample:
    samples = samples_of(make_plan(PROFILE.profiles["p"]), reading.frames, reading.clock)
    return next(sample for sample in samples if sample.group == "t")


def test_only_what_is_emitted_is_asked_for():
    _, asked = poll(100)
    assert sorted(asked) == ["1.1.1", "1.1.2", "1.1.3", "1.1.4", "3.1.0", "3.2.0", "3.3.0", "8.1.1"]


def test_what_is_absent_superfluous_or_slow_is_not_asked_for_again():
    first, _ = poll(100)
    _, asked = poll(6_100, first.state, 60_000)
    assert sorted(asked) == ["1.1.1", "3.1.0"]


def test_all_is_asked_for_again_once_the_device_has_rebooted():
    first, every = poll(100_000)
    _, asked = poll(50, first.state, 60_000)
    assert sorted(asked) == sorted(every)


def test_a_row_that_appears_makes_its_table_be_learnt_anew():
    first, _ = poll(100)
    reading, asked = poll(6_100, first.state, 60_000, "#.1.1.1.2|70|6\n#.1.1.3.2|2|9\n#.1.1.4.2|4|two\n")
    assert {"1.1.3", "1.1.4"} <= set(asked)
    sample = table_of(reading)
    assert sample.dimensions[0].values == ["one", "two"]


def test_slow_columns_are_read_again_when_their_time_is_over():
    first, _ = poll(100)
    _, asked = poll(180_100, first.state, 1_800_000)
    assert "1.1.4" in asked
    assert "3.3.0" not in asked
    _, asked = poll(360_100, first.state, 3_600_000)
    assert "3.3.0" in asked


def test_an_empty_table_is_looked_at_again_after_a_while():
    first, _ = poll(100)
    _, asked = poll(6_100, first.state, EMPTY_FOR_MS - 1)
    assert "8.1.1" not in asked
    _, asked = poll(66_100, first.state, EMPTY_FOR_MS)
    assert "8.1.1" in asked


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        pytest.param(PollClock(0, 100), PollClock(60_000, 6_100), False, id="goes-on"),
        pytest.param(PollClock(0, 500_000), PollClock(60_000, 300), True, id="fell"),
        pytest.param(PollClock(0, 2**32 - 3_000), PollClock(60_000, 3_000), False, id="497-days-wrap"),
        pytest.param(PollClock(0, 2**32 - 300_000), PollClock(60_000, 50), True, id="reboot-near-the-wrap"),
        pytest.param(PollClock(0, 100, 4), PollClock(60_000, 6_100, 5), True, id="engine-boots"),
        pytest.param(PollClock(0, None), PollClock(60_000, 5), False, id="unknown"),
        pytest.param(None, PollClock(0, 5), False, id="first"),
    ],
)
def test_a_reboot_is_told_from_the_wrap_of_uptime(before: PollClock | None, now: PollClock, expected: bool):
    assert rebooted(before, now) is expected


class Silent(Asked):
    async def walk(self, columns):
        raise NoAnswer("gone")


def test_a_device_that_falls_silent_half_way_leaves_what_was_read():
    reading = read(PROFILE, Silent(session_of(LINES.format(uptime=1))))
    assert reading.unread == {"t", "empty"}
    assert "gone" in reading.problems[0]
    assert reading.frames.frame("s").column("used") == [7]


class Broken(Asked):
    """Ends its table half way: the second column stops before the first."""

    async def walk(self, columns):
        table = await super().walk(columns)
        return SnmpTable(
            table.rows, table.columns, table.offsets_ms, [TableProblem("oid-not-increasing", "after row 1")]
        )


def test_a_table_that_breaks_off_gives_its_good_rows_and_the_reason():
    reading = read(PROFILE, Broken(session_of(LINES.format(uptime=1) + "#.1.1.3.2|2|4\n")))
    sample = table_of(reading)
    assert sample.index == ["1", "2"]
    missing = {(part.column, part.reason): list(part.rows) for part in sample.missing}
    assert missing["wide", "oid-not-increasing"] == [1]
    assert missing["lacking", "oid-not-increasing"] == [0]
    assert not reading.state.skip & {f"{ROOT}.1.1.3"}


CELLS = st.one_of(
    st.tuples(st.just(0), st.none()),
    st.tuples(st.sampled_from([2, 65, 66, 67, 70]), st.integers(-(2**31), 2**64 - 1)),
    st.tuples(st.sampled_from([4, 64, 68]), st.binary(max_size=20)),
    st.tuples(st.just(6), st.just("1.3.6")),
    st.tuples(st.sampled_from([120, 121]), st.floats()),
    st.tuples(st.sampled_from([5, 128, 129, 130]), st.none()),
)


class Nonsense(RecordedSession):
    """Answers what the test says, whatever was asked."""

    def __init__(self, rows: list[str], cells: list[tuple[int, object]]) -> None:
        super().__init__(session_of(LINES.format(uptime=1)).entries)
        self._rows = rows
        self._cells = cells

    async def walk(self, columns):
        size = range(len(self._rows))
        found = [[self._cells[(place + row) % len(self._cells)] for row in size] for place in range(len(columns))]
        answered = [
            Column(oid, bytearray(kind for kind, _ in cells), [data for _, data in cells])
            for oid, cells in zip(columns, found, strict=True)
        ]
        return SnmpTable(self._rows, answered, [0] * len(self._rows))


@given(
    st.lists(st.from_regex(r"\A[0-9]{1,3}(\.[0-9]{1,3}){0,5}\Z"), unique=True, max_size=5),
    st.lists(CELLS, min_size=1, max_size=12),
    st.sampled_from(["if-mib", "juniper-bgp", "cisco-memory", "host-resources", "entity-sensor-mib", "arista-eos"]),
)
@settings(max_examples=examples(150), deadline=None)
def test_no_answer_breaks_a_poll_and_every_column_keeps_its_length(rows: list[str], cells: list, name: str):
    plan = make_plan(BUILT_IN.profiles[name])
    reading = read(BUILT_IN, Nonsense(rows, cells), name)
    for sample in samples_of(plan, reading.frames, reading.clock):
        length = len(sample.index)
        assert len(set(sample.index)) == length
        columns = (*sample.dimensions, *sample.counters, *sample.gauges, *sample.states)
        assert {len(column.values) for column in columns} <= {length}
        assert len({column.name for column in columns}) == len(columns)
        assert all(0 <= row < length for part in sample.missing for row in part.rows)
        assert all(-(2**63) <= value < 2**63 for column in sample.counters for value in column.values)


NAMES = st.sampled_from(["", "a", "b", "a#1", "#2"])


@given(st.lists(st.tuples(NAMES, st.integers(1, 9)), unique_by=lambda pair: pair[1]))
def test_row_keys_are_unique_whatever_the_names(pairs: list[tuple[str, int]]):
    keys = unique_keys([name for name, _ in pairs], [str(index) for _, index in pairs])
    assert len(set(keys)) == len(pairs)


MADE_OF = library_of(
    f"""\
    profile: p
    scalars: {{s: {{columns: {{site: {{oid: {ROOT}.3.1.0, use: tag, refresh: 1h}}}}}}}}
    tables:
      t:
        row: [name]
        columns: {{v: {{oid: {ROOT}.1.1.1}}}}
        join: {{names: {{}}}}
        tags: {{name: names.text, site: s.site}}
      names: {{columns: {{text: {{oid: {ROOT}.2.1.1, use: tag, refresh: 1h}}}}}}
    emit: {{t: t}}
    """
)


def test_names_that_are_made_of_other_tables_are_remembered_and_completed_when_a_row_appears():
    def poll_names(
        lines: str, state: DeviceState | None, at_ms: int
    ) -> tuple[Reading, list[tuple[str, str]], list[str]]:
        session = Asked(session_of(f"1.3.6.1.2.1.1.3.0|67|{1_000 + at_ms // 10}\n{lines}"))
        reading = read(MADE_OF, session, "p", state, at_ms)
        (sample,) = samples_of(make_plan(MADE_OF.profiles["p"]), reading.frames, reading.clock)
        sites = next(column.values for column in sample.dimensions if column.name == "site")
        asked = [oid.removeprefix(f"{ROOT}.") for oid in session.asked if oid.startswith(ROOT)]
        return reading, list(zip(sample.index, sites, strict=True)), asked

    lines = "#.3.1.0|4|here\n#.1.1.1.1|2|1\n#.2.1.1.1|4|one\n#.2.1.1.2|4|two"
    first, names, asked = poll_names(lines, None, 0)
    assert (names, sorted(asked)) == ([("one", "here")], ["1.1.1", "2.1.1", "3.1.0"])
    second, names, asked = poll_names(lines, first.state, 60_000)
    assert (names, asked) == ([("one", "here")], ["1.1.1"])
    _, names, asked = poll_names(f"{lines}\n#.1.1.1.2|2|1", second.state, 120_000)
    assert names == [("one", "here"), ("two", "here")]
    assert sorted(asked) == ["1.1.1", "2.1.1", "3.1.0"]
