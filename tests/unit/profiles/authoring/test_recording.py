"""Recordings: .snmprec and snmpwalk's output give the same values, and what is written is read again."""

import asyncio
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pollers.profiles.authoring.anonymizing import anonymized
from pollers.profiles.authoring.big_recording import BigRecordedSession, is_snmprec, read_big
from pollers.profiles.authoring.recording import (
    RecordedSession,
    RecordingError,
    read_lines,
    read_recording,
    write_snmprec,
)
from pollers.snmp.values import Type, Value

WALK = """\
.1.3.6.1.2.1.1.1.0 = STRING: "A \\"router\\"
with two lines"
.1.3.6.1.2.1.1.2.0 = OID: .1.3.6.1.4.1.9.1.1
.1.3.6.1.2.1.1.3.0 = Timeticks: (123456) 0:20:34.56
.1.3.6.1.2.1.2.2.1.2.1 = STRING: Gi0/1
.1.3.6.1.2.1.2.2.1.5.1 = Gauge32: 1000000000
.1.3.6.1.2.1.2.2.1.6.1 = Hex-STRING: 00 1B 00
01 02 FF
.1.3.6.1.2.1.2.2.1.8.1 = INTEGER: up(1)
.1.3.6.1.2.1.2.2.1.9.1 = INTEGER: -5 dBm
.1.3.6.1.2.1.2.2.1.10.1 = Counter32: 7
.1.3.6.1.2.1.4.20.1.1.10.0.0.1 = IpAddress: 10.0.0.1
.1.3.6.1.2.1.31.1.1.1.6.1 = Counter64: 18446744073709551615
.1.3.6.1.2.1.31.1.1.1.18.1 = ""
.1.3.6.1.2.1.99.1 = Opaque: Float: 1.5
.1.3.6.1.2.1.99.2 = Wrong Type (should be INTEGER): Gauge32: 5
.1.3.6.1.2.1.99.3 = NULL
.1.3.6.1.2.1.99.4 = BITS: 80 0
.1.3.6.1.2.1.99.5 = No Such Instance currently exists at this OID
"""


def test_the_output_of_snmpwalk_is_read_with_its_types():
    assert dict(read_recording(WALK, "f")) == {
        "1.3.6.1.2.1.1.1.0": Value(Type.OCTET_STRING, b'A "router"\nwith two lines'),
        "1.3.6.1.2.1.1.2.0": Value(Type.OBJECT_IDENTIFIER, "1.3.6.1.4.1.9.1.1"),
        "1.3.6.1.2.1.1.3.0": Value(Type.TIME_TICKS, 123456),
        "1.3.6.1.2.1.2.2.1.2.1": Value(Type.OCTET_STRING, b"Gi0/1"),
        "1.3.6.1.2.1.2.2.1.5.1": Value(Type.GAUGE32, 1_000_000_000),
        "1.3.6.1.2.1.2.2.1.6.1": Value(Type.OCTET_STRING, bytes.fromhex("001b000102ff")),
        "1.3.6.1.2.1.2.2.1.8.1": Value(Type.INTEGER, 1),
        "1.3.6.1.2.1.2.2.1.9.1": Value(Type.INTEGER, -5),
        "1.3.6.1.2.1.2.2.1.10.1": Value(Type.COUNTER32, 7),
        "1.3.6.1.2.1.4.20.1.1.10.0.0.1": Value(Type.IP_ADDRESS, bytes([10, 0, 0, 1])),
        "1.3.6.1.2.1.31.1.1.1.6.1": Value(Type.COUNTER64, 2**64 - 1),
        "1.3.6.1.2.1.31.1.1.1.18.1": Value(Type.OCTET_STRING, b""),
        "1.3.6.1.2.1.99.1": Value(Type.OPAQUE_FLOAT, 1.5),
        "1.3.6.1.2.1.99.2": Value(Type.GAUGE32, 5),
        "1.3.6.1.2.1.99.3": Value(Type.NULL, None),
        "1.3.6.1.2.1.99.4": Value(Type.OCTET_STRING, b"\x80"),
    }


OIDS = st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=6).map(lambda arcs: "1.3." + ".".join(map(str, arcs)))
VALUES = st.one_of(
    st.builds(Value, st.just(Type.INTEGER), st.integers(-(2**31), 2**31 - 1)),
    st.builds(Value, st.just(Type.OCTET_STRING), st.binary(max_size=40)),
    st.builds(Value, st.sampled_from([Type.COUNTER32, Type.GAUGE32, Type.TIME_TICKS]), st.integers(0, 2**32 - 1)),
    st.builds(Value, st.just(Type.COUNTER64), st.integers(0, 2**64 - 1)),
    st.builds(Value, st.just(Type.IP_ADDRESS), st.binary(min_size=4, max_size=4)),
    st.builds(Value, st.just(Type.OBJECT_IDENTIFIER), OIDS),
    st.builds(Value, st.just(Type.OPAQUE_DOUBLE), st.floats(allow_nan=False, allow_infinity=False)),
    st.just(Value(Type.NULL, None)),
)


@given(st.lists(st.tuples(OIDS, VALUES), min_size=1, max_size=20))
def test_what_is_written_is_read_again(entries: list[tuple[str, Value]]):
    assert read_recording(write_snmprec(entries), "f") == entries


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str):
    with suppress(RecordingError):
        read_recording(text, "f")


@pytest.mark.parametrize(
    ("printed", "ticks"),
    [
        pytest.param("Timeticks: (123456789) 14 days, 6:56:07.89", 123_456_789, id="as-usual"),
        pytest.param("Timeticks: 14:6:56:07.89", 123_456_789, id="days-first"),
        pytest.param("Timeticks: 14 days, 6:56:07.89", 123_456_789, id="days-in-words"),
        pytest.param("Timeticks: 1 day, 0:00:00.01", 8_640_001, id="one-day"),
        pytest.param("Timeticks: 0:00:01.50", 150, id="no-days"),
        pytest.param("Timeticks: 123456789", 123_456_789, id="number-with-its-type"),
        pytest.param("123456789", 123_456_789, id="bare-number"),
        pytest.param("14:6:56:07.89", 123_456_789, id="bare-time"),
    ],
)
def test_ticks_are_read_in_every_form_that_snmpwalk_prints(printed: str, ticks: int):
    assert read_recording(f".1.3.6.1.2.1.1.3.0 = {printed}", "f") == [
        ("1.3.6.1.2.1.1.3.0", Value(Type.TIME_TICKS, ticks))
    ]


@pytest.mark.parametrize("printed", ["Timeticks: 14 weeks", "Timeticks: 14:6:56", "-5", "1.5"])
def test_what_are_no_ticks_is_refused(printed: str):
    with pytest.raises(RecordingError, match=r"^f:1: expected OID = TYPE: VALUE"):
        read_recording(f".1.3.6.1.2.1.1.3.0 = {printed}", "f")


@pytest.mark.parametrize("line", ["1.3.6|99|x", "1.3.6|2|x", "1.3.6|4x|zz", "1.3.6|64|10.0.0.300", "1.3|2"])
def test_a_bad_line_is_left_out_and_named(line: str):
    found = read_lines(f"1.3.6.1|2|1\n{line}\n1.3.6.2|2|3", "f")
    assert found.entries == [("1.3.6.1", Value(Type.INTEGER, 1)), ("1.3.6.2", Value(Type.INTEGER, 3))]
    assert [odd.line for odd in found.odd] == [2]


def test_where_nothing_can_be_read_the_first_line_is_named():
    with pytest.raises(RecordingError, match=r"^f:1: "):
        read_recording("nonsense\nmore of it", "f")


@pytest.mark.parametrize(
    ("line", "value"),
    [
        pytest.param("1.3.6.1|4:writecache|value=here", Value(Type.OCTET_STRING, b"here"), id="writecache"),
        pytest.param("1.3.6.1|4x:writecache|hexvalue=00ff", Value(Type.OCTET_STRING, b"\x00\xff"), id="writecache-hex"),
        pytest.param("1.3.6.1|65:numeric|rate=9,initial=777", Value(Type.COUNTER32, 777), id="numeric-initial"),
        pytest.param("1.3.6.1|66:numeric|min=5,max=9,function=sin", Value(Type.GAUGE32, 5), id="numeric-min"),
        pytest.param("1.3.6.1|66:numeric|scale=10", Value(Type.GAUGE32, 0), id="numeric-nothing"),
        pytest.param("1.3.6.1|64|\x0b\x14\x1e(", Value(Type.IP_ADDRESS, bytes((11, 20, 30, 40))), id="four-characters"),
        pytest.param("1.3.6.1|4|caf\udce9", Value(Type.OCTET_STRING, b"caf\xe9"), id="latin-1"),
        pytest.param(".1.3.6.1 = GAUGE32: 7", Value(Type.GAUGE32, 7), id="capitals"),
        pytest.param(".1.3.6.1 =  INTEGER:  7", Value(Type.INTEGER, 7), id="two-blanks"),
        pytest.param("iso.3.6.1 = INTEGER: 7", Value(Type.INTEGER, 7), id="iso"),
    ],
)
def test_recordings_of_others_are_read(line: str, value: Value):
    assert read_recording(line, "f") == [("1.3.6.1", value)]


def test_an_anonymized_recording_keeps_what_belongs_together():
    walk = (
        "1.3.6.1.2.1.1.1.0|4|core1.example.net running 1.2\n1.3.6.1.2.1.1.5.0|4|core1.example.net\n"
        "1.3.6.1.2.1.2.2.1.6.1|4x|001b21aabbcc\n1.3.6.1.2.1.4.20.1.1.10.9.8.7|64|10.9.8.7\n"
        "1.3.6.1.2.1.47.1.1.1.1.11.1|4|FDO1234ABCD\n1.3.6.1.4.1.9.1.1.0|4|serial FDO1234ABCD at 10.9.8.7\n"
        "1.3.6.1.6.3.18.1.1.1.2.1.112|4|public\n1.3.6.1.2.1.4.20.1.3.10.9.8.7|64|255.255.255.0\n"
    )
    assert anonymized(read_recording(walk, "f")) == read_recording(
        "1.3.6.1.2.1.1.1.0|4|name-1 running 1.2\n1.3.6.1.2.1.1.5.0|4|name-1\n"
        "1.3.6.1.2.1.2.2.1.6.1|4x|020000000001\n1.3.6.1.2.1.4.20.1.1.198.18.0.1|64|198.18.0.1\n"
        "1.3.6.1.2.1.47.1.1.1.1.11.1|4|serial-1\n1.3.6.1.4.1.9.1.1.0|4|serial serial-1 at 198.18.0.1\n"
        "1.3.6.1.2.1.4.20.1.3.198.18.0.1|64|255.255.255.0\n",
        "f",
    )


def test_a_walk_gives_the_rows_of_all_columns_in_the_order_of_their_index():
    lines = "1.3.6.1.9.1.10|2|1\n1.3.6.1.9.1.9|2|2\n1.3.6.1.9.2.10|2|3\n1.3.6.1.91.1|2|4\n"
    table = asyncio.run(RecordedSession(read_recording(lines, "f")).walk(["1.3.6.1.9.1", "1.3.6.1.9.2"]))
    assert table.rows == ["9", "10"]
    assert [column.data for column in table.columns] == [[2, 1], [None, 3]]
    assert [list(column.types) for column in table.columns] == [[2, 2], [0, 2]]


RECORDED = """\
# a comment
1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.99999
1.3.6.1.2.1.1.5.0|4x|61ff
1.3.6.1.2.1.2.2.1.10.2|65|7
1.3.6.1.2.1.2.2.1.10.10|65|8\r
not a line
1.3.6.1.2.1.2.2.1.10.1|65|6
1.3.6.1.2.1.2.2.1.10.2:|66|9
1.3.6.1.2.1.2.2.1.16.1|65:numeric|rate=5,initial=40
1.3.6.1.2.1.4.20.1.1.10|64x|0a000001
1.3.6.1.2.1.2.2.1.10.2|65|70
1.3.6.1.2.1.2.2.1.10.3|65|"""


def test_a_big_recording_answers_as_a_small_one_does():
    small = read_lines(RECORDED, "small")
    lines = read_big(RECORDED.encode(), "big")
    assert (lines.odd, len(lines.starts)) == (small.odd, len(small.entries))
    one, other = RecordedSession(small.entries), BigRecordedSession(lines)
    assert other.entries == one.entries
    oids = ["1.3.6.1.2.1.1.5.0", "1.3.6.1.2.1.2.2.1.10.2", "1.3.6.1.2.1.2.2.1.10.3", "1.3.6.1.2.1.99.0"]
    roots = ["1.3", "1.3.6.1.2.1.2.2.1.10.2", "1.3.6.1.2.1.2.2.1.10.9", "1.3.6.1.2.1.4.20.1.1.10", "1.4"]
    columns = ["1.3.6.1.2.1.2.2.1.10", "1.3.6.1.2.1.2.2.1.16", "1.3.6.1.2.1.2.2.1.1"]
    assert asyncio.run(other.get_many(oids)) == asyncio.run(one.get_many(oids))
    assert asyncio.run(other.following(roots)) == asyncio.run(one.following(roots))
    assert asyncio.run(other.walk(columns)) == asyncio.run(one.walk(columns))


def test_a_big_recording_of_which_nothing_can_be_read_is_refused():
    with pytest.raises(RecordingError, match=r"x:1: expected OID\|TAG\|VALUE"):
        read_big(b"nothing\nof it\n", "x")
    assert not is_snmprec(b".1.3.6.1.2.1.1.1.0 = STRING: Linux\n")
