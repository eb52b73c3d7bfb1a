"""A compact column reads like the column, whatever stands in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pollers.profiles.language.absent import NOT_ANSWERED
from pollers.profiles.memory.compact import Levels, Texts, compact

CELLS = st.one_of(st.text(), st.floats(allow_nan=False), st.just(NOT_ANSWERED))


@given(st.lists(CELLS) | st.lists(st.sampled_from([1e9, 1e10, 0.0])))
def test_a_compact_column_reads_like_the_column(cells):
    packed = compact(cells)
    assert list(packed) == cells
    assert len(packed) == len(cells)
    assert [packed[row] for row in range(len(cells))] == cells
    assert packed == compact(cells)
    assert hash(packed) == hash(compact(list(cells)))


@pytest.mark.parametrize(
    ("cells", "form"),
    [
        pytest.param(["a", "b"], Texts, id="texts"),
        pytest.param([""], Texts, id="one-empty-text"),
        pytest.param(["a\0b"], tuple, id="a-text-with-the-separator"),
        pytest.param(["a", 1.0], tuple, id="a-number-among-texts"),
        pytest.param(["a", NOT_ANSWERED], tuple, id="a-text-is-missing"),
        pytest.param([1e9, 1e10, 1e9, 1e9], Levels, id="numbers-that-repeat"),
        pytest.param([1.0, 2.0, 3.0], tuple, id="numbers-that-do-not"),
        pytest.param([float(row) for row in range(300)] * 2, tuple, id="more-levels-than-an-octet-tells-apart"),
        pytest.param([1, 1.0, 1, 1], tuple, id="equal-and-yet-another"),
        pytest.param([NOT_ANSWERED] * 4, Levels, id="nothing"),
    ],
)
def test_a_column_takes_the_form_that_fits(cells, form):
    assert type(compact(cells)) is form


def test_equal_numbers_of_another_type_stay_apart():
    assert list(map(type, compact([1, 1.0, 1, 1]))) == [int, float, int, int]
