"""A state machine that walks several columns at once: requests out, responses in, a table at the end.

Pure. GETBULK over all columns that have not ended (RFC 3416 §4.2.3), GETNEXT for v1. What an agent does wrong ends
the column with a problem; what came before it is kept.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from pollers.snmp.codec import ber
from pollers.snmp.codec.message import GET_BULK, GET_NEXT, ErrorStatus, Request, Response, request
from pollers.snmp.errors import DamagedResponse
from pollers.snmp.tables.columns import ReadCells, merge, row_order
from pollers.snmp.tables.machine import refusal
from pollers.snmp.tables.paging import Paging
from pollers.snmp.values import EXCEPTIONS, FIRST_EXCEPTION, SnmpTable, TableProblem

_VALUE_BYTES: Final = 14  #: a guess until the first response: headers of a variable and its value
_LEAST_VALUE_BYTES: Final = 8.0
_MOST_REPETITIONS: Final = 128  #: agents with lower limits cut the response off, which is fine
_MOST_COLUMNS: Final = 60


class WalkedColumn:
    """The progress of one column."""

    __slots__ = ("beyond", "cells", "done", "last", "prefix")

    def __init__(self, prefix: bytes) -> None:
        self.prefix = prefix  #: contents of the column's OID
        self.cells = ReadCells()
        self.last = b""  #: the last row that was read
        self.beyond: tuple[bytes, int] | None = None  #: name and tag of what follows the column
        self.done = False


class Walk:
    """Reads every row of the columns; `table()` may be called once finished, or earlier for what is there."""

    def __init__(
        self, columns: Sequence[bytes], paging: Paging, *, bulk: bool, rows_max: int, guards: Sequence[bytes] = ()
    ) -> None:
        """`columns`: contents of OIDs. `guards`: scalars without their .0, read once beside the first rows."""
        self.columns = [WalkedColumn(prefix) for prefix in columns]
        self.problems: list[TableProblem] = []
        self.guards: dict[bytes, bytes] = {}  #: what the device has of the guards: contents of value by name
        self.bytes_read = 0  #: of responses
        self.values_read = 0
        self._guard_names = tuple(guards)
        self._beside = 0  #: guards in the request under way
        self.paging = paging
        self.bulk = bulk
        self._rows_max = rows_max
        self._width = _MOST_COLUMNS  #: columns in one request
        self._repetitions = _MOST_REPETITIONS
        self._group: list[WalkedColumn] = []  #: columns of the request under way
        self._value_bytes = float(_VALUE_BYTES + max(map(len, columns)))
        self._prefixes = list(columns)
        self._in_step = True  #: whether all columns had the same rows so far; those are kept together, row by row
        self._rows: list[bytes] = []
        self._tags: list[int] = []
        self._raws: list[bytes] = []
        self._offsets: list[int] = []
        self._waiting = False

    @property
    def finished(self) -> bool:
        return not self._waiting and all(column.done for column in self.columns)

    def next(self) -> Request | None:
        if self._waiting:
            return None
        self._group = [column for column in self.columns if not column.done][: self._width]
        if not self._group:
            return None
        self._waiting = True
        return self._request(self.paging.rows(self._value_bytes * len(self._group)))

    def _request(self, repetitions: int) -> Request:
        self._beside = len(self._guard_names)
        names = [*self._guard_names, *(column.prefix + column.last for column in self._group)]
        if not self.bulk:
            return request(GET_NEXT, names)
        return request(GET_BULK, names, non_repeaters=self._beside, repetitions=min(repetitions, self._repetitions))

    def smaller(self, request: Request) -> Request | None:
        """Return a request for fewer rows, then for fewer columns."""
        self.paging.halve()
        if request.pdu == GET_BULK and request.repetitions > 1:
            # a quarter: rows that follow short ones may well be more than twice as long
            self._repetitions = max(1, request.repetitions // 4)
            return self._request(self._repetitions)
        if len(self._group) > 1:
            self._width = len(self._group) // 2
            self._group = self._group[: self._width]
            return self._request(1)
        return None

    def answered(self, request: Request, answer: Response, offset_ms: int) -> int:
        if answer.status != ErrorStatus.NO_ERROR:
            self._refused(request, answer)
            self._waiting = False
            return 0
        found = answer.varbinds()
        if len(found) > request.asked:
            raise DamagedResponse("the response has more variables than were asked for")
        if len(found) <= self._beside:
            raise DamagedResponse("the response is empty")
        self._waiting = False
        self._keep_guards(found, self._beside)
        count = self._keep_rows(found, self._beside, offset_ms)
        self.paging.good(answer.size)
        # by the longest page so far: where some rows are longer than others, more of those may follow
        longest = self._value_bytes if self.values_read else _LEAST_VALUE_BYTES
        self._value_bytes = max(longest, answer.size / len(found))
        self.bytes_read += answer.size
        self.values_read += len(found)
        return count

    def _keep_guards(self, found: ber.VarBinds, count: int) -> None:
        for name, oid, tag, raw in zip(self._guard_names, found.oids[:count], found.tags, found.raws, strict=False):
            if oid == name + b"\x00" and tag < FIRST_EXCEPTION:
                self.guards[name] = raw
        if count:
            self._guard_names = ()

    def _keep_rows(self, found: ber.VarBinds, first: int, offset_ms: int) -> int:
        group = self._group
        width = len(group)
        whole = first + (len(found) - first) // width * width
        end = (
            whole if whole > first else len(found)
        )  # half a row at the end is read again, so that columns stay in step
        before = len(self._rows) * width
        if self._in_step and self._keep_regular(found, first, end, offset_ms):
            return len(self._rows) * width - before
        self.settle()
        leader: list[bytes] = []
        count = 0
        for position, column in enumerate(group):
            part = slice(first + position, end, width)
            added = self._extend(column, found.oids[part], found.tags[part], found.raws[part], leader)
            if position == 0:
                leader = added
            column.cells.offsets_ms += [offset_ms] * len(added)
            count += len(added)
            if len(column.cells.suffixes) >= self._rows_max and not column.done:
                self._end(column, "too-many-rows", f"more than {self._rows_max} rows; the rest was not read")
        return count

    def _keep_regular(self, found: ber.VarBinds, first: int, end: int, offset_ms: int) -> bool:
        """Keep a response in which all columns have the same rows, or end together; False where it is another one."""
        columns, prefixes, tags, oids = self.columns, self._prefixes, found.tags, found.oids
        width, size = len(columns), len(prefixes[0])
        if len(self._group) != width or (end - first) % width:
            return False
        rows: list[bytes] = []
        stop = first
        while stop < end:
            row = oids[stop][size:]
            if oids[stop : stop + width] != [prefix + row for prefix in prefixes]:
                break
            rows.append(row)
            stop += width
        if max(tags[first:stop], default=0) >= FIRST_EXCEPTION or len(self._rows) + len(rows) >= self._rows_max:
            return False
        if _increasing(columns[0].last, rows) < len(rows) or (stop < end and not self._all_end(found, stop)):
            return False
        self._rows += rows
        self._tags += tags[first:stop]
        self._raws += found.raws[first:stop]
        self._offsets += [offset_ms] * len(rows)
        for column in columns:
            column.last = rows[-1] if rows else column.last
            column.done = stop < end
        return True

    def _all_end(self, found: ber.VarBinds, at: int) -> bool:
        """Return whether the row at this place is beyond every column."""
        after = slice(at, at + len(self._prefixes))
        oids, tags = found.oids[after], found.tags[after]
        for prefix, oid, tag in zip(self._prefixes, oids, tags, strict=True):
            if oid.startswith(prefix) and tag not in EXCEPTIONS:
                return False
        for column, oid, tag in zip(self.columns, oids, tags, strict=True):
            column.beyond = (oid, tag)
        return True

    def settle(self) -> None:
        """Distribute the cells that were collected for all columns to each of them."""
        if self._rows:
            width = len(self.columns)
            for position, column in enumerate(self.columns):
                self._append(column, self._rows, self._tags[position::width], self._raws[position::width])
                column.cells.offsets_ms += self._offsets
        self._in_step = False
        self._rows, self._tags, self._raws, self._offsets = [], [], [], []

    def _append(self, column: WalkedColumn, rows: list[bytes], tags: list[int], raws: list[bytes]) -> None:
        if bad := column.cells.extend(rows, tags, raws):
            self.problems.append(TableProblem("bad-value", f"{ber.decode_oid(column.prefix)}: {bad}"))

    def _extend(
        self, column: WalkedColumn, oids: list[bytes], tags: list[int], raws: list[bytes], leader: list[bytes]
    ) -> list[bytes]:
        """Append what belongs to the column and return its rows; note the column's end or what is wrong with it."""
        size = len(column.prefix)
        rows = [oid[size:] for oid in oids if oid.startswith(column.prefix)]
        if not oids:
            return rows
        if len(rows) < len(oids) or max(tags) >= FIRST_EXCEPTION:
            good = 0
            while good < len(oids) and oids[good].startswith(column.prefix) and tags[good] not in EXCEPTIONS:
                good += 1
            if good < len(oids):
                column.beyond = (oids[good], tags[good])
                column.done = True
            rows, tags, raws = [oid[size:] for oid in oids[:good]], tags[:good], raws[:good]
        if rows == leader and rows:
            rows = leader  # one object per row, not per cell
        good = _increasing(column.last, rows)
        if good < len(rows):
            where = ber.dotted(rows[good]) if rows[good] else "the column itself"
            self._end(
                column, "oid-not-increasing", f"{ber.decode_oid(column.prefix)}: {where} after what is not before it"
            )
            rows, tags, raws = rows[:good], tags[:good], raws[:good]
        self._append(column, rows, tags, raws)
        if rows:
            column.last = rows[-1]
        return rows

    def _end(self, column: WalkedColumn, reason: str, detail: str) -> None:
        column.done = True
        self.problems.append(TableProblem(reason, detail))

    def _refused(self, request: Request, answer: Response) -> None:
        """React to an error-status. Raises SnmpError where nothing was read and nothing is left to try."""
        at = answer.index - 1 - self._beside
        named = self._group[at : at + 1] if at >= 0 else []
        if answer.status == ErrorStatus.TOO_BIG and (smaller := self.smaller(request)) is not None:
            self._width = min(self._width, len(smaller.names) - smaller.non_repeaters)
            return
        if self._beside and not named:  # a scalar that the agent cannot read must not cost the table
            self._guard_names = _without(self._guard_names, answer.index)
            return
        if answer.status == ErrorStatus.NO_SUCH_NAME and not self.bulk:  # v1: the end of the MIB
            if not named and len(self._group) > 1:  # of which column is not said
                self._width = len(self._group) // 2
                return
            for column in named or self._group:
                column.done = True
            return
        ended = named or self._group
        self.settle()
        error = refusal(answer.status, ber.decode_oid(ended[0].prefix + ended[0].last))
        for column in ended:
            self._end(column, _reason(answer.status), str(error))
        if all(column.done and not column.cells.suffixes for column in self.columns):
            raise error

    def table(self) -> SnmpTable:
        """Return the table as read."""
        self.settle()
        return merge([(ber.decode_oid(c.prefix), c.cells) for c in self.columns], self.problems)


def _without(guards: tuple[bytes, ...], index: int) -> tuple[bytes, ...]:
    """Return the guards but for the one that an error-index names; where it names none, sysUpTime, the first, alone."""
    if 0 < index <= len(guards):
        return guards[: index - 1] + guards[index:]
    return guards[:1] if len(guards) > 1 else ()


def _reason(status: int) -> str:
    return {ErrorStatus.GEN_ERR: "gen-err", ErrorStatus.TOO_BIG: "too-big"}.get(status, "agent-error")


def _increasing(last: bytes, rows: list[bytes]) -> int:
    """Return how many of the rows follow one another in the order of OIDs, the first one after `last`."""
    if not rows:
        return 0
    try:
        numbers = [row_order(last), *map(row_order, rows)]
    except DamagedResponse:
        return 0
    for position, (before, after) in enumerate(pairwise(numbers)):
        if after <= before:
            return position
    return len(rows)
