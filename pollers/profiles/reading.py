"""One poll of one device by its plan: which requests, in which order, and what is remembered for the next one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from pollers.profiles.collect import Clock
from pollers.profiles.frames import Answer, Frames, Known
from pollers.profiles.plan import Plan, Walk
from pollers.snmp.client import Session
from pollers.snmp.errors import SnmpError
from pollers.snmp.values import FIRST_EXCEPTION, Column, Oid, Table, Value

SYS_UPTIME: Final = "1.3.6.1.2.1.1.3.0"
ENGINE_BOOTS: Final = "1.3.6.1.6.3.10.2.1.2.0"
_NO_ROWS: Final = hash(())
#: a table without rows is asked for again after this time: peers or parts may have been added
EMPTY_FOR_MS: Final = 600_000
_UPTIME_WRAP_CS: Final = 2**32
#: clocks of device and worker may drift this much against one another before a fall counts as sysUpTime's own wrap
_WRAP_TOLERANCE_CS: Final = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What polls of one device by one plan have learnt; good until the device reboots."""

    clock: Clock | None = None
    skip: frozenset[Oid] = frozenset()  #: what the device does not have, or has better under another OID
    known: Mapping[str, Known] = field(default_factory=dict)
    rows: Mapping[tuple[str, ...], int] = field(default_factory=dict)  #: walk -> fingerprint of its rows
    empty: Mapping[tuple[str, ...], int] = field(default_factory=dict)  #: walk without rows -> when to look again


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one poll brought in."""

    frames: Frames
    clock: Clock
    memory: Memory
    problems: Sequence[str] = ()  #: for people: what went wrong on the way
    unread: frozenset[str] = frozenset()  #: tables that were not reached


def rebooted(before: Clock | None, now: Clock) -> bool:
    """Return whether the device began anew since the last poll; sysUpTime's wrap after 497 days does not count."""
    if before is None:
        return False
    if before.engine_boots is not None and now.engine_boots is not None and now.engine_boots != before.engine_boots:
        return True
    if before.uptime_cs is None or now.uptime_cs is None or now.uptime_cs >= before.uptime_cs:
        return False
    elapsed_cs = (now.polled_at_ms - before.polled_at_ms) // 10
    wrapped_to = before.uptime_cs + elapsed_cs - _UPTIME_WRAP_CS
    return abs(wrapped_to - now.uptime_cs) > _WRAP_TOLERANCE_CS


async def read_device(
    session: Session, plan: Plan, memory: Memory, offered: Mapping[str, Known], polled_at_ms: int
) -> Reading:
    """Read what the plan needs; `offered` is what enrichment knows of slow columns, by table.

    Raises SnmpError where not even the first request is answered; later failures leave a reading with problems.
    """
    every = tuple(dict.fromkeys((SYS_UPTIME, ENGINE_BOOTS, *plan.scalars, *plan.slow_scalars)))
    spared = set() if _scalars_due(plan, memory, polled_at_ms) else set(plan.slow_scalars)
    wanted = [oid for oid in every if oid not in memory.skip and oid not in spared]
    scalars = dict(zip(wanted, await session.get_many(wanted), strict=True))
    clock = Clock(polled_at_ms, _integer(scalars.get(SYS_UPTIME)), _integer(scalars.get(ENGINE_BOOTS)))
    if rebooted(memory.clock, clock):
        if left_out := [oid for oid in every if oid not in scalars]:
            scalars |= dict(zip(left_out, await session.get_many(left_out), strict=True))
        memory, spared = Memory(), set()
    skip = memory.skip | _superfluous_scalars(plan, scalars)
    poll = _Poll(session, plan, memory, _still_good(plan, memory, offered, clock), polled_at_ms)
    if spared:
        poll.used |= {name: memory.known[name] for name in _slow_sets(plan)}
    for walk in plan.walks:
        try:
            await poll.walk(walk)
        except SnmpError as error:
            poll.problems.append(f"{'/'.join(walk.tables)}: {error}")
            poll.unread.update(table for later in plan.walks[plan.walks.index(walk) :] for table in later.tables)
            break
    frames = Frames(plan.profile, scalars, poll.answers, poll.used)
    remembered = {name: known for name in plan.slow_names if (known := _remember(plan, frames, name, poll, clock))}
    learnt = Memory(
        clock=clock,
        skip=frozenset(skip | _superfluous(plan, poll)),
        known=remembered,
        rows=poll.rows,
        empty=poll.empty,
    )
    return Reading(
        frames=frames, clock=clock, memory=learnt, problems=tuple(poll.problems), unread=frozenset(poll.unread)
    )


def _slow_sets(plan: Plan) -> list[str]:
    return [name for name in plan.slow_names if plan.profile.tables[name].scalar]


def _scalars_due(plan: Plan, memory: Memory, now_ms: int) -> bool:
    """Return whether scalars with `refresh` are to be read in this poll."""
    found = [memory.known.get(name) for name in _slow_sets(plan)]
    return any(known is None or now_ms >= known.until_ms for known in found)


def _integer(value: Value | None) -> int | None:
    return value.data if value is not None and value.exists and isinstance(value.data, int) else None


def _still_good(plan: Plan, memory: Memory, offered: Mapping[str, Known], clock: Clock) -> dict[str, Known]:
    """Return what need not be read again: remembered less than its refresh ago, and since the last boot."""
    booted_ms = clock.polled_at_ms - clock.uptime_cs * 10 if clock.uptime_cs is not None else 0
    found: dict[str, Known] = {}
    for table, names in plan.slow_names.items():
        candidates = [
            known
            for known in (offered.get(table), memory.known.get(table))
            if known is not None
            and booted_ms <= known.at_ms
            and clock.polled_at_ms < known.until_ms
            and all(name in known.columns for name in names)
        ]
        if candidates:
            found[table] = max(candidates, key=lambda known: known.at_ms)
    return found


class _Poll:
    """The walks of one poll, one after the other."""

    def __init__(self, session: Session, plan: Plan, memory: Memory, good: Mapping[str, Known], now_ms: int) -> None:
        self.now_ms = now_ms
        self.empty: dict[tuple[str, ...], int] = {}
        self.session = session
        self.plan = plan
        self.memory = memory
        self.good = good
        self.answers: dict[str, Answer] = {}
        self.used: dict[str, Known] = {}
        self.problems: list[str] = []
        self.unread: set[str] = set()
        self.rows: dict[tuple[str, ...], int] = {}

    async def walk(self, walk: Walk) -> None:
        look_again_ms = self.memory.empty.get(walk.tables, 0)
        if self.now_ms < look_again_ms:
            self.rows[walk.tables] = _NO_ROWS
            self.empty[walk.tables] = look_again_ms
            return
        slow_tables = [table for table in walk.tables if table in self.plan.slow_names]
        remembered = all(table in self.good for table in slow_tables)
        if not walk.fast and remembered:
            self.used |= {table: self.good[table] for table in slow_tables}
            return
        columns = self._columns(walk.fast if remembered else (*walk.fast, *walk.slow))
        if not columns:
            return
        table = await self.session.table(columns)
        rows = rows_with(table, walk.fast)
        fingerprint = hash(tuple(rows))
        if self.memory.rows.get(walk.tables, fingerprint) != fingerprint and self.memory.skip.intersection(
            (*walk.fast, *walk.slow)
        ):
            # rows came or went: what the old ones lacked, the new ones may have
            self.memory = replace(self.memory, skip=self.memory.skip.difference((*walk.fast, *walk.slow)))
            remembered = False
            table = await self.session.walk([*walk.fast, *walk.slow])
            fingerprint = hash(tuple(rows_with(table, walk.fast)))
        elif remembered and any(not known_rows.keys() >= set(rows) for known_rows in self._known(slow_tables)):
            remembered = False
            slow = self._columns(walk.slow)  # may all be known as absent
            table = merge_tables(table, await self.session.walk(slow)) if slow else table
        self.rows[walk.tables] = fingerprint
        if not table.rows and not table.problems:
            self.empty[walk.tables] = self.now_ms + EMPTY_FOR_MS
        self._keep(walk, table)
        if remembered:
            self.used |= {name: self.good[name] for name in slow_tables}

    def _known(self, tables: Sequence[str]) -> list[Mapping[str, int]]:
        return [self.good[table].rows for table in tables]

    def _columns(self, oids: Sequence[Oid]) -> list[Oid]:
        return [oid for oid in oids if oid not in self.memory.skip]

    def _keep(self, walk: Walk, table: Table) -> None:
        problem = table.problems[0].reason if table.problems else None
        self.problems += [f"{'/'.join(walk.tables)}: {problem.detail or problem.reason}" for problem in table.problems]
        columns = {column.oid: column for column in table.columns}
        answer = Answer(table.rows, columns, table.offsets_ms, problem, frozenset(walk.fast))
        self.answers |= dict.fromkeys(walk.tables, answer)


def rows_with(table: Table, making: Sequence[Oid]) -> list[str]:
    """Return the rows that have a cell in any of these columns; all rows where none of them was asked for."""
    wanted = set(making)
    cells = [column.types for column in table.columns if column.oid in wanted]
    if not cells or any(0 not in types for types in cells):
        return table.rows
    return [row for place, row in enumerate(table.rows) if any(types[place] for types in cells)]


def merge_tables(first: Table, second: Table) -> Table:
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
    return Table(first.rows, [*first.columns, *added], first.offsets_ms, [*first.problems, *second.problems])


def _remember(plan: Plan, frames: Frames, name: str, poll: _Poll, clock: Clock) -> Known | None:
    if name in poll.used:
        return poll.used[name]
    if name in poll.unread or (name not in poll.answers and not plan.profile.tables[name].scalar):
        return None
    frame = frames.frame(name)
    now_ms = clock.polled_at_ms
    columns = {column: tuple(frame.column(column)) for column in plan.slow_names[name]}
    return Known(
        {index: place for place, index in enumerate(frame.index)},
        columns,
        now_ms,
        now_ms + plan.refresh_s[name] * 1_000,
    )


def _superfluous(plan: Plan, poll: _Poll) -> set[Oid]:
    """Return the OIDs not to ask for again: no row has them, or every row has a better source.

    A table without any row tells nothing about its columns, and one that broke off neither.
    """
    gone = [walk for walk, rows in poll.rows.items() if rows == _NO_ROWS != poll.memory.rows.get(walk, _NO_ROWS)]
    found: set[Oid] = set() if gone else set(poll.memory.skip)
    for name, table in plan.profile.tables.items():
        answer = poll.answers.get(name)
        if answer is None or answer.problem or not answer.rows:
            continue
        for column in table.columns.values():
            left: Sequence[int] = range(len(answer.rows))
            for source in column.sources:
                answered = answer.columns.get(source.oid)
                if answered is None:
                    continue
                if not left or not any(answered.types):
                    found.add(source.oid)
                left = [row for row in left if not answered.types[row]] if 0 in answered.types else ()
    return found | _beaten_tables(plan, poll)


def _superfluous_scalars(plan: Plan, scalars: Mapping[Oid, Value]) -> set[Oid]:
    found = {oid for oid, value in scalars.items() if value.type >= FIRST_EXCEPTION}
    for table in plan.profile.tables.values():
        for column in table.columns.values() if table.scalar else ():
            answered = [source.oid for source in column.sources if source.oid in scalars and source.oid not in found]
            found.update(answered[1:])
    return found - {SYS_UPTIME}


def _beaten_tables(plan: Plan, poll: _Poll) -> set[Oid]:
    """Return the OIDs of tables that come after one with rows in a `first_of` group, and that nothing else needs."""
    beaten: set[str] = set()
    needed: set[str] = set(plan.borrowed)
    for group in plan.groups:
        frames = [name for name in group.tables if (answer := poll.answers.get(name)) and answer.rows]
        if group.first_of and frames:
            needed.add(frames[0])
            beaten.update(group.tables[group.tables.index(frames[0]) + 1 :])
        else:
            needed.update(group.tables)
    walks = [walk for walk in plan.walks if set(walk.tables) <= beaten - needed]
    return {oid for walk in walks for oid in (*walk.fast, *walk.slow)}
