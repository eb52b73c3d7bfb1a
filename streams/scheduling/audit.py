"""Audits slots: compares those that enriched resources ask for with poll-status, and lists missing ones.

A fold over two topics; nothing here reads them. Expected are the slots of each (resource, job) from one interval after
it appears until it goes. Final for a slot: any polled outcome outranks `missed`, then the earliest record counts; a
ranged `missed` covers its slots. A status of a second in which the job that it names has no slot is off phase, whether
or not the job is wanted: a phase never changes.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.errors import RecordError
from schemas.records import EnrichedResource, Job, Outcome, PollStatus
from streams.scheduling.phase import phase
from streams.scheduling.slots import SlotRun, Span, slots_within


class Window(NamedTuple):
    """The slots to judge, and the time at which the topics were read."""

    since: int  #: first slot, Unix seconds
    until: int  #: last slot
    read_at_s: float  #: Unix seconds
    settle_s: float = 30.0  #: a slot is judged when its interval and so much more had passed at `read_at_s`

    def last_judged(self, interval_s: int) -> int:
        """Return the last slot of a job that must be accounted for by now."""
        return min(self.until, int(self.read_at_s - self.settle_s) - interval_s)


class PolledSlot(NamedTuple):
    """The result of a slot's poll, and which worker did it."""

    outcome: Outcome
    started_at_ms: int
    worker: str


class Unaccounted(NamedTuple):
    """Consecutive slots without a status."""

    key: str
    job: str
    slots: SlotRun


class PolledTwice(NamedTuple):
    key: str
    job: str
    slot: int
    polls: tuple[PolledSlot, ...]  #: in the topic's order; the first is final


class OffPhase(NamedTuple):
    """A status for seconds in which its job has no slot."""

    key: str
    job: str
    slots: SlotRun
    outcome: Outcome
    worker: str


@dataclass(slots=True, kw_only=True)
class AuditReport:
    """The result of an audit; reports of partitions are merged with `add`."""

    resources: int = 0
    expected: int = 0
    final: Counter[Outcome] = field(default_factory=Counter)  #: of expected slots
    missing: list[Unaccounted] = field(default_factory=list)
    polled_twice: list[PolledTwice] = field(default_factory=list)  #: expected or not
    off_phase: list[OffPhase] = field(default_factory=list)
    unreadable: int = 0  #: records of either topic that could not be decoded, or that contradict themselves
    repeated: int = 0  #: records that say again what another said: harmless
    unexpected: int = 0  #: polled slots before their job's first expected or after its last judged one: harmless
    at_edges: int = 0  #: without a status in a job's last interval before it went: owners may have heard of it first
    missed_reasons: Counter[str] = field(default_factory=Counter)  #: of expected slots whose final outcome is missed
    longest_unpolled_s: int = 0  #: the longest run of expected slots of one job without a poll, times its interval
    lateness_ms: Counter[int] = field(default_factory=Counter)  #: start minus slot, of the final polls -> how many

    @property
    def missing_slots(self) -> int:
        """Return the number of expected slots without a status."""
        return sum(each.slots.slots for each in self.missing)

    def lateness_quantile_ms(self, share: float) -> int | None:
        """Return a quantile of the polls' lateness, None where there was no poll."""
        rank = share * self.lateness_ms.total()
        seen = 0
        for late_ms, polls in sorted(self.lateness_ms.items()):
            seen += polls
            if seen >= rank:
                return late_ms
        return None

    def add(self, other: "AuditReport") -> None:
        """Merge another report into this one."""
        self.resources += other.resources
        self.expected += other.expected
        self.final += other.final
        self.missing += other.missing
        self.polled_twice += other.polled_twice
        self.off_phase += other.off_phase
        self.unreadable += other.unreadable
        self.repeated += other.repeated
        self.unexpected += other.unexpected
        self.at_edges += other.at_edges
        self.missed_reasons += other.missed_reasons
        self.longest_unpolled_s = max(self.longest_unpolled_s, other.longest_unpolled_s)
        self.lateness_ms += other.lateness_ms


class _Life(NamedTuple):
    """A time in which a job was wanted."""

    since_ms: int
    until_ms: int | None = None


@dataclass(slots=True)
class _Accounts:
    """The statuses of the slots of one (resource, job)."""

    polls: dict[int, list[PolledSlot]] = field(default_factory=dict)
    missed: dict[int, str] = field(default_factory=dict)  #: slot -> the reason
    ranges: list[tuple[range, str]] = field(default_factory=list)  #: slots that one record covers, and the reason

    def missed_reason(self, slot: int) -> str | None:
        """Return why the slot was missed, None where nothing says that it was."""
        if slot in self.missed:
            return self.missed[slot]
        return next((reason for slots, reason in self.ranges if slot in slots), None)

    def miss(self, slots: range, reason: str) -> bool:
        """Take a record, and return whether it was new."""
        if len(slots) > 1:
            new = (slots, reason) not in self.ranges
            if new:
                self.ranges.append((slots, reason))
            return new
        new = slots[0] not in self.missed
        self.missed.setdefault(slots[0], reason)
        return new

    def poll(self, slot: int, poll: PolledSlot) -> bool:
        """Take a record, and return whether it was new."""
        polls = self.polls.setdefault(slot, [])
        new = poll not in polls
        if new:
            polls.append(poll)
        return new

    def speaks_of(self, slot: int) -> bool:
        return slot in self.polls or self.missed_reason(slot) is not None


class Audit:
    """Takes the records of one partition, or of all, in their order; then gives the report."""

    def __init__(self, window: Window, wanted: Callable[[EnrichedResource], bool] | None = None) -> None:
        self.window = window
        self._fits = wanted  #: which resources it is about, by what is last known of each; None: all
        self._chosen: dict[str, bool] = {}
        self._wanted: dict[str, dict[Job, list[_Life]]] = {}
        self._present: dict[str, tuple[Job, ...]] = {}
        self._accounts: dict[tuple[str, str], _Accounts] = {}
        self._off_phase: dict[OffPhase, None] = {}  #: in the topic's order
        self._repeated = 0

    def resource(self, key: str, record: EnrichedResource | None, at_ms: int) -> None:
        """Take a record of enriched-resources; `at_ms` is its time on the topic, None a tombstone.

        A job that the record before wanted too goes on; a new one counts from `jobs_since_ms`. Compaction may have
        removed older records: nothing is expected of the time before the first one's `jobs_since_ms`.

        Raises RecordError where a job has no interval: as owners do, it leaves such a record aside.
        """
        if record is not None and any(job.interval_s < 1 for job in record.jobs):
            raise RecordError(f"a job of {key} has an interval below 1 s")
        if record is not None and self._fits is not None:
            self._chosen[key] = self._fits(record)
        before = self._present.get(key, ())
        after = () if record is None else tuple(dict.fromkeys(record.jobs))
        lives = self._wanted.setdefault(key, {})
        for job in before:
            if job not in after:
                lives[job][-1] = lives[job][-1]._replace(until_ms=at_ms)
        if record is not None:
            for job in after:
                if job not in before:
                    lives.setdefault(job, []).append(_Life(record.jobs_since_ms))
        self._present[key] = after

    def status(self, record: PollStatus) -> None:
        """Take a record of poll-status; slots outside the window are ignored.

        Raises RecordError for a status of slots that no job can have.
        """
        slots = _slots(record)
        if slots[-1] < self.window.since or slots[0] > self.window.until:
            return
        if (record.slot - phase(record.resource, record.job, record.interval_s)) % record.interval_s:
            run = SlotRun(record.slot, record.slots)
            off_phase = OffPhase(record.resource, record.job, run, record.outcome, record.worker)
            self._repeated += off_phase in self._off_phase
            self._off_phase[off_phase] = None
            return
        accounts = self._accounts.setdefault((record.resource, record.job), _Accounts())
        if record.outcome is Outcome.MISSED:
            new = accounts.miss(slots, record.reason)
        else:
            new = accounts.poll(record.slot, PolledSlot(record.outcome, record.started_at_ms, record.worker))
        self._repeated += not new

    def report(self) -> AuditReport:
        """Return what the records prove."""
        wanted = {key: lives for key, lives in self._wanted.items() if self._is_chosen(key)}
        off_phase = [each for each in self._off_phase if self._is_chosen(each.key)]
        report = AuditReport(resources=len(wanted), repeated=self._repeated, off_phase=off_phase)
        judged: set[tuple[str, str]] = set()
        for key, lives in wanted.items():
            for job, spans in lives.items():
                judged.add((key, job.name))
                accounts = self._accounts.get((key, job.name), _Accounts())
                self._judge(report, key, job, spans, accounts)
        for (key, name), accounts in self._accounts.items():
            if not self._is_chosen(key):
                continue
            for slot, polls in sorted(accounts.polls.items()):
                if len(polls) > 1:
                    report.polled_twice.append(PolledTwice(key, name, slot, tuple(polls)))
            if (key, name) not in judged:
                report.unexpected += len(accounts.polls)
        return report

    def _is_chosen(self, key: str) -> bool:
        return self._fits is None or self._chosen.get(key, False)

    def _judge(self, report: AuditReport, key: str, job: Job, lives: list[_Life], accounts: _Accounts) -> None:
        expected: set[int] = set()
        for life in lives:
            slots = self._expected(key, job, life)
            edge_ms = None if life.until_ms is None else life.until_ms - job.interval_s * 1000
            for slot in slots:
                if not accounts.speaks_of(slot) and edge_ms is not None and slot * 1000 > edge_ms:
                    report.at_edges += 1
                else:
                    expected.add(slot)
        report.expected += len(expected)
        report.unexpected += len(accounts.polls.keys() - expected)
        unpolled = _Runs(job.interval_s)
        missing = _Runs(job.interval_s)
        for slot in sorted(expected):
            if polls := accounts.polls.get(slot):
                report.final[polls[0].outcome] += 1
                report.lateness_ms[polls[0].started_at_ms - slot * 1000] += 1
                continue
            unpolled.add(slot)
            reason = accounts.missed_reason(slot)
            if reason is None:
                missing.add(slot)
            else:
                report.final[Outcome.MISSED] += 1
                report.missed_reasons[reason] += 1
        report.missing += [Unaccounted(key, job.name, run) for run in missing.runs]
        longest = max((run.slots * job.interval_s for run in unpolled.runs), default=0)
        report.longest_unpolled_s = max(report.longest_unpolled_s, longest)

    def _expected(self, key: str, job: Job, life: _Life) -> range:
        """Return the slots of a job's life that the window judges."""
        first = max(self.window.since, -(-life.since_ms // 1000) + job.interval_s)
        last = self.window.last_judged(job.interval_s)
        if life.until_ms is not None:
            last = min(last, (life.until_ms - 1) // 1000)
        run = slots_within(Span(first, last), phase(key, job.name, job.interval_s), job.interval_s)
        if run is None:
            return range(0)
        return range(run.first, run.first + run.slots * job.interval_s, job.interval_s)


def _slots(record: PollStatus) -> range:
    """Return the seconds that a status speaks of. Raises RecordError where they cannot be slots of its job."""
    named = record.job.rpartition("/")[2]  # a job is called plugin/profile/interval_s
    if record.slots < 1 or record.interval_s < 1 or record.slot < 0 or named != str(record.interval_s):
        raise RecordError(
            f"a status of {record.resource} {record.job} speaks of {record.slots} slots from {record.slot}, "
            f"{record.interval_s} s apart"
        )
    return range(record.slot, record.slot + record.slots * record.interval_s, record.interval_s)


class _Runs:
    """Joins slots that come in order into runs."""

    def __init__(self, interval_s: int) -> None:
        self._interval_s = interval_s
        self.runs: list[SlotRun] = []

    def add(self, slot: int) -> None:
        if self.runs and slot == self.runs[-1].first + self.runs[-1].slots * self._interval_s:
            self.runs[-1] = self.runs[-1]._replace(slots=self.runs[-1].slots + 1)
        else:
            self.runs.append(SlotRun(slot, 1))
