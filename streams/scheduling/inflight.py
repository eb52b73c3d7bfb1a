"""Overload: which polls start, which wait for room, and which slots are missed instead.

Three rules. Slots of one (resource, job) are never stacked: while one runs, the next is missed; while one waits, the
next takes its place. A slot is not polled once its successor is due. And what went badly last time is a suspect: all
suspects together may fill only a share of the room, so that dead and slow devices take no slots from the others.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from schemas.records import Job
from streams.scheduling.slots import is_too_old


class PollId(NamedTuple):
    """One slot of one job of one resource: the identity of a poll and of its final status."""

    key: str  #: the resource's identity
    job: Job
    slot: int


class Decision(enum.StrEnum):
    """What becomes of an offered poll; also the label of its metric."""

    START = "start"  #: poll it now, then call `finish`
    WAIT = "wait"  #: no room: a later `finish` returns it to start, or `finish` or `sweep` as missed
    ADOPT = "adopt"  #: this very slot runs or waits already (its tick was delivered again)
    STACKED = "stacked"  #: missed: the poll of an earlier slot is still running
    TOO_OLD = "too_old"  #: missed: its successor is due


class Missed(NamedTuple):
    poll: PollId
    reason: str  #: for the status, for people


class Offer(NamedTuple):
    decision: Decision
    missed: Sequence[Missed] = ()  #: to record now: the offered slot, or the waiting one whose place it took


class Next(NamedTuple):
    start: Sequence[PollId] = ()  #: to poll now
    missed: Sequence[Missed] = ()  #: to record now


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    polls: int  #: polls running at once in this worker
    suspects: int  #: of these, at most so many of (resource, job) whose last poll went badly; at least 1


Series = tuple[str, Job]

#: how late polls were started is remembered for this and the last of them
_MEMORY_S: Final = 60


class InFlight:
    """The polls that a worker runs and those that wait. All times are Unix seconds."""

    __slots__ = (
        "_caps", "_latest", "_running", "_running_suspects", "_suspects", "_waiting", "_waiting_suspects",
    )  # fmt: skip

    def __init__(self, caps: Caps) -> None:
        self._caps = caps
        self._running: dict[Series, int] = {}
        self._running_suspects: set[Series] = set()
        self._suspects: set[Series] = set()
        #: what waits, in order of arrival; the dict has the slot, a later one takes its predecessor's place in line
        self._waiting: dict[Series, int] = {}
        self._waiting_suspects: dict[Series, int] = {}
        #: minute -> the greatest part of its interval that had passed when a poll came, or its turn
        self._latest: dict[int, float] = {}

    def admit_poll(self, poll: PollId, now_s: float) -> Offer:
        """Return what to do with a poll that is due."""
        series = (poll.key, poll.job)
        running = self._running.get(series)
        line = self._line(series)
        waiting = line.get(series)
        if poll.slot in (running, waiting):
            return Offer(Decision.ADOPT)
        self._note_lateness(poll, now_s)
        if is_too_old(poll.slot, poll.job.interval_s, now_s):
            return Offer(Decision.TOO_OLD, (_too_old(poll, now_s),))
        if running is not None:
            reason = f"the poll of slot {running} was still running"
            return Offer(Decision.STACKED, (Missed(poll, reason),))
        if waiting is not None:
            older, newer = sorted((waiting, poll.slot))
            line[series] = newer
            reason = f"slot {newer} came while it waited: {self._why_waiting()}"
            return Offer(Decision.WAIT, (Missed(PollId(*series, older), reason),))
        if self._has_room(series) and not line:
            self._run(series, poll.slot)
            return Offer(Decision.START)
        line[series] = poll.slot
        return Offer(Decision.WAIT)

    def finish(self, poll: PollId, now_s: float, *, badly: bool) -> Next:
        """Note the end of a running poll, and return what starts in its room, and what came too late for that.

        `badly` says that the device answered late or not at all; the next poll then counts as a suspect's. A poll
        that was not running (its partition was revoked in between) is no error.
        """
        series = (poll.key, poll.job)
        if self._running.get(series) == poll.slot:
            del self._running[series]
            self._running_suspects.discard(series)
            if badly:
                self._suspects.add(series)
            else:
                self._suspects.discard(series)
        start: list[PollId] = []
        missed: list[Missed] = []
        while (head := self._next_in_line()) is not None:
            self._leave(head, now_s, start, missed)
        return Next(start, missed)

    def sweep(self, now_s: float) -> Next:
        """Return the waiting polls that are missed by now. Call it every second or so."""
        start: list[PollId] = []
        missed: list[Missed] = []
        for line in (self._waiting, self._waiting_suspects):
            for series in [(key, job) for (key, job), slot in line.items() if is_too_old(slot, job.interval_s, now_s)]:
                self._leave(series, now_s, start, missed)
        return Next(start, missed)

    def drop(self, keys: Sequence[str]) -> None:
        """Forget the polls of resources whose partition was revoked: the next owner answers for them."""
        gone = set(keys)
        for held in (self._running, self._waiting, self._waiting_suspects):
            for series in [series for series in held if series[0] in gone]:
                del held[series]
        self._running_suspects = {series for series in self._running_suspects if series[0] not in gone}
        self._suspects = {series for series in self._suspects if series[0] not in gone}

    @property
    def running(self) -> int:
        """Return how many polls run."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """Return how many polls wait for room."""
        return len(self._waiting) + len(self._waiting_suspects)

    def pressure(self, now_s: float, slots_per_s: float) -> float:
        """Return how near the worker is to missing slots: at 1 add a worker, from 2 on slots are lost.

        `slots_per_s` is how many its schedules have. The greatest of these counts; all but the first are doubled, so
        that they reach 1 while half of the time is left:

        - what runs, and waits without being a suspect, as a share of the room;
        - the part of its interval that the longest-waiting slot has used up;
        - the same of the slot that came or started latest, in this minute or the last;
        - the part of its interval that a poll takes on average (by Little's law: polls in flight, as a share of the
          slots of an interval). A saturated worker makes every poll slow, and every device a suspect; a dead device
          takes all of its own interval, but is one of many.
        """
        used = (len(self._running) + len(self._waiting)) / max(1, self._caps.polls)
        waiting = (*self._waiting.items(), *self._waiting_suspects.items())
        oldest = max(((now_s - slot) / job.interval_s for (_, job), slot in waiting), default=0.0)
        minute = int(now_s // _MEMORY_S)
        latest = max(self._latest.get(minute, 0.0), self._latest.get(minute - 1, 0.0))
        in_flight = (self._running, self._waiting, self._waiting_suspects)
        wanted = sum(1 / job.interval_s for line in in_flight for _, job in line)
        return max(used, 2 * oldest, 2 * latest, 2 * wanted / slots_per_s if slots_per_s else 0.0)

    def _note_lateness(self, poll: PollId, now_s: float) -> None:
        minute = int(now_s // _MEMORY_S)
        part = (now_s - poll.slot) / poll.job.interval_s
        if part > self._latest.get(minute, 0.0):
            self._latest = {minute: part, minute - 1: self._latest.get(minute - 1, 0.0)}

    def _line(self, series: Series) -> dict[Series, int]:
        return self._waiting_suspects if series in self._suspects else self._waiting

    def _has_room(self, series: Series) -> bool:
        if len(self._running) >= self._caps.polls:
            return False
        return series not in self._suspects or len(self._running_suspects) < self._caps.suspects

    def _run(self, series: Series, slot: int) -> None:
        self._running[series] = slot
        if series in self._suspects:
            self._running_suspects.add(series)

    def _next_in_line(self) -> Series | None:
        """Return who starts next: the healthy first, but a suspect where none runs, so that they are never starved."""
        first, then = self._waiting, self._waiting_suspects
        if not self._running_suspects:
            first, then = then, first
        for line in (first, then):
            head = next(iter(line), None)
            if head is not None and self._has_room(head):
                return head
        return None

    def _leave(self, series: Series, now_s: float, start: list[PollId], missed: list[Missed]) -> None:
        poll = PollId(*series, self._line(series).pop(series))
        self._note_lateness(poll, now_s)
        if is_too_old(poll.slot, poll.job.interval_s, now_s):
            missed.append(Missed(poll, f"{_too_old(poll, now_s).reason}: {self._why_waiting()}"))
        else:
            self._run(series, poll.slot)
            start.append(poll)

    def _why_waiting(self) -> str:
        return f"{len(self._running)} polls were running (cap {self._caps.polls}, suspects {self._caps.suspects})"


def _too_old(poll: PollId, now_s: float) -> Missed:
    return Missed(poll, f"{now_s - poll.slot:.1f} s late at an interval of {poll.job.interval_s} s")
