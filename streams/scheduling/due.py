"""Finds due jobs: those of one partition's resources, indexed by the second of their interval."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from schemas.errors import RecordError
from schemas.records import Job
from streams.scheduling.phase import phase
from streams.scheduling.slots import SlotRun, Span, slots_within


class Due(NamedTuple):
    key: str  #: the resource's identity
    job: Job


class MissedRun(NamedTuple):
    key: str  #: the resource's identity
    job: Job
    slots: SlotRun


class Schedule:
    """The jobs of one partition's resources. An owner has one for each partition assigned to it, and drops it with it.

    It is derived state: filled from the table (or its topic) by `put` and `remove`, never stored.
    """

    __slots__ = ("_buckets", "_interned", "_jobs")

    def __init__(self) -> None:
        #: identity -> its jobs, without repeats
        self._jobs: dict[str, tuple[Job, ...]] = {}
        #: interval -> phase -> what runs there. A list, not a dict: with 400 resources a partition it holds a handful
        self._buckets: dict[int, dict[int, list[Due]]] = {}
        #: one object per distinct job, however many resources want it
        self._interned: dict[Job, Job] = {}

    def __len__(self) -> int:
        return len(self._jobs)

    def __contains__(self, key: object) -> bool:
        return key in self._jobs

    def __iter__(self) -> Iterator[str]:
        return iter(self._jobs)

    def put(self, key: str, jobs: Sequence[Job]) -> None:
        """Replace the jobs of a resource; repeats of a job count once, no jobs is a removal.

        Raises RecordError, and changes nothing, if an interval is below 1 s.
        """
        wanted = tuple(self._interned.setdefault(job, job) for job in dict.fromkeys(jobs))
        for job in wanted:
            if job.interval_s < 1:
                raise RecordError(f"resource={key} job={job.name}: an interval must be 1 s or more")
        if self._jobs.get(key) == wanted:
            return
        self.remove(key)
        if not wanted:
            return
        self._jobs[key] = wanted
        for job in wanted:
            at = phase(key, job.name, job.interval_s)
            self._buckets.setdefault(job.interval_s, {}).setdefault(at, []).append(Due(key, job))

    def remove(self, key: str) -> None:
        """Forget a resource; an unknown one is no error."""
        for job in self._jobs.pop(key, ()):
            phases = self._buckets[job.interval_s]
            at = phase(key, job.name, job.interval_s)
            kept = [due for due in phases[at] if due.key != key or due.job != job]
            if kept:
                phases[at] = kept
            else:
                del phases[at]
            if not phases:
                del self._buckets[job.interval_s]

    def due(self, slot: int) -> list[Due]:
        """Return the polls of this second, in order of arrival; costs one step for each result and interval."""
        found: list[Due] = []
        for interval_s, phases in self._buckets.items():
            found += phases.get(slot % interval_s, ())
        return found

    def jobs_of(self, key: str) -> Sequence[Job]:
        """Return the jobs of a resource, empty where it is not known."""
        return self._jobs.get(key, ())

    def missed_within(self, span: Span) -> Iterator[MissedRun]:
        """Yield the slots of each (resource, job) in the span, for gap ticks."""
        for interval_s, phases in self._buckets.items():
            for at, bucket in phases.items():
                run = slots_within(span, at, interval_s)
                if run is not None:
                    for due in bucket:
                        yield MissedRun(due.key, due.job, run)

    @property
    def slots_per_s(self) -> float:
        """Return the average number of slots in a second."""
        return sum(sum(map(len, phases.values())) / interval_s for interval_s, phases in self._buckets.items())

    @property
    def longest_interval_s(self) -> int:
        """Return the longest interval of any job here, 0 where there is none."""
        return max(self._buckets, default=0)
