"""Slot arithmetic. A slot is a scheduled second, in Unix seconds; every range here includes both its ends."""

from typing import NamedTuple


class Span(NamedTuple):
    """The seconds from `first` to `last`, both included."""

    first: int
    last: int

    @property
    def seconds(self) -> range:
        """Return the span's seconds, oldest first."""
        return range(self.first, self.last + 1)

    def __contains__(self, slot: object) -> bool:
        return isinstance(slot, int) and self.first <= slot <= self.last


class SlotRun(NamedTuple):
    """A run of `slots` slots of one job from `first` on, one interval apart, as a ranged `missed` status has it."""

    first: int
    slots: int


def slots_within(span: Span, phase_s: int, interval_s: int) -> SlotRun | None:
    """Return the slots of a job in the span (both ends included), or None where there are none; O(1)."""
    first = span.first + (phase_s - span.first) % interval_s
    if first > span.last:
        return None
    return SlotRun(first, (span.last - first) // interval_s + 1)


def is_too_old(slot: int, interval_s: int, now_s: float) -> bool:
    """Return whether the slot's successor is due: such a slot is recorded as missed, not polled late."""
    return now_s >= slot + interval_s
