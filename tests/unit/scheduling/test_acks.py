"""Acks: never past unfinished work, never one lost, whatever is delivered again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.scheduling.acks import Acks, Begin


def test_nothing_is_acked_past_a_gap_at_the_head() -> None:
    acks = Acks()
    for offset in range(10, 21):
        assert acks.begin(offset) is Begin.START
    for offset in range(11, 21):
        assert acks.done(offset) == []
    assert acks.head == 10
    assert acks.done(10) == list(range(10, 21))
    assert acks.in_work == 0
    assert acks.head is None


def test_the_first_message_of_a_fresh_group_is_waited_for() -> None:
    acks = Acks()
    acks.begin(0)
    acks.begin(1)
    assert acks.done(1) == []
    assert acks.done(0) == [0, 1]


def test_a_redelivery_while_in_work_is_adopted() -> None:
    acks = Acks()
    acks.begin(5)
    assert acks.begin(5) is Begin.ADOPT
    assert acks.done(5) == [5]


def test_a_redelivery_of_done_work_behind_an_unfinished_head_is_adopted() -> None:
    acks = Acks()
    acks.begin(5)
    acks.begin(6)
    acks.done(6)
    assert acks.begin(6) is Begin.ADOPT
    assert acks.done(5) == [5, 6]


def test_a_redelivery_after_the_ack_is_acked_again_without_work() -> None:
    acks = Acks()
    acks.begin(5)
    acks.done(5)
    assert acks.begin(5) is Begin.ACKED


def test_an_older_message_delivered_late_is_waited_for() -> None:
    acks = Acks()
    acks.begin(8)
    assert acks.begin(6) is Begin.START
    assert acks.done(8) == []
    assert acks.done(6) == [6, 8]


@pytest.mark.parametrize("offset", [3, 5])
def test_work_that_outlived_its_tracker_acks_nothing(offset: int) -> None:
    acks = Acks()
    acks.begin(4)
    assert acks.done(offset) == []


@given(
    st.lists(st.integers(0, 10**6), min_size=1, max_size=30, unique=True).map(sorted),
    st.randoms(use_true_random=False),
)
def test_every_offset_is_acked_once_in_order_and_only_behind_finished_work(
    offsets: list[int], random: "st.random.Random"
) -> None:
    acks, acked, finished = Acks(), list[int](), set[int]()
    to_begin, begun = list(offsets), list[int]()
    while to_begin or begun:
        if to_begin and (not begun or random.random() < 0.5):
            begun.append(to_begin.pop(0))
            assert acks.begin(begun[-1]) is Begin.START
        else:
            offset = begun.pop(random.randrange(len(begun)))
            finished.add(offset)
            acked += acks.done(offset)
        if acked:
            again = random.choice(acked)
            assert acks.begin(again) is Begin.ACKED
        assert set(acked) == {o for o in finished if all(older in finished for older in offsets if older < o)}
    assert acked == offsets


def test_a_message_that_was_fetched_and_got_lost_on_its_way_is_not_acked_past() -> None:
    acks = Acks()
    for offset in (5, 6, 7):
        acks.fetched(offset)
    assert acks.begin(5) is Begin.START
    assert acks.begin(7) is Begin.START
    assert acks.done(7) == []
    assert acks.done(5) == [5]
    assert (acks.committable, acks.in_work) == (6, 2)
    assert acks.done(6) == []
    assert acks.begin(6) is Begin.START
    assert acks.done(6) == [6, 7]


def test_a_message_that_is_fetched_again_changes_nothing() -> None:
    acks = Acks()
    acks.fetched(5)
    assert acks.begin(5) is Begin.START
    acks.fetched(5)
    assert acks.begin(5) is Begin.ADOPT
    assert acks.done(5) == [5]
    acks.fetched(5)
    assert (acks.begin(5), acks.in_work) == (Begin.ACKED, 0)


def test_what_got_lost_on_its_way_and_was_committed_by_another_owner_holds_nothing_up() -> None:
    acks = Acks()
    for offset in (5, 6, 7):
        acks.fetched(offset)
    acks.begin(5)
    acks.committed(7)
    assert (acks.done(5), acks.committable) == ([], 7)
    assert acks.begin(7) is Begin.START
    assert acks.done(7) == [7]
