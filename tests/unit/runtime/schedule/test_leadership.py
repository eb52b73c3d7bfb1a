"""Who stands in front of whom in the queue for leadership."""

import pytest
from kazoo.exceptions import NoNodeError

from streams.runtime.schedule.leadership import node_in_front

A, B, C = "ff__lock__0000000007", "00__lock__0000000008", "aa__lock__0000000011"


@pytest.mark.parametrize(
    ("own", "expected"),
    [pytest.param(A, None, id="first"), pytest.param(B, A, id="second"), pytest.param(C, B, id="waits-for-the-next")],
)
def test_the_lowest_sequence_leads_whatever_the_names_begin_with(own: str, expected: str | None) -> None:
    assert node_in_front([B, "somebody's note", C, A], own) == expected


def test_a_node_that_somebody_removed_never_comes_first() -> None:
    with pytest.raises(NoNodeError):
        node_in_front([A, B], C)
