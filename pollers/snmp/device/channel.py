"""SNMP operations on one device with one credential during one session (no I/O here: engines run the machines)."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar, cast

from pollers.snmp.codec import ber
from pollers.snmp.device.memory import DeviceMemory
from pollers.snmp.errors import AgentError, DamagedResponse, DeadlineExceeded, NoAnswer
from pollers.snmp.limits import Limits
from pollers.snmp.tables.gets import Gets, Nexts
from pollers.snmp.tables.known import KnownRows
from pollers.snmp.tables.machine import Machine
from pollers.snmp.tables.prepared import PlanCache
from pollers.snmp.tables.rowset import RowSet, dense, guards, learn, told_now
from pollers.snmp.tables.walk import Walk
from pollers.snmp.values import Oid, SnmpTable, TableProblem, Value

SYS_UPTIME: Oid = "1.3.6.1.2.1.1.3.0"
_MOST_GET_NAMES = 60
_MOST_MISSES = 3  #: rows that keep changing are walked, and not learnt again before row_set_age_s
_MOST_COLUMNS = 60
_INTERNED_MOST = 100_000


class Channel(Protocol):
    """SNMP operations on one device with one credential; every method raises an SnmpError where nothing was read."""

    async def probe(self) -> None:
        """Ask for sysUpTime with the usual retries: one lost packet says nothing of device or credential."""
        ...

    async def get_many(self, oids: Sequence[Oid]) -> list[Value]: ...

    async def following(self, oids: Sequence[Oid]) -> list[Oid | None]: ...

    async def walk(self, columns: Sequence[Oid]) -> SnmpTable: ...

    async def table(self, columns: Sequence[Oid]) -> SnmpTable: ...


T = TypeVar("T")


class Shared:
    """Caches that the channels of a worker share."""

    def __init__(self, limits: Limits, now_s: Callable[[], float]) -> None:
        self.limits = limits
        self.now_s = now_s
        self.rewalks = 0  #: fresh walks because a device had other rows than were learnt
        self.plans = PlanCache(limits.plan_cache_bytes)
        self._interned: dict[object, object] = {}

    def intern(self, known: RowSet) -> RowSet:
        """Return the row set with bytes shared with equal ones of other devices."""
        if len(self._interned) > _INTERNED_MOST:
            self._interned.clear()
        return known._replace(
            rows=self._once(known.rows),
            tags=self._once(known.tags),
            guards=self._once(known.guards),
            beyond=self._once(known.beyond),
        )

    def _once(self, value: T) -> T:
        return cast("T", self._interned.setdefault(value, value))


class MachineChannel(ABC):
    """A channel over an engine that can send any request."""

    def __init__(self, memory: DeviceMemory, shared: Shared, *, bulk: bool) -> None:
        self._memory = memory
        self._shared = shared
        self._bulk = bulk

    @abstractmethod
    async def _run(self, machine: Machine, retries: int) -> None:
        """Carry the machine to its end. Raises SnmpError."""

    async def probe(self) -> None:
        await self._run(Gets([SYS_UPTIME], self._memory.paging), self._memory.limits.retries)

    async def get_many(self, oids: Sequence[Oid]) -> list[Value]:
        machine = Gets(oids, self._memory.paging)
        await self._run(machine, self._memory.limits.retries)
        return machine.values

    async def following(self, oids: Sequence[Oid]) -> list[Oid | None]:
        machine = Nexts(oids, self._memory.paging)
        await self._run(machine, self._memory.limits.retries)
        return machine.found

    async def walk(self, columns: Sequence[Oid]) -> SnmpTable:
        return await self._walk(self._start_walk([ber.encode_oid(column) for column in columns], ()))

    async def table(self, columns: Sequence[Oid]) -> SnmpTable:
        names = tuple([ber.encode_oid(column) for column in columns])
        known = self._memory.row_sets.get(names)
        misses = known.misses if known is not None else 0
        fresh = known is not None and self._shared.now_s() - known.learnt_at_s < self._memory.limits.row_set_age_s
        if known is not None and fresh and misses < _MOST_MISSES and len(names) <= _MOST_COLUMNS:
            table = await self._ask_known(names, list(columns), known)
            if table is not None:
                return table
            misses += 1
            self._shared.rewalks += 1
        walk, began_s = self._start_walk(names, guards(names)), self._shared.now_s()
        table = await self._walk(walk)
        if known is not None and fresh and misses >= _MOST_MISSES:
            self._memory.row_sets[names] = known._replace(misses=misses)  # walk, until its time to be learnt anew
        elif walk.finished and (found := learn(walk, began_s)) is not None:
            self._memory.row_sets[names] = self._shared.intern(found._replace(misses=min(misses, _MOST_MISSES - 1)))
        else:
            self._memory.row_sets.pop(names, None)
        return table

    async def _ask_known(self, names: tuple[bytes, ...], columns: list[Oid], known: RowSet) -> SnmpTable | None:
        """Return the table by its learnt rows, or None where a fresh walk is due."""
        rows = self._memory.paging.rows(known.value_bytes * len(names))
        if not (self._bulk and dense(known.tags, len(names))):
            rows = max(1, min(rows, _MOST_GET_NAMES // len(names)))
        plan = self._shared.plans.get(names, known, rows, bulk=self._bulk)
        asked_s = self._shared.now_s()
        machine = KnownRows(plan, known, self._memory.paging, elapsed_s=asked_s - known.heard_at_s)
        try:
            await self._run(machine, self._memory.limits.retries)
        except (AgentError, DamagedResponse):
            return None
        except NoAnswer as error:
            if machine.changed or not (table := machine.table(columns)).rows:
                raise
            return _partial(table, error)
        if machine.changed:
            return None
        self._memory.row_sets[names] = told_now(known, machine.uptime)._replace(misses=0, heard_at_s=asked_s)
        return machine.table(columns)

    def _start_walk(self, names: Sequence[bytes], beside: Sequence[bytes]) -> Walk:
        return Walk(names, self._memory.paging, bulk=self._bulk, rows_max=self._memory.limits.rows_max, guards=beside)

    async def _walk(self, walk: Walk) -> SnmpTable:
        try:
            await self._run(walk, self._memory.limits.retries)
        except (NoAnswer, DamagedResponse) as error:
            if not (table := walk.table()).rows:
                raise
            return _partial(table, error)
        return walk.table()


def _partial(table: SnmpTable, error: NoAnswer | DamagedResponse) -> SnmpTable:
    """Return what was read before the device fell silent, with the reason why the rest is not there."""
    reason = "damaged" if isinstance(error, DamagedResponse) else "no-answer"
    if isinstance(error, DeadlineExceeded):
        reason = "deadline"
    return table._replace(problems=(*table.problems, TableProblem(reason, str(error))))
