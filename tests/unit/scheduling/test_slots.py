"""Slot arithmetic, against counting on one's fingers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.scheduling.slots import SlotRun, Span, is_too_old, slots_within


@pytest.mark.parametrize(
    ("span", "phase_s", "interval_s", "expected"),
    [
        pytest.param(Span(0, 59), 7, 60, SlotRun(7, 1), id="one"),
        pytest.param(Span(7, 67), 7, 60, SlotRun(7, 2), id="both-ends-count"),
        pytest.param(Span(8, 66), 7, 60, None, id="none"),
        pytest.param(Span(100, 99), 0, 1, None, id="empty-span"),
        pytest.param(Span(1_700_000_000, 1_700_003_599), 0, 1, SlotRun(1_700_000_000, 3_600), id="an-hour-of-seconds"),
    ],
)
def test_slots_within(span: Span, phase_s: int, interval_s: int, expected: SlotRun | None) -> None:
    assert slots_within(span, phase_s, interval_s) == expected


@given(st.integers(0, 5_000), st.integers(0, 500), st.integers(1, 120), st.data())
def test_slots_within_is_what_counting_finds(first: int, length: int, interval_s: int, data: st.DataObject) -> None:
    phase_s = data.draw(st.integers(0, interval_s - 1))
    span = Span(first, first + length)
    counted = [slot for slot in span.seconds if (slot - phase_s) % interval_s == 0]
    assert slots_within(span, phase_s, interval_s) == (SlotRun(counted[0], len(counted)) if counted else None)


def test_a_slot_is_too_old_from_the_moment_its_successor_is_due() -> None:
    assert not is_too_old(100, 60, 159.99)
    assert is_too_old(100, 60, 160.0)
