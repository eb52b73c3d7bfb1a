"""What a worker owns of a table: the resources of its partitions, and when their jobs are due.

Derived from the table and dropped at every rebalance: Faust's memory tables keep the keys of partitions that have left.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from schemas.errors import RecordError
from schemas.records import Job
from streams.runtime.faust.app import StageApp
from streams.runtime.registry.serde import UnknownSchema
from streams.scheduling.due import Schedule

log = logging.getLogger(__name__)

#: entries that are decoded before others get the event loop: a hundredth of a second of large ones
_SLICE: Final = 32
#: the first that are set aside are logged; all are counted
_SAID_FIRST: Final = 10

Schedules = dict[int, Schedule]


class Owned:
    """One `Schedule` per partition, built from the table at the first use after a rebalance.

    An entry that cannot be read is set aside until the next one: its resource has no schedule, the others have theirs.
    """

    def __init__(self, app: StageApp, table: Any, jobs_of: Callable[[str, bytes], Iterable[Job]]) -> None:
        self._app = app
        self._table = table
        self._jobs_of = jobs_of
        self._schedules: Schedules | None = None
        self._draft: Schedules | None = None  #: what `build` has made so far; None if that is out of date
        self._building = asyncio.Lock()
        self._aside: set[str] = set()
        app.on_partitions_assigned.connect(self._forget, weak=False)
        # ticks of partitions that stay run on meanwhile: what they build before the table is recovered is not all of it
        app.on_rebalance_complete.connect(self._forget, weak=False)
        table.on_recover(self._forget)

    async def _forget(self, *_: Any, **__: Any) -> None:
        self._schedules = self._draft = None
        self._aside.clear()

    async def build(self) -> None:
        """Build the schedules where they are not, a slice at a time: a large table takes seconds of CPU.

        Call it before `schedule`, which builds them in one go if they are not there.
        """
        if self._schedules is not None:
            return
        async with self._building:
            while self._schedules is None:
                draft = self._draft = Schedules()
                await self._fill(draft)
                if self._schedules is None and self._draft is draft:
                    self._schedules = draft
            self._draft = None

    async def _fill(self, draft: Schedules) -> None:
        for nth, key in enumerate(tuple(self._table), 1):
            await self._learn(draft, key)
            if nth % _SLICE == 0:
                await asyncio.sleep(0)
            if self._draft is not draft:
                return

    async def _learn(self, draft: Schedules, key: str) -> None:
        """Take an entry as it stands in the table by now, if it does; its schema is fetched first if need be."""
        while (value := self._table.get(key)) is not None:
            try:
                self._put(draft, key, value)
            except UnknownSchema as unknown:
                try:
                    await unknown.prepare()
                except RecordError as problem:
                    self._set_aside(key, problem)
                    return
            else:
                return

    def _built(self) -> Schedules:
        if self._schedules is None:
            schedules = Schedules()
            for key, value in self._table.items():
                self._put(schedules, key, value)
            self._schedules = schedules
        return self._schedules

    def _put(self, schedules: Schedules, key: str, value: bytes) -> None:
        schedule = schedules.setdefault(self._app.partition_of(key), Schedule())
        try:
            schedule.put(key, tuple(self._jobs_of(key, value)))
        except RecordError as problem:
            schedule.remove(key)
            self._set_aside(key, problem)
        else:
            self._aside.discard(key)

    def _set_aside(self, key: str, problem: RecordError) -> None:
        self._aside.add(key)
        if len(self._aside) <= _SAID_FIRST:
            log.warning("set aside, it has no schedule resource=%s problem=%s", key, problem)

    def put(self, key: str, value: bytes) -> None:
        """Take a resource's new value; call it after the table was written."""
        if (schedules := self._current) is not None:
            self._put(schedules, key, value)

    def remove(self, key: str) -> None:
        """Forget a resource; call it after it was deleted from the table."""
        self._aside.discard(key)
        if (schedules := self._current) and (schedule := schedules.get(self._app.partition_of(key))):
            schedule.remove(key)

    @property
    def _current(self) -> Schedules | None:
        return self._draft if self._schedules is None else self._schedules

    def schedule(self, partition: int) -> Schedule:
        """Return when the jobs of a partition's resources are due. Raises UnknownSchema if `build` was not awaited."""
        return self._built().setdefault(partition, Schedule())

    def keys(self, partition: int) -> Sequence[str]:
        """Return the resources of a partition that have any job."""
        return tuple(self.schedule(partition))

    @property
    def set_aside(self) -> int:
        """Return how many resources have no schedule because their entry cannot be read."""
        return len(self._aside)

    @property
    def slots_per_s(self) -> float:
        """Return how many slots all schedules have in a second, on average; 0 where they are not built."""
        return sum(schedule.slots_per_s for schedule in (self._schedules or {}).values())

    def __len__(self) -> int:
        return sum(len(schedule) for schedule in (self._schedules or {}).values())
