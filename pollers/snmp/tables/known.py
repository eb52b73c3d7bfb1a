"""A state machine that reads known rows by prepared GETs, several pages at once (pure)."""

from collections import deque
from typing import Final

from pollers.snmp.codec import message
from pollers.snmp.codec.ber import Cell
from pollers.snmp.codec.message import GET_BULK, ErrorStatus, Request, Response
from pollers.snmp.errors import DamagedResponse
from pollers.snmp.tables.columns import decode_cells, decode_known
from pollers.snmp.tables.paging import Paging
from pollers.snmp.tables.prepared import RequestPage, RequestPlan, cut
from pollers.snmp.tables.rowset import RowSet, dense, parts_of, unchanged
from pollers.snmp.values import Column, Data, Oid, SnmpTable, TableProblem

_FIRST: Final = 0


class KnownRows:
    """Reads the pages of a plan; `changed` says why the rows differ from those known, so that a walk is due."""

    def __init__(self, plan: RequestPlan, known: RowSet, paging: Paging, *, elapsed_s: float = 0.0) -> None:
        """`elapsed_s`: seconds since the guards of `known` were read."""
        self.changed = ""
        self.uptime = parts_of(known.told)[_FIRST]  #: as the device said it this time
        self._plan = plan
        self._known = known
        self._paging = paging
        self._elapsed_s = elapsed_s
        self._todo: deque[RequestPage] = deque(plan.pages)
        self._pages: dict[int, RequestPage] = {}
        self._numbers = len(plan.pages)
        self._under_way = 0
        self._cells: dict[int, list[Cell]] = {}  #: by first row
        self._offsets: dict[int, int] = {}
        self._rows: dict[int, int] = {}

    @property
    def finished(self) -> bool:
        return bool(self.changed) or (not self._todo and not self._under_way)

    def next(self) -> Request | None:
        if self.changed or not self._todo:
            return None
        if self._under_way and not self._cells and len(self._plan.pages) > 1:
            return None  # the first page tells whether the device answers, and whether its rows are still the same
        page = self._todo.popleft()
        most = self._paging.rows(self._known.value_bytes * self._plan.width)
        if page.rows > most:  # the device has shown that it takes less than was planned
            page, rest = self._cut(page, most)
            self._todo.appendleft(rest)
        self._pages[page.request.page] = page
        self._under_way += 1
        return page.request

    def answered(self, request: Request, answer: Response, offset_ms: int) -> int:
        page = self._pages[request.page]
        if answer.status != ErrorStatus.NO_ERROR:
            self._under_way -= 1
            self._refused(page, answer)
            return 0
        cells, rows = answer.known(page.wants, page.extra), page.rows
        if cells is None:
            cells, rows = self._partly(page, answer)
        else:
            self._paging.good(answer.size)
        self._under_way -= 1
        if self.changed:
            return 0
        if page.first == 0:
            self._check_guards([cell for cell in cells[: page.extra] if isinstance(cell, bytes)])
        self._cells[page.first] = cells[page.extra :]
        self._offsets[page.first] = offset_ms
        self._rows[page.first] = rows
        return len(cells)

    def _check_guards(self, raws: list[bytes]) -> None:
        if not unchanged(self._known, raws[: self._plan.guards], self._elapsed_s):
            self.changed = "the device restarted or changed its rows"
        self.uptime = raws[_FIRST]

    def _partly(self, page: RequestPage, answer: Response) -> tuple[list[Cell], int]:
        """Return contents and number of the whole rows that a cut-off response has; the rest is asked for anew."""
        found = answer.varbinds()
        got = [message.want(oid, tag) for oid, tag in zip(found.oids, found.tags, strict=True)]
        if len(got) > len(page.wants):
            raise DamagedResponse("the response has more variables than were asked for")
        whole = (len(got) - page.extra) // self._plan.width if page.request.pdu == GET_BULK else 0
        if got == page.wants:
            return list(found.raws), page.rows  # with a length in another form than the shortest
        if got != list(page.wants[: len(got)]) or whole < 1:
            self.changed = "a row is missing, new, or of another type"
            return [], 0
        self._paging.cut(answer.size)
        self._todo.appendleft(self._cut(page, whole)[1])
        return list(found.raws[: page.extra + whole * self._plan.width]), whole

    def _cut(self, page: RequestPage, rows: int) -> tuple[RequestPage, RequestPage]:
        parts = cut(self._plan, page, rows, self._numbers)
        self._numbers += 2
        return parts

    def _refused(self, page: RequestPage, answer: Response) -> None:
        if answer.status == ErrorStatus.TOO_BIG:
            self._paging.halve()
            if page.rows > 1:
                self._todo.extendleft(reversed(self._cut(page, page.rows // 2)))
                return
        self.changed = f"{page.request.asked} known values were refused with error-status {answer.status}"

    def smaller(self, request: Request) -> Request | None:
        page = self._pages[request.page]
        self._paging.halve()
        if page.rows <= 1:
            return None
        head, rest = self._cut(page, page.rows // 2)
        self._todo.appendleft(rest)
        self._pages[head.request.page] = head
        return head.request

    def table(self, columns: list[Oid]) -> SnmpTable:
        """Return the table: all rows once finished and not changed, or those read so far."""
        width = len(columns)
        cells: list[Cell] = []
        rows: list[str] = []
        offsets: list[int] = []
        for first in sorted(self._cells):
            count = self._rows[first]
            cells += self._cells[first]
            rows += self._plan.rows[first : first + count]
            offsets += [self._offsets[first]] * count
        if not dense(self._plan.tags, width):
            return self._with_holes(columns, rows, cells, offsets)
        problems: list[TableProblem] = []
        made = []
        for position, (oid, tag) in enumerate(zip(columns, self._plan.tags, strict=True)):
            types, data, wrong = decode_known(tag, cells[position::width])
            if wrong:
                problems.append(TableProblem("bad-value", f"{oid}: {wrong}"))
            made.append(Column(oid, bytearray(types), data))
        return SnmpTable(rows, made, offsets, tuple(problems))

    def _with_holes(self, columns: list[Oid], rows: list[str], cells: list[Cell], offsets: list[int]) -> SnmpTable:
        width = len(columns)
        read = iter(cells)
        all_tags = self._tags_of_rows(width)
        spread: list[Cell | None] = [next(read) if tag else None for tag in all_tags]
        made, problems = [], list[TableProblem]()
        for position, oid in enumerate(columns):
            tags = all_tags[position::width]
            present = [cell for cell in spread[position::width] if cell is not None]
            types, data, wrong = decode_cells(bytes(tag for tag in tags if tag), present)
            if wrong:
                problems.append(TableProblem("bad-value", f"{oid}: {wrong}"))
            values, kinds = iter(data), iter(types)
            column: list[Data] = [next(values) if tag else None for tag in tags]
            made.append(Column(oid, bytearray(next(kinds) if tag else 0 for tag in tags), column))
        return SnmpTable(rows, made, offsets, tuple(problems))

    def _tags_of_rows(self, width: int) -> bytes:
        """Return the tags of the cells that were read, row by row."""
        parts = [self._plan.tags[first * width : (first + self._rows[first]) * width] for first in sorted(self._cells)]
        return b"".join(parts)
