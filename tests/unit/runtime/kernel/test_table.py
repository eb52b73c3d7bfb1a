"""A table's values begin with their format: those of before there were formats are read, newer ones are refused."""

import pytest

from schemas.errors import FatalError
from streams.runtime.kernel.effects import Write
from streams.runtime.kernel.table import FORMAT, Table

KEY = b"k"
#: how values of before there were formats begin: Avro, zlib, an entry of the series
OLD = (b"\x00\x00\x00\x00\x01body", b"x\xda\x01", b"\x01entry", b"")


def framed(table: Table, value: bytes | None) -> bytes | None:
    [(_, [one])] = table.framed([Write(KEY, value)])
    return one


def test_a_value_that_is_written_begins_with_its_format_and_is_read_without_it():
    table = Table("t")
    stored = framed(table, b"value")
    assert stored == bytes([0xF0 + FORMAT]) + b"value"
    table.recover(0, KEY, stored)
    assert table.get(0, KEY) == b"value"


def test_a_format_that_is_not_allowed_yet_is_not_written():
    assert framed(Table("t", write_format=0), b"value") == b"value"


@pytest.mark.parametrize("value", OLD)
def test_a_value_of_before_there_were_formats_is_read_as_it_is(value: bytes):
    table = Table("t")
    table.recover(0, KEY, value)
    assert table.get(0, KEY) == value


def test_a_value_of_a_newer_version_is_refused_and_changes_nothing():
    table = Table("series")
    table.recover(0, KEY, b"before")
    with pytest.raises(FatalError, match=f"table series holds a value of format {FORMAT + 1}.* knows up to {FORMAT}"):
        table.recover(0, KEY, bytes([0xF0 + FORMAT + 1]) + b"value")
    assert table.get(0, KEY) == b"before"


def test_a_tombstone_deletes_the_key_whatever_the_format():
    table = Table("t")
    assert framed(table, None) is None
    table.recover(0, KEY, b"value")
    table.recover(0, KEY, None)
    assert (table.get(0, KEY), len(table), table.keys(0)) == (None, 0, ())


def test_what_is_wanted_is_seen_at_once_and_forgotten_where_it_cannot_be_stored():
    table = Table("t")
    table.store(0, [Write(KEY, b"1")])
    table.want(0, [Write(KEY, b"2"), Write(b"new", b"2")])
    assert (table.get(0, KEY), table.get(0, b"new"), table.keys(0)) == (b"2", b"2", (KEY,))
    table.abandon(0)
    assert (table.get(0, KEY), table.get(0, b"new")) == (b"1", None)


def test_what_is_stored_does_not_hide_what_later_steps_want():
    table = Table("t")
    first, second = b"first", b"second"
    table.want(0, [Write(KEY, first)])
    table.want(0, [Write(KEY, second)])
    table.store(0, [Write(KEY, first)])
    assert table.get(0, KEY) == second
    table.want(0, [Write(KEY, None)])
    table.store(0, [Write(KEY, second)])
    assert table.get(0, KEY) is None
    table.store(0, [Write(KEY, None)])
    assert len(table) == 0


def test_a_partition_that_has_left_is_forgotten_and_the_others_are_not():
    table = Table("t")
    for partition in (0, 1):
        table.store(partition, [Write(KEY, b"v")])
        table.want(partition, [Write(KEY, b"w")])
    table.drop(0)
    assert (table.get(0, KEY), table.get(1, KEY), table.partitions(), len(table)) == (None, b"w", (1,), 1)
