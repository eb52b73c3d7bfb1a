"""The state of a device between two polls, packed; parts that many devices share are stored once (pure)."""

from array import array
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias, TypeVar, cast

from pollers.profiles.language.absent import Cell
from pollers.profiles.reading.collect import PollClock
from pollers.profiles.reading.constants import Unchanged
from pollers.profiles.reading.frames import Known, without_rows
from pollers.profiles.reading.plan import Plan
from pollers.snmp.values import Oid
from schemas.records import Enrichment

#: equal values that are one object: more of them cost memory, fewer as well
_MOST: Final = 50_000
_NOTHING: Final[Mapping[str, Known]] = MappingProxyType({})

T = TypeVar("T", bound=Hashable)
#: of a table with rows: where they stand in its columns, those, and what is unchanged if that may be the same again
PackedTable: TypeAlias = tuple[Mapping[str, int], Mapping[str, Sequence[Cell]], Unchanged | None]


@lru_cache(maxsize=_MOST)
def _first(value: Hashable) -> Hashable:
    return value


def shared(value: T) -> T:
    """Return an equal value that exists already, or this one: thousands of devices have the same interfaces."""
    return cast("T", _first(value))


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceState:
    """The state that one device's polls by one plan keep for the next poll."""

    plan: Plan
    clock: PollClock | None = None  #: of the last poll
    skip: frozenset[Oid] = frozenset()  #: what the device does not have, or has better under another OID
    known: Mapping[str, Known] = field(default_factory=dict)  #: by table
    rows: Mapping[tuple[str, ...], int] = field(default_factory=dict)  #: walk -> fingerprint of its rows
    empty: Mapping[tuple[str, ...], int] = field(default_factory=dict)  #: walk without rows -> when to look again
    #: what enrichment knows, by table, as long as no poll has taken it over
    offered: Mapping[str, Known] = field(default_factory=dict)
    #: by table, as long as what its rows are known by is the same; brought up to date as samples are made
    unchanged: dict[str, Unchanged] = field(default_factory=dict)
    shown: set[str] = field(default_factory=set)  #: groups that had rows when they were last read; likewise
    #: those of the last poll's record, from which plan and `offered` were made; and the profiles, likewise
    enrichments: Mapping[str, Enrichment] | None = None
    library: Hashable | None = None

    def rebooted(self) -> "DeviceState":
        """Return the part of the state that is still valid after a restart of the device."""
        return replace(self, clock=None, skip=frozenset(), known={}, rows={}, empty={})

    def pack(self) -> "PackedState":
        """Return the state in a quarter of its memory."""
        without = {table: known for table, known in self.known.items() if not known.rows}
        having = {table: known for table, known in self.known.items() if known.rows}
        numbers = [number for number in self.clock or () if number is not None]
        numbers += [time for known in (*without.values(), *having.values()) for time in (known.at_ms, known.until_ms)]
        alike = _Alike(
            tuple([number is not None for number in self.clock or ()]),
            self.skip,
            tuple(self.rows.items()),
            tuple([(table, tuple(known.columns)) for table, known in without.items()]),
            tuple(having),
            tuple(self.empty),
            frozenset(self.shown),
        )
        tables = [(known.rows, known.columns, self.unchanged.get(table)) for table, known in having.items()]
        return PackedState(
            self.plan,
            self.enrichments,
            self.library,
            shared(alike),
            array("q", (*numbers, *self.empty.values())),
            tuple(tables),
            self.offered or _NOTHING,
        )


class _Alike(NamedTuple):
    """The parts of a state that devices of one kind share."""

    clock: tuple[bool, ...]  #: which of its numbers there are
    skip: frozenset[Oid]
    rows: tuple[tuple[tuple[str, ...], int], ...]
    without: tuple[tuple[str, tuple[str, ...]], ...]  #: tables without rows, and the names that are known of them
    having: tuple[str, ...]  #: tables with rows
    empty: tuple[tuple[str, ...], ...]  #: walks
    shown: frozenset[str]


class PackedState(NamedTuple):
    """A packed `DeviceState`."""

    plan: Plan
    enrichments: Mapping[str, Enrichment] | None
    library: Hashable | None
    alike: _Alike
    #: the clock; of each table when it was read, and until when that is good; of each empty walk when to look again
    numbers: "array[int]"
    tables: tuple[PackedTable, ...]
    offered: Mapping[str, Known]

    @property
    def polled_at_ms(self) -> int | None:
        """Return when the device last answered, Unix milliseconds; None where it never did."""
        return self.numbers[0] if self.alike.clock else None

    def unpack(self) -> DeviceState:
        """Return the packed state as a `DeviceState`."""
        alike, numbers = self.alike, iter(self.numbers)
        clock: PollClock | None = None
        if alike.clock:
            clock = PollClock(next(numbers), *[next(numbers) if has else None for has in alike.clock[1:]])
        known = {table: without_rows(names, next(numbers), next(numbers)) for table, names in alike.without}
        unchanged: dict[str, Unchanged] = {}
        for table, (rows, columns, same) in zip(alike.having, self.tables, strict=True):
            known[table] = Known(rows, columns, next(numbers), next(numbers))
            if same is not None:
                unchanged[table] = same
        return DeviceState(
            plan=self.plan,
            clock=clock,
            skip=alike.skip,
            known=known,
            rows=dict(alike.rows),
            empty=dict(zip(alike.empty, numbers, strict=True)),
            offered=self.offered,
            unchanged=unchanged,
            shown=set(alike.shown),
            enrichments=self.enrichments,
            library=self.library,
        )
