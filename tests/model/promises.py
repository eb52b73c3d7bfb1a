"""What must hold of every stage, whatever happens to its workers."""

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from schemas.records import Tick
from streams.pipeline import stage
from streams.runtime.kernel.effects import Effects, Write
from streams.runtime.kernel.folding import Folding
from streams.runtime.kernel.records import Place, Record
from streams.runtime.kernel.table import Table
from tests.model.process import Process

if TYPE_CHECKING:
    from tests.model.world import World

PARTITIONS: Final = 4
TICK_DONE_S: Final = 15.0  #: how long after its second a tick is done and committed


class Promises:
    """Looks at the broker and at the workers' memory."""

    def __init__(self, world: "World") -> None:
        self._world: Final = world
        self._effects: defaultdict[tuple[Place, int], list[Effects]] = defaultdict(list)
        self._wanted: defaultdict[tuple[int, bytes], list[bytes | None]] = defaultdict(list)
        self._ever: dict[Place, tuple[int, set[tuple[bytes | None, bytes | None]]]] = {}

    def watch(self, handler: Folding) -> None:
        """Keep what each record led to, for `committed`."""
        step, wanted = handler.step, handler.wanted

        def stepping(record: Record) -> Effects:
            effects = step(record)
            self._effects[record.place, record.offset].append(effects)
            return effects

        def wanting(partition: int, effects: Effects) -> Effects:
            for write in effects.writes:
                self._wanted[partition, write.key].append(_framed(write))
            return wanted(partition, effects)

        handler.step, handler.wanted = stepping, wanting  # type: ignore[method-assign]

    def _ever_stored(self, place: Place) -> set[tuple[bytes | None, bytes | None]]:
        seen, ever = self._ever.setdefault(place, (0, set()))
        log = self._world.broker.logs[place]
        ever.update(log[seen:])
        self._ever[place] = len(log), ever
        return ever

    def committed(self, place: Place, passed: range) -> None:
        """A commit passes no record whose effects are not stored."""
        if place.topic in self._world.inputs():
            for offset in passed:
                led_to = self._effects.get((place, offset), [])
                if not any(self._is_stored(place.partition, effects) for effects in led_to):
                    assert (*place, offset) in self._world.letters(), (
                        f"committed, and its effects are not stored: {place} {offset}"
                    )
        self._world.model.committed(place, passed)

    def _is_stored(self, partition: int, effects: Effects) -> bool:
        sent = (
            (send.key, value) in self._ever_stored(Place(send.topic, partition))
            for send in effects.sends
            for value in send.values
        )
        return all(sent) and all(self._is_written(partition, write) for write in effects.writes)

    def _is_written(self, partition: int, write: Write) -> bool:
        """Return whether it stands in the changelog, or one that took its place before it got there.

        What deletes a key that is not there needs not to stand there.
        """
        wanted, ever = self._wanted[partition, write.key], self._ever_stored(Place(self._world.changelog(), partition))
        is_gone = write.key not in self._world.broker.compacted(self._world.changelog(), partition)
        return any(
            (write.key, value) in ever or (value is None and is_gone)
            for value in wanted[wanted.index(_framed(write)) :]
        )

    def check(self) -> None:
        """What must hold at any time: no worker fails, and no table is ahead of its changelog."""
        self._world.look_for_faults()
        for process in self._world.living:
            for table in process.worker.tables:
                for partition, stored in table._stored.items():
                    ever = self._ever_stored(Place(process.worker.changelog(table), partition))
                    for key, value in stored.items():
                        assert (key, _framed(Write(key, value))) in ever, (
                            f"{process.name}'s table is ahead of its changelog at {key!r}"
                        )

    def check_all(self) -> None:
        """What must hold when all is quiet, and after everybody has left."""
        self.check()
        owners: dict[int, str] = {}
        for process in self._world.living:
            lifecycle = process.worker.lifecycle
            for partition in lifecycle.owned:
                assert partition not in owners, f"partition {partition} has two owners"
                owners[partition] = process.name
            assert not lifecycle.waiting(), f"{process.name} waits for {lifecycle.waiting()}: {lifecycle.stuck}"
            assert not process._paused, f"{process.name} takes nothing more of {process._paused}"
            assert all(loop.bytes_waiting == 0 for loop in process.loops), f"{process.name} has bytes on their way"
            self._check_tables(process)
        assert sorted(owners) == list(range(PARTITIONS)), f"partitions without an owner: {owners}"
        self._check_flow()
        assert self._world.letters() == self._world.letters_wanted
        self._world.model.check()
        for process in self._world.living:
            self._world.leave(process)

    def _check_flow(self) -> None:
        """Every record is done, and every tick whose second is over."""
        world = self._world
        for topic in world.inputs():
            for number in range(PARTITIONS):
                place = Place(topic, number)
                assert world.broker.committed.get(place, 0) == len(world.broker.logs[place]), f"{place} stands still"
        if (ticks := stage(world.model.name).ticks) is None:
            return
        serde = world.serdes.of(ticks, Tick)
        for number in range(PARTITIONS):
            place = Place(world.topic_name(ticks), number)
            left = world.broker.logs[place][world.broker.committed.get(place, 0) :]
            slots = [serde.decode(entry.value or b"").slot for entry in left]
            assert not [slot for slot in slots if slot < world.clock.now_s - TICK_DONE_S], f"{place} stands still"

    def _check_tables(self, process: Process) -> None:
        for table in process.worker.tables:
            for partition in range(PARTITIONS):
                replayed = Table(table.name)
                for key, value in self._world.broker.logs[Place(process.worker.changelog(table), partition)]:
                    replayed.recover(partition, key or b"", value)
                wanted = replayed._stored.get(partition) or {} if partition in process.worker.lifecycle.owned else {}
                has = table._stored.get(partition) or {}
                assert has == wanted, f"{process.name}'s table of partition {partition} is not what its changelog has"
                assert not table._ahead.get(partition), f"{process.name} wants what it does not store"


def _framed(write: Write) -> bytes | None:
    [(_, (value,))] = Table("any").framed([write])
    return value
