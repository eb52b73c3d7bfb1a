"""Both ways of writing many longs give what Avro's own writer gives."""

import io

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import longs
from schemas.binary import long

ARRAY = fastavro.parse_schema({"type": "array", "items": "long"})
INT64 = st.integers(-(2**63), 2**63 - 1)
EDGES = st.integers(0, 62).flatmap(lambda bits: st.sampled_from([2**bits, 2**bits - 1, -(2**bits), -(2**bits) - 1]))


def one_by_one(columns):
    return [longs.one_by_one(column) for column in columns]


WAYS = pytest.mark.parametrize("arrays_of_longs", [longs.arrays_of_longs, longs.all_at_once, one_by_one])


@WAYS
@given(columns=st.lists(st.lists(INT64 | EDGES)))
def test_columns_are_arrays_of_longs(arrays_of_longs, columns):
    written = []
    for column in columns:
        body = io.BytesIO()
        fastavro.schemaless_writer(body, ARRAY, column)
        written.append(body.getvalue())
    assert arrays_of_longs(columns) == written


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 2**70, 1.5, None, "1"])
def test_what_is_no_integer_of_64_bits_is_refused(value):
    for write in (lambda: longs.arrays_of_longs([[1], [value]]), lambda: long(value)):
        with pytest.raises((ValueError, TypeError)):
            write()
