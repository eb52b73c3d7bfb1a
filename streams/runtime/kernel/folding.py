"""Runs a pure step over a topic, with effects in a safe order: sends, then the table, then done."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Protocol

from streams.runtime.kernel.effects import Aside, Effects, Step, all_writes
from streams.runtime.kernel.handler import SetAside
from streams.runtime.kernel.loop import Loop
from streams.runtime.kernel.records import Record
from streams.runtime.kernel.table import Table

#: a record's key and its values, for one place
Keyed = tuple[bytes | None, Sequence[bytes | None]]


class BatchSender(Protocol):
    async def send_in_order(self, topic: str, partition: int, records: Sequence[Keyed]) -> None:
        """Return when all records are stored, in their order. Raises RecordError for one that no broker takes."""
        ...

    async def send(self, topic: str, key: bytes | None, value: bytes | None) -> None:
        """Return when the record is stored in its key's partition. Raises RecordError for one that no broker takes."""
        ...


class TableAt(NamedTuple):
    """A table and its changelog topic."""

    table: Table
    changelog: str


class Folding:
    """The handler for stages that answer records with records; for `Loop`."""

    def __init__(
        self,
        step: Step,
        *,
        outbox: BatchSender,
        dead_letters: SetAside,
        table: TableAt | None = None,
        forget: Callable[[int], None] = lambda _partition: None,
    ) -> None:
        """Create the handler; `forget` is called for partitions whose steps are repeated, where steps remember more
        than the table.
        """
        self._step: Final = step
        self._outbox: Final = outbox
        self._dead_letters: Final = dead_letters
        self._table: Final = table
        self._forget: Final = forget

    def step(self, record: Record) -> Effects:
        return self.wanted(record.place.partition, self._step(record))

    def wanted(self, partition: int, effects: Effects) -> Effects:
        """Make a step's writes visible to later steps, and return them."""
        if self._table is not None and effects.writes:
            self._table.table.want(partition, effects.writes)
        return effects

    def size(self, step: Effects) -> int:
        return step.size

    def forget(self, partition: int) -> None:
        if self._table is not None:
            self._table.table.abandon(partition)
        self._forget(partition)

    async def deliver(self, partition: int, steps: Sequence[Effects]) -> None:
        by_topic: dict[str, list[Keyed]] = {}
        for step in steps:
            for topic, key, values, anywhere in step.sends:
                if anywhere:
                    for value in values:
                        await self._outbox.send(topic, key, value)
                else:
                    by_topic.setdefault(topic, []).append((key, values))
        asides = [self._set_aside(partition, aside) for step in steps for aside in step.asides]
        if asides:
            await asyncio.gather(*asides)
        if len(by_topic) == 1:
            [(topic, records)] = by_topic.items()
            await self._outbox.send_in_order(topic, partition, records)
        elif by_topic:
            await asyncio.gather(
                *(self._outbox.send_in_order(topic, partition, records) for topic, records in by_topic.items())
            )
        await self._write(partition, steps)
        for step in steps:
            if step.then is not None:
                step.then()

    async def _write(self, partition: int, steps: Sequence[Effects]) -> None:
        if self._table is None:
            return
        table, changelog = self._table
        writes = all_writes(steps)
        changes = [write for write in writes if write.value is not None or table.holds(partition, write.key)]
        if changes:
            await self._outbox.send_in_order(changelog, partition, tuple(table.framed(changes)))
        table.store(partition, writes)

    async def _set_aside(self, partition: int, aside: Aside) -> None:
        origin = (aside.topic, partition, -1)
        await self._dead_letters.put(aside.why, origin=origin, key=aside.key, value=aside.value)


class Fold(NamedTuple):
    """The loop of a folding stage, for callers that change the same keys without a record."""

    loop: Loop[Effects]
    handler: Folding
    partition_of: Callable[[bytes], int]

    async def submit(self, key: str, step: Callable[[], Effects]) -> bool:
        """Run a step in the order of the key's partition; return whether its effects were carried out.

        If not, the partition is not, or no longer, this worker's: what it was about is another worker's to do. Raises
        what the step raises.
        """
        partition = self.partition_of(key.encode())
        return await self.loop.submit(partition, lambda: self.handler.wanted(partition, step()))
