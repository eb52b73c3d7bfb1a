"""Handles rebalances: tells every stateful part, in order, which partitions come and go.

A rebalance is `pausing` (nobody knows yet whose a partition will be), then `lost` and `settled` (now it is known; what
stays goes on), then, when the tables are read back, `gained` for each new partition.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterable
from typing import Final

from schemas.errors import FatalError
from streams.runtime.kernel.table import Table
from streams.runtime.ops.health import Stuck

log = logging.getLogger(__name__)

#: how long until a partition that could not be begun is tried again, in seconds; the last one again and again
RETRIES_S: Final = (0.2, 0.5, 1.0, 2.0, 5.0)


class Part:
    """A component with state by partition; it overrides the methods that it needs."""

    async def pausing(self, *, lapsed: bool) -> None:
        """Start nothing new, and finish running work within some seconds; unfinished work is done again.

        `lapsed`: the worker was paused for so long that its partitions may be others' already. Nothing can be finished
        then, and the others wait for this worker: wait for nothing.
        """

    def lost(self, partitions: frozenset[int]) -> None:
        """Forget all state of partitions that belong to others now."""

    def settled(self, owned: frozenset[int]) -> None:
        """Continue with the partitions that stay: the assignment is known now."""

    async def gained(self, partition: int) -> None:
        """Start a partition, whose table is restored; if this raises, it is retried while others go on."""


class Lifecycle:
    """The partitions of one worker, and the parts that follow them. All topics that a stage reads have the same
    partitions, and they come together.
    """

    def __init__(self, fail: Callable[[Exception], None], now_s: Callable[[], float] = time.monotonic) -> None:
        """`fail` ends the worker."""
        self._fail = fail
        self._now_s = now_s
        self._parts: list[Part] = []
        self._tables: list[Table] = []
        self._beginning: dict[int, asyncio.Task[None]] = {}
        self._opened: dict[int, asyncio.Event] = {}  #: of each owned partition
        self.owned: frozenset[int] = frozenset()
        self.stuck: dict[int, Stuck] = {}

    def register(self, part: Part) -> None:
        """Add a part: partitions start in the order of registration, and stop in the reverse order."""
        self._parts.append(part)

    def register_table(self, table: Table) -> None:
        """Add a table, which its host restores before partitions start."""
        self._tables.append(table)

    def is_open(self, partition: int) -> bool:
        """Return whether every part has started the partition."""
        event = self._opened.get(partition)
        return event is not None and event.is_set()

    async def opened(self, partition: int) -> None:
        """Return when the partition is open. Raises KeyError for one that this worker does not own."""
        await self._opened[partition].wait()

    def waiting(self) -> frozenset[int]:
        """Return the owned partitions that are not open."""
        return frozenset(partition for partition, event in self._opened.items() if not event.is_set())

    async def pausing(self, *, lapsed: bool = False) -> None:
        """Pause all parts for a rebalance; `lapsed` as in `settle`."""
        await self._stop_beginning(tuple(self._beginning))
        # side by side, so that the time they take is that of the slowest
        await asyncio.gather(*(part.pausing(lapsed=lapsed) for part in reversed(self._parts)))

    def settle(self, partitions: Iterable[int], *, lapsed: bool = False) -> None:
        """Apply a new assignment: tell the parts which partitions they have lost and which they keep.

        `lapsed`: it was paused for so long that others may have had all of its partitions meanwhile.
        """
        now = frozenset(partitions)
        left = self.owned - now
        lost = self.owned if lapsed else left
        for part in reversed(self._parts):
            part.lost(lost)
        for table in self._tables:
            for partition in left:  # what stays is brought up to date from where it was read to, also after a lapse
                table.drop(partition)
        for partition in lost:
            self._opened.pop(partition, None)
            self.stuck.pop(partition, None)
            if (beginning := self._beginning.pop(partition, None)) is not None:
                beginning.cancel()
        self.owned = now
        for partition in now - self._opened.keys():
            self._opened[partition] = asyncio.Event()
        for part in self._parts:
            part.settled(now)
        log.info("partitions assigned owned=%s gained=%s lost=%s", sorted(now), sorted(self.waiting()), sorted(left))

    def recovered(self) -> None:
        """Start the new partitions, whose tables are restored."""
        for partition in self.waiting() - self._beginning.keys():
            self._beginning[partition] = self._task(self._begin(partition), f"begin-{partition}")

    async def stop(self) -> None:
        """Start no partition any more."""
        await self._stop_beginning(tuple(self._beginning))

    async def _begin(self, partition: int) -> None:
        tries = 0
        since_s = self._now_s()
        while True:
            try:
                for part in self._parts:
                    await part.gained(partition)
            except FatalError:
                raise
            except Exception as problem:  # noqa: BLE001 - one partition must not take the others with it
                tries += 1
                why = f"{type(problem).__name__}: {problem}"
                self.stuck[partition] = Stuck(why, since_s, tries)
                log.warning(
                    "partition cannot be begun, trying again partition=%d tries=%d why=%s", partition, tries, why
                )
                await asyncio.sleep(RETRIES_S[min(tries, len(RETRIES_S)) - 1])
            else:
                break
        if self.stuck.pop(partition, None) is not None:
            log.info("partition begun partition=%d tries=%d", partition, tries)
        self._opened[partition].set()

    def _task(self, work: Coroutine[object, None, None], name: str) -> "asyncio.Task[None]":
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._over)
        return task

    def _over(self, task: "asyncio.Task[None]") -> None:
        for partition, each in tuple(self._beginning.items()):
            if each is task:
                del self._beginning[partition]
        if not task.cancelled() and (fault := task.exception()) is not None:
            self._fail(fault if isinstance(fault, Exception) else RuntimeError(repr(fault)))

    async def _stop_beginning(self, partitions: Iterable[int]) -> None:
        tasks = [self._beginning[partition] for partition in partitions]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
