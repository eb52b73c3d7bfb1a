"""Longer timers end together, on the quarters of the clock's second; short ones and whole seconds are exact."""

import asyncio
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.runtime.coalescing import LEAST_S, STEP_S, CoalescingLoop, CoalescingPolicy, coalesced, to_next_second_s

NOW_S = 1_800_000_000.0


@pytest.fixture
def loop() -> Iterator[CoalescingLoop]:
    made = CoalescingLoop()
    yield made
    made.close()


@given(st.floats(NOW_S, NOW_S + 100))
def test_a_timer_is_never_early_and_less_than_a_step_late(at_s: float) -> None:
    assert at_s <= coalesced(at_s) < at_s + STEP_S


@given(st.floats(0.01, 0.24), st.floats(0.01, 0.24))
def test_timers_of_the_same_quarter_second_end_together(one: float, other: float) -> None:
    assert coalesced(NOW_S + one) == coalesced(NOW_S + other) == NOW_S + STEP_S


@pytest.mark.parametrize("error_s", [-0.0005, 0.0, 0.0005])
def test_a_timer_for_a_whole_second_does_not_wait_for_the_next_step(error_s: float) -> None:
    assert coalesced(NOW_S + error_s) == pytest.approx(NOW_S, abs=0.0006)


@given(st.floats(NOW_S, NOW_S + 100))
def test_who_looks_each_second_does_so_when_it_begins_and_once(now_s: float) -> None:
    to_next_s = to_next_second_s(now_s)
    assert now_s + to_next_s == pytest.approx(round(now_s + to_next_s), abs=1e-6)
    assert 0.1 <= to_next_s + 1e-6 <= 1.1 + 2e-6


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
