"""Prepared GET requests for known rows, shared by all devices that have them (pure)."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, NamedTuple

from pollers.snmp.codec import ber, message
from pollers.snmp.codec.message import GET_BULK, GET_NEXT, Request
from pollers.snmp.tables.columns import row_name
from pollers.snmp.tables.rowset import GUARD_TYPES, RowSet, dense, parts_of
from pollers.snmp.values import Type

#: tags of texts: what may be as long as nothing else that is polled
_TEXTS: Final = (bytes((Type.OCTET_STRING,)), bytes((Type.OPAQUE,)))
#: of a response, for the longest text that is usual, with its name
_TEXT_BYTES: Final = 300


class RequestPage(NamedTuple):
    """One prepared request, and how its response must look."""

    request: Request
    first: int  #: its first row
    rows: int
    wants: Sequence[bytes]  #: name and tag of each variable
    extra: int  #: variables that come before those of the rows


class RequestPlan(NamedTuple):
    """The requests of one table, shared by all devices that have these rows."""

    rows: Sequence[str]
    suffixes: Sequence[bytes]
    tags: bytes  #: as in RowSet
    pages: Sequence[RequestPage]
    guards: int  #: variables of the first page that come before its rows
    width: int  #: columns


class _Shape(NamedTuple):
    """The constants of all pages of one plan."""

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


def plan(columns: Sequence[bytes], known: RowSet, page_rows: int, *, bulk: bool) -> RequestPlan:
    """Build the requests for a row set, page_rows at a time.

    By GETBULK where every column has every row, by GETNEXT where there are holes, and with v1: both show rows that are
    new, which GET would not.
    """
    suffixes = parts_of(known.rows)
    shape = _Shape(columns, suffixes, known, {})
    make = _bulk_pages if bulk and dense(known.tags, len(columns)) else _next_pages
    pages = make(shape, page_rows)
    return RequestPlan([row_name(s) for s in suffixes], suffixes, known.tags, pages, len(known.guards), len(columns))


def _guard_wants(names: Sequence[bytes]) -> list[bytes]:
    return [message.want(name + b"\x00", GUARD_TYPES[name]) for name in names]


def _bulk_pages(shape: _Shape, page_rows: int) -> list[RequestPage]:
    count = len(shape.suffixes)
    firsts = list(range(0, count, page_rows))
    last = max(1, page_rows - _rows_beyond(shape))
    if count - firsts[-1] > last:
        firsts.append(count - last)
    ends = [*firsts[1:], count]
    return [
        _bulk_page(shape, first, end - first, number)
        for number, (first, end) in enumerate(zip(firsts, ends, strict=True))
    ]


def _rows_beyond(shape: _Shape) -> int:
    """Return how many rows of the last page what follows the table may take the place of, where that is a text."""
    beyond = next(iter(parts_of(shape.known.beyond)), b"")
    row_bytes = max(1, shape.known.value_bytes * len(shape.columns))
    return -(-_TEXT_BYTES // row_bytes) if beyond[-1:] in _TEXTS else 0


def _bulk_page(shape: _Shape, first: int, rows: int, number: int) -> RequestPage:
    columns, suffixes, known, _ = shape
    extra = list(known.guards) if first == 0 else []
    wants = _guard_wants(extra)
    if first + rows == len(suffixes):
        for beyond in filter(None, parts_of(known.beyond)[:1]):
            extra.append(columns[0] + suffixes[-1])
            wants.append(beyond)
    for suffix in suffixes[first : first + rows]:
        wants += [head + suffix + tag for head, tag in shape.heads_for(len(suffix))]
    before = suffixes[first - 1] if first else b""
    names = [*extra, *(column + before for column in columns)]
    made = message.request(GET_BULK, names, non_repeaters=len(extra), repetitions=rows, page=number)
    return RequestPage(made, first, rows, wants, len(extra))


def _next_pages(shape: _Shape, page_rows: int) -> list[RequestPage]:
    """Return pages that ask for what follows the cell before each cell: the cell itself, unless one came between."""
    columns, suffixes, known, _ = shape
    width, count = len(columns), len(suffixes)
    cells = known.tags * count if dense(known.tags, width) else known.tags
    ends = _ends(shape, cells)
    firsts = list(range(0, count, page_rows))
    if ends and count % page_rows == 0:  # no room on the last page
        if len(known.guards) > 1:
            ends = []  # not worth a packet: the scalars tell
        else:
            firsts.append(count)
    before = list(columns)  #: by column, the cell that the next one follows
    pages: list[RequestPage] = []
    for first in firsts:
        names = [] if first else list(known.guards)
        wants = _guard_wants(names)
        if first == firsts[-1]:
            names += [name for name, _ in ends]
            wants += [want for _, want in ends]
        rows, extra = min(page_rows, count - first), len(names)
        for place in range(first * width, (first + rows) * width):
            row, at = divmod(place, width)
            if cells[place]:
                names.append(before[at])
                before[at] = columns[at] + suffixes[row]
                wants.append(message.want(before[at], cells[place]))
        pages.append(RequestPage(message.request(GET_NEXT, names, page=len(pages)), first, rows, wants, extra))
    return pages


def _ends(shape: _Shape, cells: bytes) -> list[tuple[bytes, bytes]]:
    """Return each column's last cell, and what must follow it unless the column has a new one there."""
    found: list[tuple[bytes, bytes]] = []
    width = len(shape.columns)
    for at, beyond in enumerate(parts_of(shape.known.beyond)):
        rows = len(cells[at::width].rstrip(b"\0"))
        if beyond:
            found.append((shape.columns[at] + (shape.suffixes[rows - 1] if rows else b""), beyond))
    return found


def cut(made: RequestPlan, page: RequestPage, rows: int, number: int) -> tuple[RequestPage, RequestPage]:
    """Split a page in two: its first rows, and the rest; they get this number and the next."""
    tags, width = made.tags, made.width
    whole = dense(tags, width)
    tags_of_head = b"" if whole else tags[page.first * width : (page.first + rows) * width]
    count = rows * width if whole else len(tags_of_head) - tags_of_head.count(0)
    at, names = page.extra + count, page.request.names
    middle = page.first + rows
    if page.request.pdu == GET_BULK:
        before, suffix = (len(made.suffixes[page.first - 1]) if page.first else 0), made.suffixes[middle - 1]
        rest_names: Sequence[bytes] = [name[: len(name) - before] + suffix for name in names[page.extra :]]
        head = message.request(GET_BULK, names, non_repeaters=page.extra, repetitions=rows, page=number)
        rest = message.request(GET_BULK, rest_names, repetitions=page.rows - rows, page=number + 1)
    else:
        head = message.request(GET_NEXT, names[:at], page=number)
        rest = message.request(GET_NEXT, names[at:], page=number + 1)
    return (
        RequestPage(head, page.first, rows, page.wants[:at], page.extra),
        RequestPage(rest, middle, page.rows - rows, page.wants[at:], 0),
    )


class PlanCache:
    """A cache of request plans that evicts the least recently used above a size in bytes."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._plans: OrderedDict[tuple[object, ...], tuple[RequestPlan, int]] = OrderedDict()

    def get(self, columns: tuple[bytes, ...], known: RowSet, page_rows: int, *, bulk: bool) -> RequestPlan:
        key = (columns, known.rows, known.tags, known.beyond, known.guards, page_rows, bulk)
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


def _size(made: RequestPlan) -> int:
    """Return about how many bytes a plan takes, with the headers of its objects."""
    values = sum(len(page.wants) for page in made.pages)
    names = sum(len(page.request.names) for page in made.pages)
    longest = max((len(page.wants[-1]) for page in made.pages if page.wants), default=0)
    return values * (longest + 41) + names * (2 * longest + 49) + len(made.rows) * 110
