"""A packed column reads like the column, whatever stands in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pollers.profiles.absent import NOT_ANSWERED
from pollers.profiles.texts import Texts, compact

CELLS = st.one_of(st.text(), st.floats(allow_nan=False), st.just(NOT_ANSWERED))


@given(st.lists(CELLS))
def test_a_packed_column_reads_like_the_column(cells):
    packed = compact(cells)
    assert list(packed) == cells
    assert len(packed) == len(cells)
    assert [packed[row] for row in range(len(cells))] == cells
    assert packed == compact(cells)
    assert hash(packed) == hash(compact(list(cells)))


@pytest.mark.parametrize(
    ("cells", "packed"),
    [
        pytest.param(["a", "b"], True, id="texts"),
        pytest.param([""], True, id="one-empty-text"),
        pytest.param([], False, id="no-rows"),
        pytest.param(["a\0b"], False, id="a-text-with-the-separator"),
        pytest.param(["a", 1.0], False, id="a-number-among-texts"),
        pytest.param(["a", NOT_ANSWERED], False, id="a-text-is-missing"),
    ],
)
def test_only_texts_are_packed(cells, packed):
    assert isinstance(compact(cells), Texts) is packed
