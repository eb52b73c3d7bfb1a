"""The walks of one poll; remembered tables are read again only when they are too old or lack a row."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from pollers.profiles.reading.frames import Known, WalkAnswer, own_rows, without_rows
from pollers.profiles.reading.plan import Plan, PlannedWalk
from pollers.profiles.reading.state import DeviceState
from pollers.snmp.client import Session
from pollers.snmp.errors import SnmpError
from pollers.snmp.values import Column, Oid, SnmpTable

NO_ROWS: Final = hash(())
#: a table without rows is asked for again after this time: peers or parts may have been added
EMPTY_FOR_MS: Final = 600_000


class Walks:
    """Reads the tables of a plan, one walk after the other; those in `good` are not read again."""

    def __init__(self, session: Session, state: DeviceState, good: Mapping[str, Known], now_ms: int) -> None:
        self._session = session
        self._plan = plan = state.plan
        self._now_ms = now_ms
        self.state = state
        #: tables that remembered values are to be made anew of: not only what they themselves remember is needed
        self.wanted = made_of(plan, (name for name in plan.slow_names if name not in good))
        self.good = {name: known for name, known in good.items() if name not in self.wanted}
        self.answers: dict[str, WalkAnswer] = {}
        self.used: dict[str, Known] = {}
        self.problems: list[str] = []
        self.unread: set[str] = set()
        self.rows: dict[tuple[str, ...], int] = {}
        self.empty: dict[tuple[str, ...], int] = {}
        self._whole: set[tuple[str, ...]] = set()

    async def run(self) -> None:
        """Read every walk. A device that fails leaves its problem, and the tables that were not reached as unread."""
        for place, walk in enumerate(self._plan.walks):
            try:
                await self._walk(walk)
            except SnmpError as error:
                self._failed(walk, error)
                self.unread.update(table for later in self._plan.walks[place:] for table in later.tables)
                return
        try:
            await self._complete()
        except SnmpError as error:
            self.problems.append(f"names of new rows: {error}")

    def _failed(self, walk: PlannedWalk, error: SnmpError) -> None:
        self.problems.append(f"{'/'.join(walk.tables)}: {error}")

    async def _walk(self, walk: PlannedWalk) -> None:
        look_again_ms = self.state.empty.get(walk.tables, 0)
        slow_tables = [table for table in walk.tables if table in self._plan.slow_names]
        if self._now_ms < look_again_ms:
            self.rows[walk.tables] = NO_ROWS
            self.empty[walk.tables] = look_again_ms
            self._use_without_rows(slow_tables)
            return
        remembered = all(table in self.good for table in slow_tables) and self.wanted.isdisjoint(walk.tables)
        columns = self._columns(walk.fast if remembered else (*walk.fast, *walk.slow))
        if walk.fast or not remembered:
            if not columns:  # the device has none of them
                self._use_without_rows(slow_tables)
                return
            remembered = await self._read(walk, columns, slow_tables, remembered=remembered)
        if remembered:
            self.used |= {table: self.good[table] for table in slow_tables}

    def _use_without_rows(self, tables: Iterable[str]) -> None:
        """Use what is remembered of tables for as long as it is good, but for rows, which they have none of now."""
        for name, known in ((name, self.good[name]) for name in tables if name in self.good):
            self.used[name] = without_rows(known.columns, known.at_ms, known.until_ms) if known.rows else known

    async def _read(
        self, walk: PlannedWalk, columns: Sequence[Oid], slow_tables: Sequence[str], *, remembered: bool
    ) -> bool:
        """Read a walk, and what it turns out to lack; return whether what is remembered of it still serves."""
        table = await self._session.table(columns)
        rows = rows_with(table, walk.fast)
        every = (*walk.fast, *walk.slow)
        if self.state.rows.get(walk.tables, hash(tuple(rows))) != hash(tuple(rows)) and self.state.skip & set(every):
            # rows came or went: what the old ones lacked, the new ones may have
            self.state = replace(self.state, skip=self.state.skip.difference(every))
            remembered = False
            table = await self._session.walk(every)
            rows = rows_with(table, walk.fast)
        elif remembered and any(self._lacks_rows(name, walk, table) for name in slow_tables):
            remembered = False
            slow = self._columns(walk.slow)  # may all be known as absent
            table = merge_tables(table, await self._session.walk(slow)) if slow else table
        self.rows[walk.tables] = hash(tuple(rows))
        if not table.rows and not table.problems:
            self.empty[walk.tables] = self._now_ms + EMPTY_FOR_MS
        self._keep(walk, table, whole=not remembered)
        return remembered

    def _lacks_rows(self, name: str, walk: PlannedWalk, table: SnmpTable) -> bool:
        """Return whether a table has rows that nothing is remembered of."""
        rows, _ = own_rows(self._plan.profile.tables[name], _as_answer(table, walk))
        return not self.good[name].rows.keys() >= set(rows)

    async def _complete(self) -> None:
        """Read what the values of rows that appeared are made of, where it was spared before that was known."""
        renewed = [
            name for name in self._plan.slow_names if name in self.good and name in self.answers.keys() - self.used
        ]
        late = made_of(self._plan, renewed)
        for walk in self._plan.walks:
            if late.isdisjoint(walk.tables) or walk.tables in self._whole or walk.tables in self.empty:
                continue
            for name in walk.tables:
                self.used.pop(name, None)
            if columns := self._columns(walk.slow):
                slow = await self._session.walk(columns)
                before = self.answers.get(walk.tables[0])
                self._keep(walk, slow if before is None else merge_tables(_as_table(before), slow), whole=True)
        self.wanted |= late

    def _columns(self, oids: Iterable[Oid]) -> list[Oid]:
        return [oid for oid in oids if oid not in self.state.skip]

    def _keep(self, walk: PlannedWalk, table: SnmpTable, *, whole: bool) -> None:
        if whole:
            self._whole.add(walk.tables)
        self.problems += [f"{'/'.join(walk.tables)}: {problem.detail or problem.reason}" for problem in table.problems]
        self.answers |= dict.fromkeys(walk.tables, _as_answer(table, walk))


def made_of(plan: Plan, tables: Iterable[str]) -> frozenset[str]:
    """Return the tables on which the remembered values of these tables depend, besides themselves."""
    return frozenset(needed for name in tables for needed in plan.needs.get(name, ()))


def rows_with(table: SnmpTable, making: Sequence[Oid]) -> list[str]:
    """Return the rows with a cell in any of these columns; all rows where none of the columns was requested."""
    wanted = set(making)
    cells = [column.types for column in table.columns if column.oid in wanted]
    if not cells or any(0 not in types for types in cells):
        return table.rows
    return [row for place, row in enumerate(table.rows) if any(types[place] for types in cells)]


def merge_tables(first: SnmpTable, second: SnmpTable) -> SnmpTable:
    """Return the first table's rows with the columns of both; rows of the second alone are left out."""
    where = {row: position for position, row in enumerate(second.rows)}
    places = [where.get(row) for row in first.rows]
    added = [
        Column(
            column.oid,
            bytearray(0 if place is None else column.types[place] for place in places),
            [None if place is None else column.data[place] for place in places],
        )
        for column in second.columns
    ]
    return SnmpTable(first.rows, [*first.columns, *added], first.offsets_ms, [*first.problems, *second.problems])


def _as_answer(table: SnmpTable, walk: PlannedWalk) -> WalkAnswer:
    problem = table.problems[0].reason if table.problems else None
    columns = {column.oid: column for column in table.columns}
    return WalkAnswer(table.rows, columns, table.offsets_ms, problem, frozenset(walk.fast))


def _as_table(answer: WalkAnswer) -> SnmpTable:
    return SnmpTable(list(answer.rows), list(answer.columns.values()), list(answer.offsets_ms))
