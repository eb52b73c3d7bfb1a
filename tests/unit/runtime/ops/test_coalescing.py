"""Longer timers end together, in the end at half past the second; short ones and whole seconds are exact."""

import asyncio
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.runtime.ops.coalescing import (
    EARLY_SHARE,
    LATE_S,
    LEAST_S,
    STEP_S,
    CoalescingLoop,
    CoalescingPolicy,
    coalesced,
)

NOW_S = 1_800_000_000.0


@pytest.fixture
def loop() -> Iterator[CoalescingLoop]:
    made = CoalescingLoop()
    yield made
    made.close()


DELAYS_S = st.floats(LEAST_S, 60)


@given(st.floats(NOW_S, NOW_S + 100), DELAYS_S)
def test_a_timer_ends_at_about_its_time(at_s: float, delay_s: float) -> None:
    ends_s = coalesced(at_s, delay_s)
    assert at_s - delay_s * EARLY_SHARE - 1e-6 <= ends_s <= at_s + LATE_S + 1e-6


@given(st.floats(0.05, 0.24), st.floats(0.05, 0.24))
def test_timers_of_the_same_quarter_second_end_together(one: float, other: float) -> None:
    assert coalesced(NOW_S + one, LEAST_S) == coalesced(NOW_S + other, LEAST_S) == NOW_S + STEP_S


@given(st.floats(0, 1), st.lists(st.floats(0, 0.04), min_size=20, max_size=20), st.sampled_from([1.0, 2.0, 5.0]))
def test_what_comes_regularly_comes_to_half_past_the_second_and_stays_there(
    first: float, works_s: list[float], delay_s: float
) -> None:
    at_s, came_s = NOW_S + first, []
    for work_s in works_s:
        at_s = coalesced(at_s + delay_s, delay_s)
        came_s.append(at_s)
        at_s += 0.002 + work_s
    late = came_s[6:]
    assert [at_s % 1.0 for at_s in late] == [0.5] * len(late)
    assert late[-1] - late[0] == delay_s * (len(late) - 1)


@pytest.mark.parametrize("error_s", [-0.0005, 0.0, 0.0005])
@pytest.mark.parametrize("delay_s", [LEAST_S, 1.0])
def test_a_timer_for_a_whole_second_is_exact(error_s: float, delay_s: float) -> None:
    assert coalesced(NOW_S + error_s, delay_s) == NOW_S + error_s


def test_the_loop_moves_long_timers_to_the_clocks_step(loop: CoalescingLoop) -> None:
    ahead_s = time.time() - loop.time()
    ends = [loop.call_later(delay_s, print).when() + ahead_s for delay_s in (0.5, 1.1, 2.9)]
    assert [end / STEP_S for end in ends] == pytest.approx([round(end / STEP_S) for end in ends], abs=0.008)


def test_the_loop_leaves_short_timers_alone(loop: CoalescingLoop) -> None:
    at_s = loop.time() + LEAST_S / 2
    assert loop.call_at(at_s, print).when() == at_s


def test_every_new_loop_of_the_policy_is_such_a_one() -> None:
    made = CoalescingPolicy().new_event_loop()
    made.close()
    assert isinstance(made, CoalescingLoop)
    assert isinstance(made, asyncio.SelectorEventLoop)
