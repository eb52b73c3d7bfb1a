"""Works out which ticks a leader has to publish now. It is asked every second or two, and remembers only what reached
the topic.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

#: ticks are published so many seconds' at once: it is requests and wake-ups, not ticks, that cost leader and owners
AT_ONCE_S: Final = 4
#: the longest until the leader looks again; what it publishes lasts so much longer
LOOKS_AGAIN_S: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class TickPace:
    publish_ahead_s: int  #: how far ahead of its second a tick is published, at least
    longest_interval_s: int  #: of any job; a longer gap becomes one gap tick


class Planned(NamedTuple):
    """A tick of a partition to publish; the wiring adds stage, epoch, leader and time."""

    slot: int
    gap_from: int | None = None  #: set in a gap tick: from here to `slot` nothing was published


def plan(last_slots: Mapping[int, int | None], now_s: float, pace: TickPace) -> dict[int, list[Planned]]:
    """Return the ticks to publish now by partition, in order of slots; partitions without any are left out.

    `last_slots` is, for every partition, the last slot that counts on the topic (`Fence.last_slot`), later the last
    one whose publication was confirmed: a tick that failed is planned again. None is an empty partition: it starts
    now. A clock that was set back plans nothing until it has caught up. One that jumped ahead, or a new leader after
    an outage, catches up tick by tick; if that takes more than the longest interval, by one gap tick up to the
    second before this one. The last one stands at the same second for all: they are due abreast again next time.
    """
    planned = {partition: list(_slots(last, now_s, pace)) for partition, last in last_slots.items()}
    return {partition: ticks for partition, ticks in planned.items() if ticks}


def _slots(last: int | None, now_s: float, pace: TickPace) -> Iterator[Planned]:
    now = math.ceil(now_s)
    first = now if last is None else last + 1
    if now - first > pace.longest_interval_s:
        yield Planned(now - 1, first)
        first = now
    wanted = math.floor(now_s) + pace.publish_ahead_s + LOOKS_AGAIN_S
    if last is not None and last >= wanted:
        return
    for slot in range(first, wanted + -wanted % AT_ONCE_S + 1):
        yield Planned(slot)


def ahead_s(last_slots: Mapping[int, int | None], now_s: float) -> float:
    """Return how far ahead the slowest partition's ticks are published; negative when the schedule is late.

    It stands above `publish_ahead_s` in a healthy leader, and far above it after the clock was set back.
    """
    return min((last for last in last_slots.values() if last is not None), default=now_s) - now_s
