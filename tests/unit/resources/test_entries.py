"""An entry of the table is read as it was written; one of an earlier release is, and damage says so."""

import json
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import from_avro
from schemas.errors import RecordError
from schemas.records import Resource
from streams.resources.entries import KnownResource, read_known, write_known
from tests.unit.resources.test_inventory import SWITCH, A, B


def encode(record):
    return b"\x00" + json.dumps(asdict(record)).encode()  # no record begins with the byte of an entry


def decode(value):
    try:
        return from_avro(Resource, json.loads(value[1:]))
    except ValueError as problem:
        raise RecordError(str(problem)) from problem


MERGED = replace(A, plugins=("a", "b"))
ENTRY = write_known(MERGED, {"a": A, "b": B}, encode)


def test_an_entry_is_read_as_it_was_written():
    assert read_known(ENTRY, decode) == KnownResource(MERGED, {"a": A, "b": B})


def test_the_same_is_written_as_the_same_bytes_in_whatever_order_it_was_seen():
    assert write_known(MERGED, {"b": B, "a": A}, encode) == ENTRY


def test_an_entry_of_an_earlier_release_is_a_sighting_of_each_of_its_sections():
    both = replace(SWITCH, plugins=("a", "b"))
    assert read_known(encode(both), decode) == KnownResource(both, {"a": both, "b": both})


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(ENTRY[:1], id="without-a-record"),
        pytest.param(ENTRY[:3], id="within-a-length"),
        pytest.param(ENTRY[:-1], id="within-a-record"),
        pytest.param(ENTRY + b"\0", id="more-at-its-end"),
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff rubbish", id="rubbish"),
    ],
)
def test_a_damaged_entry_says_so(damage):
    with pytest.raises(RecordError):
        read_known(damage, decode)


@given(st.integers(0, len(ENTRY) - 1))
def test_an_entry_that_is_cut_anywhere_is_an_error_or_what_was_before_the_cut(size):
    try:
        known = read_known(ENTRY[:size], decode)
    except RecordError:
        return
    assert known.published == MERGED
    assert known.sightings.items() <= {"a": A, "b": B}.items()
