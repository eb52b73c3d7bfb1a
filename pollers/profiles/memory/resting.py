"""What polls of a device have learnt, between two polls: what many devices have in common is one object (pure)."""

from array import array
from collections.abc import Mapping
from typing import NamedTuple

from pollers.profiles.memory.sharing import Sharing
from pollers.profiles.reading.collect import PollClock
from pollers.profiles.reading.frames import Known, without_rows
from pollers.profiles.reading.walking import PollMemory
from pollers.snmp.values import Oid


class _Common(NamedTuple):
    skip: frozenset[Oid]
    rows: Mapping[tuple[str, ...], int]
    barren: tuple[tuple[str, tuple[str, ...]], ...]  #: tables without rows, and the names that are remembered of them
    fertile: tuple[str, ...]  #: tables with rows
    empty: tuple[tuple[str, ...], ...]  #: walks


class Resting(NamedTuple):
    """A `PollMemory` in a quarter of its space."""

    common: _Common
    clock: PollClock | None
    #: of each table without rows when it was read, and until when that is good; of each empty walk when to look again
    times_ms: "array[int]"
    known: tuple[Known, ...]  #: of each table with rows


def rest(memory: PollMemory, sharing: Sharing) -> Resting:
    """Return the memory, packed."""
    barren: list[tuple[str, tuple[str, ...]]] = []
    times: list[int] = []
    known: dict[str, Known] = {}
    for table, one in memory.known.items():
        if one.rows:
            known[table] = one
        else:
            barren.append((table, tuple(one.columns)))
            times += (one.at_ms, one.until_ms)
    times += memory.empty.values()
    rows, lists = memory.rows, (tuple(barren), tuple(known), tuple(memory.empty))
    key = (memory.skip, frozenset(rows.items()), lists)
    common = sharing.made(key, lambda: _Common(memory.skip, rows, *lists))
    return Resting(common, memory.clock, array("q", times), tuple(known.values()))


def wake(resting: Resting) -> PollMemory:
    """Return the memory that was packed."""
    common, times = resting.common, iter(resting.times_ms)
    known = {table: without_rows(names, next(times), next(times)) for table, names in common.barren}
    known.update(zip(common.fertile, resting.known, strict=True))
    empty = dict(zip(common.empty, times, strict=True))
    return PollMemory(clock=resting.clock, skip=common.skip, known=known, rows=common.rows, empty=empty)
