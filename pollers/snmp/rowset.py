"""Learnt row sets: what a walk found, kept small, and the requests that ask for it directly, kept ready (pure)."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, NamedTuple

from pollers.snmp import ber, message
from pollers.snmp.columns import row_name
from pollers.snmp.message import GET, GET_BULK, Request
from pollers.snmp.values import Type
from pollers.snmp.walk import Walk

UPTIME: Final = ber.encode_oid("1.3.6.1.2.1.1.3")
_IF_NUMBER: Final = ber.encode_oid("1.3.6.1.2.1.2.1")
_IF_TABLE_LAST_CHANGE: Final = ber.encode_oid("1.3.6.1.2.1.31.1.5")
_ENT_LAST_CHANGE: Final = ber.encode_oid("1.3.6.1.2.1.47.1.4.1")
_INTERFACES: Final = (ber.encode_oid("1.3.6.1.2.1.2.2"), ber.encode_oid("1.3.6.1.2.1.31.1.1"))
_ENTITIES: Final = (ber.encode_oid("1.3.6.1.2.1.47"),)
_GUARD_TYPES: Final = {
    UPTIME: Type.TIME_TICKS,
    _IF_NUMBER: Type.INTEGER,
    _IF_TABLE_LAST_CHANGE: Type.TIME_TICKS,
    _ENT_LAST_CHANGE: Type.TIME_TICKS,
}
_UPTIME_WRAP: Final = 2**32
_WRAP_MARGIN_CS: Final = 100 * 3600  #: how near to the end of its range sysUpTime must have been to have wrapped


def guards(columns: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return the scalars (without .0) that tell whether the rows of these columns may have changed."""
    found = [UPTIME]
    if any(column.startswith(_INTERFACES) for column in columns):
        found += [_IF_NUMBER, _IF_TABLE_LAST_CHANGE]
    if any(column.startswith(_ENTITIES) for column in columns):
        found.append(_ENT_LAST_CHANGE)
    return tuple(found)


class RowSet(NamedTuple):
    """What is remembered of a table between polls; equal ones of many devices share their bytes."""

    rows: bytes  #: each row encoded, its length before it
    #: one tag per column where every cell has its column's tag, else one per cell, row by row, 0 for a hole
    tags: bytes
    value_bytes: int  #: of a response, per value, rounded up
    guards: tuple[tuple[bytes, bytes], ...]  #: name and contents, sysUpTime first
    beyond: bytes  #: name and tag of what follows the first column's last row, empty where there are holes
    learnt_at_s: float
    misses: int = 0  #: how often in a row the device had other rows than were learnt


def learn(walk: Walk, now_s: float) -> RowSet | None:
    """Return the row set of a finished walk, or None where it cannot be asked for directly: problems, or no rows."""
    walk.settle()
    first = walk.columns[0].cells
    if walk.problems or not any(c.cells.suffixes for c in walk.columns) or UPTIME not in walk.guards:
        return None
    known = tuple(walk.guards.items())
    size = int(walk.bytes_read / max(1, walk.values_read)) + 1
    uniform = bool(first.suffixes) and all(
        c.cells.suffixes == first.suffixes and c.cells.types.count(c.cells.types[0]) == len(first.suffixes)
        for c in walk.columns
    )
    if uniform:
        tags = bytes(c.cells.types[0] for c in walk.columns)
        rows = first.suffixes
    else:
        rows, tags = _cells(walk)
    if any(len(row) > 255 for row in rows):
        return None
    beyond = _beyond(walk) if uniform else b""
    return RowSet(b"".join(bytes((len(row),)) + row for row in rows), tags, size, known, beyond, now_s)


def _beyond(walk: Walk) -> bytes:
    """Return the variable that a GETNEXT of the first column's last row gives."""
    if walk.columns[0].beyond is None:
        return b""
    oid, tag = walk.columns[0].beyond
    first = walk.columns[0]
    return message.want(first.prefix + first.last if tag == Type.END_OF_MIB_VIEW else oid, tag)


def _cells(walk: Walk) -> tuple[list[bytes], bytes]:
    """Return the rows in order, and the tag of each cell, row by row."""
    by_row = [dict(zip(c.cells.suffixes, c.cells.types, strict=True)) for c in walk.columns]
    rows = sorted(set().union(*by_row), key=ber.decode_suffix)
    return rows, bytes(column.get(row, 0) for row in rows for column in by_row)


def split_rows(rows: bytes) -> list[bytes]:
    """Return the rows of a RowSet, encoded."""
    found, at = [], 0
    while at < len(rows):
        end = at + 1 + rows[at]
        found.append(rows[at + 1 : end])
        at = end
    return found


def unchanged(before: Sequence[tuple[bytes, bytes]], now: Sequence[bytes]) -> bool:
    """Return whether the guards say that nothing happened to the rows; sysUpTime comes first and may only grow.

    sysUpTime's own wrap after 497 days is no reboot.
    """
    if any(then != value for (_, then), value in zip(before[1:], now[1:], strict=True)):
        return False
    was, is_now = int.from_bytes(before[0][1]), int.from_bytes(now[0])
    return is_now >= was or was > _UPTIME_WRAP - _WRAP_MARGIN_CS


class Page(NamedTuple):
    """One prepared request and what its response must look like."""

    request: Request
    first: int  #: its first row
    rows: int
    wants: Sequence[bytes]  #: name and tag of each variable
    extra: int  #: variables that come before those of the rows


class Plan(NamedTuple):
    """A table's requests, for every device that has these rows."""

    rows: Sequence[str]
    suffixes: Sequence[bytes]
    tags: bytes  #: as in RowSet
    pages: Sequence[Page]
    guards: int  #: variables of the first page that come before its rows
    width: int  #: columns


class _Shape(NamedTuple):
    """What the pages of one plan have in common."""

    columns: Sequence[bytes]
    suffixes: Sequence[bytes]
    known: RowSet
    heads: dict[int, list[tuple[bytes, bytes]]]

    def heads_for(self, row_bytes: int) -> list[tuple[bytes, bytes]]:
        """Return what stands before and after a row of this length in the wanted variable of each column."""
        if (found := self.heads.get(row_bytes)) is None:
            pairs = zip(self.columns, self.known.tags, strict=True)
            found = [(_oid_head(column, row_bytes), bytes((tag,))) for column, tag in pairs]
            self.heads[row_bytes] = found
        return found


def _oid_head(column: bytes, row_bytes: int) -> bytes:
    return bytes((Type.OBJECT_IDENTIFIER,)) + ber.length(len(column) + row_bytes) + column


def plan(columns: Sequence[bytes], known: RowSet, page_rows: int, *, bulk: bool) -> Plan:
    """Return the requests for a row set, page_rows at a time.

    By GETBULK where every column has every row, since it also shows rows that are new; by GET where there are holes.
    """
    suffixes = split_rows(known.rows)
    make = _bulk_page if bulk and len(known.tags) == len(columns) else _get_page
    shape = _Shape(columns, suffixes, known, {})
    pages = [
        make(shape, first, min(page_rows, len(suffixes) - first), number)
        for number, first in enumerate(range(0, len(suffixes), page_rows))
    ]
    return Plan([row_name(s) for s in suffixes], suffixes, known.tags, pages, len(known.guards), len(columns))


def _guard_wants(names: Sequence[bytes]) -> list[bytes]:
    return [message.want(name + b"\x00", _GUARD_TYPES[name]) for name in names]


def _bulk_page(shape: _Shape, first: int, rows: int, number: int) -> Page:
    columns, suffixes, known, _ = shape
    extra = [name for name, _ in known.guards] if first == 0 else []
    wants = _guard_wants(extra)
    if known.beyond and first + rows == len(suffixes):
        extra.append(columns[0] + suffixes[-1])
        wants.append(known.beyond)
    for suffix in suffixes[first : first + rows]:
        wants += [head + suffix + tag for head, tag in shape.heads_for(len(suffix))]
    before = suffixes[first - 1] if first else b""
    names = [*extra, *(column + before for column in columns)]
    made = message.request(GET_BULK, names, non_repeaters=len(extra), repetitions=rows, page=number)
    return Page(made, first, rows, wants, len(extra))


def _get_page(shape: _Shape, first: int, rows: int, number: int) -> Page:
    columns, suffixes, known, _ = shape
    width = len(columns)
    cells = known.tags * len(suffixes) if len(known.tags) == width else known.tags
    guard_names = [name for name, _ in known.guards] if first == 0 else []
    names = [name + b"\x00" for name in guard_names]
    wants = _guard_wants(guard_names)
    for row in range(first, first + rows):
        for column, tag in zip(columns, cells[row * width : (row + 1) * width], strict=True):
            if tag:
                names.append(column + suffixes[row])
                wants.append(message.want(column + suffixes[row], tag))
    return Page(message.request(GET, names, page=number), first, rows, wants, len(guard_names))


def cut(made: Plan, page: Page, rows: int, number: int) -> tuple[Page, Page]:
    """Return a page as two: its first rows, and the rest; they are given this number and the next."""
    tags, width = made.tags, made.width
    dense = len(tags) == width
    tags_of_head = b"" if dense else tags[page.first * width : (page.first + rows) * width]
    count = rows * width if dense else len(tags_of_head) - tags_of_head.count(0)
    at, names = page.extra + count, page.request.names
    middle = page.first + rows
    if page.request.pdu == GET_BULK:
        before, suffix = (len(made.suffixes[page.first - 1]) if page.first else 0), made.suffixes[middle - 1]
        rest_names: Sequence[bytes] = [name[: len(name) - before] + suffix for name in names[page.extra :]]
        head = message.request(GET_BULK, names, non_repeaters=page.extra, repetitions=rows, page=number)
        rest = message.request(GET_BULK, rest_names, repetitions=page.rows - rows, page=number + 1)
    else:
        head = message.request(GET, names[:at], page=number)
        rest = message.request(GET, names[at:], page=number + 1)
    return (
        Page(head, page.first, rows, page.wants[:at], page.extra),
        Page(rest, middle, page.rows - rows, page.wants[at:], 0),
    )


class PlanCache:
    """Plans by what they are for, the least recently used ones dropped above a size in bytes."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._plans: OrderedDict[tuple[object, ...], tuple[Plan, int]] = OrderedDict()

    def get(self, columns: tuple[bytes, ...], known: RowSet, page_rows: int, *, bulk: bool) -> Plan:
        names = tuple(name for name, _ in known.guards)
        key = (columns, known.rows, known.tags, known.beyond, names, page_rows, bulk)
        if (found := self._plans.get(key)) is not None:
            self._plans.move_to_end(key)
            return found[0]
        made = plan(columns, known, page_rows, bulk=bulk)
        size = _size(made)
        self._plans[key] = (made, size)
        self._bytes += size
        while self._bytes > self._most_bytes and len(self._plans) > 1:
            self._bytes -= self._plans.popitem(last=False)[1][1]
        return made

    def __len__(self) -> int:
        return len(self._plans)


def _size(made: Plan) -> int:
    """Return about how many bytes a plan takes, with the headers of its objects."""
    values = sum(len(page.wants) for page in made.pages)
    names = sum(len(page.request.names) for page in made.pages)
    longest = max((len(page.wants[-1]) for page in made.pages if page.wants), default=0)
    return values * (longest + 41) + names * (2 * longest + 49) + len(made.rows) * 110
