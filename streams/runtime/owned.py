"""What a worker owns of a table: the resources of its partitions, and when their jobs are due.

Derived from the table and dropped at every rebalance: Faust's memory tables keep the keys of partitions that have left.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from schemas.records import Job
from streams.runtime.app import StageApp
from streams.scheduling.due import Schedule


class Owned:
    """One `Schedule` per partition, built from the table at the first use after a rebalance."""

    def __init__(self, app: StageApp, table: Any, jobs_of: Callable[[str, bytes], Iterable[Job]]) -> None:
        self._app = app
        self._table = table
        self._jobs_of = jobs_of
        self._schedules: dict[int, Schedule] | None = None
        app.on_partitions_assigned.connect(self._forget, weak=False)
        # ticks of partitions that stay run on meanwhile: what they build before the table is recovered is not all of it
        app.on_rebalance_complete.connect(self._forget, weak=False)
        table.on_recover(self._forget)

    async def _forget(self, *_: Any, **__: Any) -> None:
        self._schedules = None

    def _built(self) -> dict[int, Schedule]:
        if self._schedules is None:
            self._schedules = {}
            for key, value in self._table.items():
                self._put(self._schedules, key, value)
        return self._schedules

    def _put(self, schedules: dict[int, Schedule], key: str, value: bytes) -> None:
        schedule = schedules.setdefault(self._app.partition_of(key), Schedule())
        schedule.put(key, tuple(self._jobs_of(key, value)))

    def put(self, key: str, value: bytes) -> None:
        """Take a resource's new value; call it after the table was written."""
        if self._schedules is not None:
            self._put(self._schedules, key, value)

    def remove(self, key: str) -> None:
        """Forget a resource; call it after it was deleted from the table."""
        if self._schedules is not None and (schedule := self._schedules.get(self._app.partition_of(key))):
            schedule.remove(key)

    def schedule(self, partition: int) -> Schedule:
        """Return when the jobs of a partition's resources are due."""
        return self._built().setdefault(partition, Schedule())

    def keys(self, partition: int) -> Sequence[str]:
        """Return the resources of a partition that have any job."""
        return tuple(self.schedule(partition))

    def __len__(self) -> int:
        return sum(len(schedule) for schedule in (self._schedules or {}).values())
