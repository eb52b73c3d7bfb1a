"""Fencing: decides which ticks of a partition are valid, whoever published them.

Two leaders may overlap (a paused process does not know that it was deposed), so the log decides, not the leaders: in
each partition a tick counts unless a higher epoch precedes it, or its slot was already covered.
"""

import enum
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from schemas.records import Tick
from streams.scheduling.leader import AT_ONCE_S, LOOKS_AGAIN_S
from streams.scheduling.slots import Span


class Verdict(enum.StrEnum):
    """The decision on a tick; also the metric's label."""

    ACCEPTED = "accepted"
    LOWER_EPOCH = "lower_epoch"  #: a leader that was deposed before this tick reached its partition
    SLOT_SEEN = "slot_seen"  #: another leader's tick covered the slot


class Admission(NamedTuple):
    verdict: Verdict
    #: the seconds that this tick newly stands for, None unless accepted. One second, mostly; more for a gap tick, and
    #: where ticks before it were lost (they are then accounted for with this one)
    span: Span | None = None
    gap: bool = False  #: a gap tick: what has passed of its span is missed, not polled late


class Fence:
    """The highest epoch and slot of one partition of a ticks topic.

    A new owner feeds it the records before its committed offset (`lookback` of them), and then asks it about each tick
    that it is delivered. A new leader feeds it the end of the partition: `last_slot` is then where to continue.
    """

    __slots__ = ("epoch", "last_slot")

    def __init__(self, epoch: int = -1, last_slot: int | None = None) -> None:
        self.epoch = epoch  #: the highest seen, -1 before the first
        self.last_slot = last_slot  #: the highest covered by an accepted tick, None before the first

    def admit(self, tick: Tick) -> Admission:
        """Return whether the tick is valid, and for which seconds; call it once per tick, in the partition's order."""
        if tick.epoch < self.epoch:
            return Admission(Verdict.LOWER_EPOCH)
        # A seen slot raises the epoch all the same: its leader is the newer one from here on.
        self.epoch = tick.epoch
        if self.last_slot is not None and tick.slot <= self.last_slot:
            return Admission(Verdict.SLOT_SEEN)
        if self.last_slot is not None:
            first = self.last_slot + 1
        else:
            first = tick.slot if tick.gap_from is None else tick.gap_from
        self.last_slot = tick.slot
        return Admission(Verdict.ACCEPTED, Span(first, tick.slot), gap=tick.gap_from is not None)

    def replay(self, ticks: Iterable[Tick]) -> "Fence":
        """Admit each of the ticks, forget the verdicts, and return this fence."""
        for tick in ticks:
            self.admit(tick)
        return self


def lookback(longest_interval_s: int, publish_ahead_s: int) -> int:
    """Return how many records before an offset a fence must read to be right.

    It must reach past one deposed leader's longest burst (`leader.plan`: everything up to the longest interval, the
    seconds ahead) to a record of the leader that deposed it. Twice that, for two in a row.
    """
    return 2 * (longest_interval_s + publish_ahead_s + LOOKS_AGAIN_S + AT_ONCE_S + 2)


def next_epoch(election_sequence: int, fences: Mapping[int, Fence]) -> int:
    """Return the epoch of a new leader, given the ends of all partitions.

    max(election sequence, last epoch on the topic + 1): a wiped ZooKeeper starts its sequence again, and would fence
    every new leader off for ever. Two leaders may then get the same epoch; each slot still counts once.
    """
    return max(election_sequence, 1 + max((fence.epoch for fence in fences.values()), default=-1))
