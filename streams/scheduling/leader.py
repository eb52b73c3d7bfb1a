"""What a leader has to publish now. It is asked every second or less, and remembers only what reached the topic."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    publish_ahead_s: int  #: how far ahead of its second a tick is published
    longest_interval_s: int  #: of any job; a longer gap becomes one gap tick


class Planned(NamedTuple):
    """One tick to publish; the wiring adds stage, epoch, leader and time."""

    partition: int
    slot: int
    gap_from: int | None = None  #: set in a gap tick: from here to `slot` nothing was published


def plan(last_slots: Mapping[int, int | None], now_s: float, pace: Pace) -> list[Planned]:
    """Return the ticks to publish now, each partition's in order of slots, the partitions abreast.

    `last_slots` is, for every partition, the last slot that counts on the topic (`Fence.last_slot`), later the last
    one whose publication was confirmed: a tick that failed is planned again. None is an empty partition: it starts
    now. A clock that was set back plans nothing until it has caught up. One that jumped ahead, or a new leader after
    an outage, catches up tick by tick; if that takes more than the longest interval, by one gap tick up to the
    second before this one.
    """
    per_partition = {partition: list(_slots(last, now_s, pace)) for partition, last in last_slots.items()}
    planned = [
        Planned(partition, slot, gap_from) for partition, slots in per_partition.items() for slot, gap_from in slots
    ]
    planned.sort(key=lambda tick: (tick.slot, tick.partition))
    return planned


def _slots(last: int | None, now_s: float, pace: Pace) -> Iterator[tuple[int, int | None]]:
    now = math.ceil(now_s)
    first = now if last is None else last + 1
    if now - first > pace.longest_interval_s:
        yield now - 1, first
        first = now
    for slot in range(first, math.floor(now_s) + pace.publish_ahead_s + 1):
        yield slot, None


def ahead_s(last_slots: Mapping[int, int | None], now_s: float) -> float:
    """Return how long the slowest partition's published ticks still last; negative when the schedule is late.

    It stands near `publish_ahead_s` in a healthy leader, and above it after the clock was set back.
    """
    return min((last for last in last_slots.values() if last is not None), default=now_s) - now_s
