"""A poll of known form is read as the general decoder reads it, or not at all."""

import io
from dataclasses import replace
from typing import Any

import fastavro
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.binary import long
from schemas.codec import from_avro, parsed_schema, to_avro
from schemas.records import RawCounters
from streams.gauges.samples.form import learn
from streams.gauges.samples.sample import DecodedSample, from_record
from tests.unit.gauges.making import T0_S, column, level, record, state
from tests.unit.gauges.test_properties import polls

HEADER = b"\0\0\0\0\7"


def encoded(poll: RawCounters) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, parsed_schema("raw_counters"), to_avro(poll))
    return HEADER + out.getvalue()


def generally(value: bytes) -> DecodedSample:
    datum: Any = fastavro.schemaless_reader(io.BytesIO(value[5:]), parsed_schema("raw_counters"), None)
    return from_record(from_avro(RawCounters, datum))


def same(one: DecodedSample, other: DecodedSample) -> bool:
    arrays = ("counts", "levels", "offsets_ms", "discontinuities_cs")
    return one._replace(**dict.fromkeys(arrays)) == other._replace(**dict.fromkeys(arrays)) and all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in arrays
    )


@given(polls())
def test_every_record_with_rows_and_counters_has_a_form_that_reads_it(poll):
    value = encoded(poll)
    form = learn(value, generally(value))
    assert (form is None) == (not poll.index or not poll.counters)
    if form is not None:
        found = form.read(value)
        assert found is not None
        assert same(found, generally(value))


@given(polls(), st.data())
def test_another_poll_of_the_same_form_is_read_alike(poll, data):
    value = encoded(poll)
    form = learn(value, generally(value))
    if form is None:
        return
    longs = st.integers(-(2**63), 2**63 - 1)
    then = replace(
        poll,
        slot=data.draw(longs),
        polled_at_ms=data.draw(longs),
        uptime_cs=data.draw(st.none() | longs),
        counters=[
            replace(one, values=data.draw(st.lists(longs, min_size=len(one.values), max_size=len(one.values))))
            for one in poll.counters
        ],
        offsets_ms=[5] * len(poll.index),
        discontinuities_cs=data.draw(st.sampled_from([poll.discontinuities_cs, [2**33] * len(poll.index), []])),
    )
    found = form.read(encoded(then))
    assert found is not None
    assert same(found, generally(encoded(then)))


@given(polls(), polls())
def test_a_record_of_another_form_is_read_the_same_or_left_alone(one, other):
    form = learn(encoded(one), generally(encoded(one)))
    if form is not None:
        found = form.read(encoded(other))
        assert found is None or same(found, generally(encoded(other)))


BASE = record(
    [column("a", [1, 2]), column("b", [3, 4], rows_32=[1])],
    gauges=[level("t", [1.0, 2.0])],
    states=[state("oper", ["up", "down"])],
    offsets_ms=[1, 2],
    discontinuities_cs=[0, 0],
    line_rates=[10**9, 0],
)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(replace(BASE, states=[state("oper", ["up", "up"])]), id="state"),
        pytest.param(replace(BASE, labels={"rack": "8"}), id="label"),
        pytest.param(replace(BASE, index=["x", "y"]), id="rows"),
        pytest.param(replace(BASE, line_rates=[10**9, 5]), id="line-rate"),
        pytest.param(replace(BASE, counters=[column("a", [1, 2])]), id="fewer-columns"),
        pytest.param(replace(BASE, counters=[column("a", [1, 2]), column("b", [3, 4])]), id="width"),
        pytest.param(replace(BASE, gauges=[]), id="no-levels"),
        pytest.param(replace(BASE, gauges=[level("t", [1.0, 2.0], unit="K")]), id="unit"),
    ],
)
def test_what_seldom_changes_and_did_is_left_to_the_general_decoder(other):
    form = learn(encoded(BASE), generally(encoded(BASE)))
    assert form is not None
    assert form.read(encoded(other)) is None


@given(st.integers(0, 400), st.integers(0, 255))
def test_a_damaged_record_is_no_crash(place, octet):
    value = bytearray(encoded(BASE))
    form = learn(bytes(value), generally(bytes(value)))
    assert form is not None
    form.read(bytes(value[:place]))
    value[place % len(value)] = octet
    form.read(bytes(value))


NUMBERS = [2**58 + 7, 2**61 + 1, 2**60 + 2, 2**59 + 3]
LARGE = replace(BASE, counters=[column("a", NUMBERS[:2]), column("b", NUMBERS[2:])], polled_at_ms=2**58)


@pytest.mark.parametrize("number", [LARGE.slot, LARGE.polled_at_ms, *NUMBERS], ids=hex)
@pytest.mark.parametrize(
    ("written", "read"),
    [
        pytest.param(lambda own: own[:-1] + bytes([own[-1] | 0x80, 0]), True, id="one-byte-more-than-it-needs"),
        pytest.param(lambda _own: b"\xff" * 9 + b"\1", True, id="64-bits"),
        pytest.param(lambda _own: b"\xff" * 9 + b"\2", False, id="65-bits"),
        pytest.param(lambda _own: b"\xff" * 9 + b"\x7f", False, id="70-bits"),
        pytest.param(lambda _own: b"\x80" * 10 + b"\0", False, id="eleven-bytes"),
        pytest.param(lambda _own: b"\xff" * 40 + b"\1", False, id="no-end"),
    ],
)
def test_a_number_that_is_written_oddly_is_read_the_same_or_left_alone(number, written, read):
    value = encoded(LARGE)
    form = learn(value, generally(value))
    assert form is not None
    own = long(number)
    assert value.count(own) == 1
    odd = value.replace(own, written(own))
    found = form.read(odd)
    assert (found is not None) == read
    if found is not None:
        assert same(found, generally(odd))


@given(st.data())
def test_what_is_damaged_is_read_the_same_or_left_alone(data):
    value = encoded(LARGE)
    form = learn(value, generally(value))
    assert form is not None
    at = data.draw(st.integers(5, len(value) - 1))
    odd = value[:at] + data.draw(st.binary(max_size=13)) + value[at + data.draw(st.integers(0, 2)) :]
    if (found := form.read(odd)) is not None:
        assert same(found, generally(odd))


@pytest.mark.parametrize("rest", [b"\0", b"\1", encoded(BASE)], ids=["nothing", "something", "another-record"])
def test_a_record_with_something_behind_it_is_left_alone(rest):
    form = learn(encoded(BASE), generally(encoded(BASE)))
    assert form is not None
    assert form.read(encoded(BASE) + rest) is None


def test_the_slot_is_no_part_of_the_form():
    form = learn(encoded(BASE), generally(encoded(BASE)))
    assert form is not None
    found = form.read(encoded(replace(BASE, slot=T0_S + 60)))
    assert found is not None
    assert found.slot == T0_S + 60
    assert found.shape is form.shape
