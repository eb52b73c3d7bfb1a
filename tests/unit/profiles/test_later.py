"""A sequence that is made later reads like the one that is made, and is made once, if at all."""

from hypothesis import given
from hypothesis import strategies as st

from pollers.profiles.reading.later import Later


@given(st.lists(st.text()))
def test_it_reads_like_what_is_made(items):
    made: list[list[str]] = []

    def make() -> list[str]:
        made.append(items)
        return items

    later = Later(make)
    assert not made
    assert list(later) == items
    assert later == items
    assert later[:] == items
    assert [later[at] for at in range(len(later))] == items
    assert bool(later) is bool(items)
    assert later != [*items, ""]
    assert made == [items]
