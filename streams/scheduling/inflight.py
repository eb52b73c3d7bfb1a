"""Limits concurrent polls: decides which start, which wait, and which slots are missed.

Four rules. Slots of one (resource, job) are never stacked: while one runs, the next is missed; while one waits, the
next takes its place. A slot is not polled once its successor is due. Of one resource one poll runs at a time: its other
jobs wait until that is over, and then for room behind those that wait already. And what went badly last time is a
suspect: all suspects together may fill only a share of the room, so that dead and slow devices take no slots from the
others.
"""

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from schemas.records import Job
from streams.scheduling.slots import is_too_old


class PollId(NamedTuple):
    """The identity of a poll and of its final status: resource, job and slot."""

    key: str  #: the resource's identity
    job: Job
    slot: int


class Decision(enum.StrEnum):
    """The decision on an offered poll; also the metric's label."""

    START = "start"  #: poll it now, then call `finish`
    #: no room, or the resource is being polled: a later `finish` returns it to start, or `finish` or `sweep` as missed
    WAIT = "wait"
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


class _Place(NamedTuple):
    """A place in line for room."""

    slot: int
    since_s: float  #: the slot, or when its resource's other poll was over


Series = tuple[str, Job]
_Line = dict[Series, _Place]

#: how late polls were started is remembered for this and the last of them
_MEMORY_S: Final = 60
#: a suspect that was not due for so many intervals is none of this worker's any more: its resource left, or its job
_FORGET_INTERVALS: Final = 3


class InFlight:
    """The running and the waiting polls of a worker. All times are Unix seconds."""

    __slots__ = (
        "_busy", "_caps", "_forget_at_s", "_held", "_latest", "_running", "_running_suspects", "_suspects", "_waiting",
        "_waiting_suspects",
    )  # fmt: skip

    def __init__(self, caps: Caps) -> None:
        self._caps = caps
        self._running: dict[Series, int] = {}
        self._running_suspects: set[Series] = set()
        self._busy: set[str] = set()  #: resources that are being polled
        self._suspects: dict[Series, float] = {}  #: and when they were last due
        self._forget_at_s = 0.0
        #: what waits for room, in order of arrival; a later slot takes its predecessor's place in line
        self._waiting: _Line = {}
        self._waiting_suspects: _Line = {}
        #: what waits for another poll of its resource to be over, likewise
        self._held: dict[str, dict[Job, int]] = {}
        #: minute -> the greatest part of its interval that had passed when a poll came, or its turn
        self._latest: dict[int, float] = {}

    def admit_poll(self, poll: PollId, now_s: float) -> Offer:
        """Decide what to do with a due poll."""
        series = (poll.key, poll.job)
        running, waiting = self._running.get(series), self._waiting_slot(series)
        if poll.slot in (running, waiting):
            return Offer(Decision.ADOPT)
        if series in self._suspects:
            self._suspects[series] = now_s
        self._note_lateness(poll, poll.slot, now_s)
        if is_too_old(poll.slot, poll.job.interval_s, now_s):
            return Offer(Decision.TOO_OLD, (_too_old(poll, now_s),))
        if running is not None:
            reason = f"the poll of slot {running} was still running"
            return Offer(Decision.STACKED, (Missed(poll, reason),))
        if waiting is not None:
            older, newer = sorted((waiting, poll.slot))
            reason = f"slot {newer} came while it waited: {self._why_waiting(series)}"
            self._exchange(series, newer)
            return Offer(Decision.WAIT, (Missed(PollId(*series, older), reason),))
        line = self._line(series)
        if poll.key in self._busy:
            self._held.setdefault(poll.key, {})[poll.job] = poll.slot
        elif self._has_room(series) and not line:
            self._run(series, poll.slot)
            return Offer(Decision.START)
        else:
            line[series] = _Place(poll.slot, poll.slot)
        return Offer(Decision.WAIT)

    def finish(self, poll: PollId, now_s: float, *, badly: bool) -> Next:
        """Record the end of a poll, and return the polls that start now, and those that are too late.

        `badly` says that the device answered late or not at all; the next poll then counts as a suspect's. A poll
        that was not running (its partition was revoked in between) is no error.
        """
        series = (poll.key, poll.job)
        if self._running.get(series) == poll.slot:
            del self._running[series]
            self._running_suspects.discard(series)
            self._busy.discard(poll.key)
            if badly:
                self._suspects[series] = now_s
            else:
                self._suspects.pop(series, None)
            for job, slot in self._held.pop(poll.key, {}).items():
                self._line((poll.key, job))[poll.key, job] = _Place(slot, now_s)
        return self._start_next(now_s)

    def sweep(self, now_s: float) -> Next:
        """Return the waiting polls that are too late now. Call it every second or so."""
        missed: list[Missed] = []
        waiting = [PollId(*series, slot) for series, slot in self._all_waiting()]
        for poll in [poll for poll in waiting if is_too_old(poll.slot, poll.job.interval_s, now_s)]:
            missed.append(self._miss(poll, now_s))
            self.withdraw(poll)
        if now_s >= self._forget_at_s:
            self._forget_at_s = now_s + _MEMORY_S
            self._forget_suspects(now_s)
        return Next([], missed)

    def withdraw(self, poll: PollId) -> None:
        """Forget a waiting poll that nobody wants any more. One that does not wait is no error."""
        series = (poll.key, poll.job)
        if self._waiting_slot(series) != poll.slot:
            return
        held = self._held.get(poll.key, {})
        if held.pop(poll.job, None) is None:
            del self._line(series)[series]
        elif not held:
            del self._held[poll.key]

    def _forget_suspects(self, now_s: float) -> None:
        in_flight = {*self._running, *(series for series, _ in self._all_waiting())}
        self._suspects = {
            series: due_s
            for series, due_s in self._suspects.items()
            if now_s - due_s <= _FORGET_INTERVALS * series[1].interval_s or series in in_flight
        }

    @property
    def running(self) -> int:
        """Return the number of running polls."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """Return the number of polls that wait for room, or for another poll of their resource."""
        return sum(1 for _ in self._all_waiting())

    @property
    def suspects(self) -> int:
        """Return the number of suspect (resource, job)."""
        return len(self._suspects)

    def pressure(self, now_s: float, slots_per_s: float) -> float:
        """Return the load: at 1 add a worker, from 2 on slots are lost.

        `slots_per_s` is how many its schedules have. The greatest of these counts; all but the first are doubled, so
        that they reach 1 while half of the time is left:

        - what runs, and waits without being a suspect, as a share of the room;
        - the part of its interval that the longest-waiting slot has used up (waiting for room, not for its resource);
        - the same of the slot that came or started latest, in this minute or the last;
        - the part of its interval that a poll takes on average (by Little's law: polls in flight, as a share of the
          slots of an interval). A saturated worker makes every poll slow, and every device a suspect; a dead device
          takes all of its own interval, but is one of many.
        """
        used = (len(self._running) + len(self._waiting)) / max(1, self._caps.polls)
        waiting = (*self._waiting.items(), *self._waiting_suspects.items())
        oldest = max(((now_s - place.since_s) / job.interval_s for (_, job), place in waiting), default=0.0)
        minute = int(now_s // _MEMORY_S)
        latest = max(self._latest.get(minute, 0.0), self._latest.get(minute - 1, 0.0))
        in_flight = (self._running, self._waiting, self._waiting_suspects)
        wanted = sum(1 / job.interval_s for line in in_flight for _, job in line)
        return max(used, 2 * oldest, 2 * latest, 2 * wanted / slots_per_s if slots_per_s else 0.0)

    def _note_lateness(self, poll: PollId, since_s: float, now_s: float) -> None:
        minute = int(now_s // _MEMORY_S)
        part = (now_s - since_s) / poll.job.interval_s
        if part > self._latest.get(minute, 0.0):
            self._latest = {minute: part, minute - 1: self._latest.get(minute - 1, 0.0)}

    def _all_waiting(self) -> Iterator[tuple[Series, int]]:
        for line in (self._waiting, self._waiting_suspects):
            for series, place in line.items():
                yield series, place.slot
        for key, jobs in self._held.items():
            for job, slot in jobs.items():
                yield (key, job), slot

    def _waiting_slot(self, series: Series) -> int | None:
        key, job = series
        place = self._line(series).get(series)
        return self._held.get(key, {}).get(job) if place is None else place.slot

    def _exchange(self, series: Series, slot: int) -> None:
        """Give a waiting poll's place to another slot."""
        key, job = series
        line = self._line(series)
        if series in line:
            line[series] = _Place(slot, slot)
        else:
            self._held[key][job] = slot

    def _line(self, series: Series) -> _Line:
        return self._waiting_suspects if series in self._suspects else self._waiting

    def _has_room(self, series: Series) -> bool:
        if len(self._running) >= self._caps.polls:
            return False
        return series not in self._suspects or len(self._running_suspects) < self._caps.suspects

    def _run(self, series: Series, slot: int) -> None:
        self._running[series] = slot
        self._busy.add(series[0])
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

    def _start_next(self, now_s: float) -> Next:
        start: list[PollId] = []
        missed: list[Missed] = []
        while (series := self._next_in_line()) is not None:
            key, job = series
            slot, since_s = self._line(series)[series]
            poll = PollId(key, job, slot)
            if is_too_old(slot, job.interval_s, now_s):
                missed.append(self._miss(poll, now_s))
            elif key in self._busy:
                self._held.setdefault(key, {})[job] = slot
            else:
                self._note_lateness(poll, since_s, now_s)
                self._run(series, slot)
                start.append(poll)
            del self._line(series)[series]
        return Next(start, missed)

    def _miss(self, poll: PollId, now_s: float) -> Missed:
        """Return a waiting poll as missed."""
        series = (poll.key, poll.job)
        if (place := self._line(series).get(series)) is not None:
            self._note_lateness(poll, place.since_s, now_s)
        return Missed(poll, f"{_too_old(poll, now_s).reason}: {self._why_waiting(series)}")

    def _why_waiting(self, series: Series) -> str:
        if series[1] in self._held.get(series[0], {}):
            return "another poll of the resource was running"
        return f"{len(self._running)} polls were running (cap {self._caps.polls}, suspects {self._caps.suspects})"


def _too_old(poll: PollId, now_s: float) -> Missed:
    return Missed(poll, f"{now_s - poll.slot:.1f} s late at an interval of {poll.job.interval_s} s")
