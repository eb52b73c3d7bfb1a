"""What a leader publishes: everything once, nothing twice, and an hour's gap in one tick."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.scheduling.leader import AT_ONCE_S, LOOKS_AGAIN_S, Planned, TickPace, ahead_s, plan

PACE = TickPace(publish_ahead_s=3, longest_interval_s=60)


@pytest.mark.parametrize(
    ("last", "now_s", "expected"),
    [
        pytest.param(None, 100.0, [(n, None) for n in range(100, 109)], id="empty-starts-now"),
        pytest.param(None, 100.4, [(n, None) for n in range(101, 109)], id="empty-begins-with-a-whole-second"),
        pytest.param(108, 103.9, [], id="far-enough-ahead"),
        pytest.param(108, 104.0, [(n, None) for n in range(109, 113)], id="several-seconds-at-once"),
        pytest.param(97, 100.4, [(n, None) for n in range(98, 109)], id="short-gap-is-caught-up"),
        pytest.param(
            40, 101.0, [(n, None) for n in range(41, 109)], id="gap-of-just-the-longest-interval-is-caught-up"
        ),
        pytest.param(39, 101.0, [(100, 40), *((n, None) for n in range(101, 109))], id="longer-gap-is-one-tick"),
        pytest.param(0, 3_700.0, [(3_699, 1), *((n, None) for n in range(3_700, 3_709))], id="an-hour"),
        pytest.param(500, 100.0, [], id="clock-set-back-waits"),
    ],
)
def test_plan(last: int | None, now_s: float, expected: list[tuple[int, int | None]]) -> None:
    assert plan({7: last}, now_s, PACE).get(7, []) == [Planned(slot, gap_from) for slot, gap_from in expected]


def test_partitions_continue_each_from_its_own_last_slot_to_the_same_one() -> None:
    assert plan({1: 106, 0: 107, 2: 108}, 103.0, PACE) == {0: [Planned(108)], 1: [Planned(107), Planned(108)]}


@given(st.integers(0, 1_000), st.floats(0, 2_000), st.integers(0, 20))
def test_a_healthy_leader_is_never_less_ahead_than_wanted(last: int, now_s: float, ahead: int) -> None:
    pace = TickPace(publish_ahead_s=ahead, longest_interval_s=60)
    planned = plan({0: last}, now_s, pace).get(0, [])
    covered_to = planned[-1].slot if planned else last
    assert covered_to >= math.floor(now_s) + ahead + LOOKS_AGAIN_S
    assert not planned or covered_to < math.floor(now_s) + ahead + LOOKS_AGAIN_S + AT_ONCE_S


@given(
    st.none() | st.integers(0, 1_000),
    st.lists(st.tuples(st.floats(-400, 400), st.floats(0, 1)), max_size=30),
    st.integers(0, 20),
    st.integers(1, 120),
)
def test_slots_follow_one_another_without_hole_or_repeat_however_the_clock_steps(
    last: int | None, steps: list[tuple[float, float]], ahead: int, longest: int
) -> None:
    """Some of what is planned fails to be published: the next plan begins there again."""
    pace = TickPace(publish_ahead_s=ahead, longest_interval_s=longest)
    now_s, covered_to = 1_000.0, last
    for step, confirmed_share in steps:
        now_s = max(0.0, now_s + step)
        planned = plan({0: covered_to}, now_s, pace).get(0, [])
        assert len(planned) <= longest + ahead + LOOKS_AGAIN_S + AT_ONCE_S + 1
        for tick in planned[: math.ceil(len(planned) * confirmed_share)]:
            first = tick.slot if tick.gap_from is None else tick.gap_from
            assert first <= tick.slot < now_s + ahead + LOOKS_AGAIN_S + AT_ONCE_S
            assert covered_to is None or first == covered_to + 1
            covered_to = tick.slot


def test_ahead_is_that_of_the_slowest_partition() -> None:
    assert ahead_s({0: 110, 1: 104, 2: None}, 100.0) == 4.0
    assert ahead_s({0: 90}, 100.0) == -10.0
    assert ahead_s({}, 100.0) == 0.0
