"""The schedules of a worker's open partitions, built from its table."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from schemas.errors import RecordError
from schemas.records import Job
from streams.runtime.kernel.lifecycle import Part
from streams.runtime.kernel.table import Table
from streams.runtime.registry.serde import UnknownSchema
from streams.scheduling.due import Schedule

log = logging.getLogger(__name__)

#: entries that are decoded before others get the event loop: a hundredth of a second of large ones
_SLICE: Final = 32
#: the first that are set aside are logged; all are counted
_SAID_FIRST: Final = 10


class Schedules(Part):
    """One `Schedule` per partition, built from the table when the partition begins, and kept in step with it.

    An entry that cannot be read is set aside until the next one: its resource has no schedule, the others have theirs.
    """

    def __init__(self, table: Table, jobs_of: Callable[[str, bytes], Iterable[Job]]) -> None:
        self._table = table
        self._jobs_of = jobs_of
        self._schedules: dict[int, Schedule] = {}
        self._aside: dict[int, set[str]] = {}

    async def gained(self, partition: int) -> None:
        """Build the partition's schedule in slices, since a large table takes seconds of CPU."""
        self.lost(frozenset((partition,)))
        for nth, key in enumerate(self._table.keys(partition), 1):
            await self._learn(partition, key)
            if nth % _SLICE == 0:
                await asyncio.sleep(0)

    def lost(self, partitions: frozenset[int]) -> None:
        for partition in partitions:
            self._schedules.pop(partition, None)
            self._aside.pop(partition, None)

    async def _learn(self, partition: int, key: bytes) -> None:
        """Take an entry; its schema is fetched first if need be."""
        value = self._table.get(partition, key)
        while value is not None:
            try:
                self.put(partition, key.decode(errors="surrogateescape"), value)
            except UnknownSchema as unknown:
                try:
                    await unknown.prepare()
                except RecordError as problem:
                    self._set_aside(partition, key.decode(errors="surrogateescape"), problem)
                    return
            else:
                return

    def put(self, partition: int, key: str, value: bytes) -> None:
        """Store a resource's new value. Raises UnknownSchema if its schema was not fetched."""
        schedule = self._schedules.setdefault(partition, Schedule())
        try:
            schedule.put(key, tuple(self._jobs_of(key, value)))
        except UnknownSchema:
            raise
        except RecordError as problem:
            schedule.remove(key)
            self._set_aside(partition, key, problem)
        else:
            self._aside.get(partition, set()).discard(key)

    def _set_aside(self, partition: int, key: str, problem: RecordError) -> None:
        self._aside.setdefault(partition, set()).add(key)
        if self.set_aside <= _SAID_FIRST:
            log.warning("set aside, it has no schedule resource=%s problem=%s", key, problem)

    def remove(self, partition: int, key: str) -> None:
        """Forget a resource."""
        self._aside.get(partition, set()).discard(key)
        if (schedule := self._schedules.get(partition)) is not None:
            schedule.remove(key)

    def of(self, partition: int) -> Schedule:
        """Return the schedule of a partition."""
        return self._schedules.setdefault(partition, Schedule())

    def keys(self, partition: int) -> Sequence[str]:
        """Return the resources of a partition with jobs."""
        return tuple(self.of(partition))

    def __iter__(self) -> Iterator[Schedule]:
        return iter(self._schedules.values())

    @property
    def set_aside(self) -> int:
        """Return the number of resources without a schedule because their entry is unreadable."""
        return sum(map(len, self._aside.values()))

    @property
    def slots_per_s(self) -> float:
        """Return the average number of slots in a second over all schedules."""
        return sum(schedule.slots_per_s for schedule in self)

    def __len__(self) -> int:
        return sum(map(len, self))
