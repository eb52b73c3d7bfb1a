"""Known rows of a table: what a walk found, packed, and whether it may have changed (pure)."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Final, NamedTuple

from pollers.snmp.codec import ber, message
from pollers.snmp.tables.walk import Walk, WalkedColumn
from pollers.snmp.values import Type

UPTIME: Final = ber.encode_oid("1.3.6.1.2.1.1.3")
_IF_NUMBER: Final = ber.encode_oid("1.3.6.1.2.1.2.1")
_IF_TABLE_LAST_CHANGE: Final = ber.encode_oid("1.3.6.1.2.1.31.1.5")
_ENT_LAST_CHANGE: Final = ber.encode_oid("1.3.6.1.2.1.47.1.4.1")
_INTERFACES: Final = (ber.encode_oid("1.3.6.1.2.1.2.2"), ber.encode_oid("1.3.6.1.2.1.31.1.1"))
_ENTITIES: Final = (ber.encode_oid("1.3.6.1.2.1.47"),)
_TEXTS: Final = (Type.OCTET_STRING, Type.OPAQUE)
GUARD_TYPES: Final = {
    UPTIME: Type.TIME_TICKS,
    _IF_NUMBER: Type.INTEGER,
    _IF_TABLE_LAST_CHANGE: Type.TIME_TICKS,
    _ENT_LAST_CHANGE: Type.TIME_TICKS,
}
_LONGEST_PART: Final = 255  #: of what is kept with its length before it, in one octet
_UPTIME_WRAP: Final = 2**32
_WRAP_MARGIN_CS: Final = 100 * 3600  #: how near to the end of its range sysUpTime must have been to have wrapped
#: sysUpTime may lag this much behind the worker's clock: answers take their time, and clocks drift
_LAG_CS: Final = 200
_DRIFT: Final = 0.05


def guards(columns: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return the scalars (without .0) whose change means that the rows of these columns may have changed."""
    found = [UPTIME]
    if any(column.startswith(_INTERFACES) for column in columns):
        found += [_IF_NUMBER, _IF_TABLE_LAST_CHANGE]
    if any(column.startswith(_ENTITIES) for column in columns):
        found.append(_ENT_LAST_CHANGE)
    return tuple(found)


class RowSet(NamedTuple):
    """The known rows of a table; equal ones of many devices share their bytes."""

    rows: bytes  #: each row encoded, its length before it
    #: one tag per column where every cell has its column's tag, else one per cell, row by row, 0 for a hole
    tags: bytes
    value_bytes: int  #: of a response, per value, rounded up, so that a page fits where its rows are the longest
    guards: tuple[bytes, ...]  #: names, sysUpTime first
    told: bytes  #: what they said: contents, each with its length before it
    #: name and tag of what follows the last row, each with its length before it, empty where that is not known: of the
    #: first column where GETBULK shows the others, of every column where GETNEXT has to
    beyond: bytes
    learnt_at_s: float
    misses: int = 0  #: how often in a row the device had other rows than were learnt
    heard_at_s: float = 0.0  #: when the device was asked for the guards


def dense(tags: bytes, width: int) -> bool:
    """Return whether the tags of a row set describe whole columns of `width` rows, without gaps."""
    return len(tags) == width and 0 not in tags


def learn(walk: Walk, began_s: float) -> RowSet | None:
    """Return the row set of a finished walk, or None where it cannot be read by GET: problems, or no rows."""
    walk.settle()
    first = walk.columns[0].cells
    if walk.problems or not any(c.cells.suffixes for c in walk.columns) or UPTIME not in walk.guards:
        return None
    told = list(walk.guards.values())
    uniform = bool(first.suffixes) and all(
        c.cells.suffixes == first.suffixes and c.cells.types.count(c.cells.types[0]) == len(first.suffixes)
        for c in walk.columns
    )
    if uniform:
        tags = bytes(c.cells.types[0] for c in walk.columns)
        rows = first.suffixes
    else:
        rows, tags = _cells(walk)
    if any(len(part) > _LONGEST_PART for part in (*rows, *told)):
        return None
    beyond = _packed([_beyond(column) for column in walk.columns[: 1 if uniform and walk.bulk else None]])
    names = tuple(walk.guards)
    return RowSet(
        _packed(rows), tags, _value_bytes(walk, rows), names, _packed(told), beyond, began_s, heard_at_s=began_s
    )


def _value_bytes(walk: Walk, rows: Sequence[bytes]) -> int:
    """Return the bytes per value by which a page that is planned to be full is no longer, whichever rows it has.

    What texts take is counted row by row; the rest of the responses is taken to be the same for every value.
    """
    width, room = len(walk.columns), walk.paging.room_bytes
    mean = int(walk.bytes_read / max(1, walk.values_read)) + 1
    texts = dict.fromkeys(rows, 0)
    for cells in (column.cells for column in walk.columns if any(kind in column.cells.types for kind in _TEXTS)):
        for row, data in zip(cells.suffixes, cells.data, strict=True):
            if isinstance(data, bytes):
                texts[row] += len(data)
    rest = width * (int((walk.bytes_read - sum(texts.values())) / max(1, walk.values_read)) + 1)
    sizes = [rest + text for text in texts.values()]
    most = _most_rows(sizes, room)
    if most == len(sizes):
        return mean
    # the least that lets `Paging.rows` give no more rows than these, if a single row does not tell that less will do
    return max(mean, min(int(room / ((most + 1) * width)), max(sizes) // width) + 1)


def _most_rows(sizes: Sequence[int], room: int) -> int:
    """Return how many rows in a row fit into this room wherever they begin, at least 1."""
    ends = [0, *accumulate(sizes)]
    low, high = 1, len(sizes)
    while low < high:
        middle = (low + high + 1) // 2
        if max(end - start for start, end in zip(ends, ends[middle:], strict=False)) <= room:
            low = middle
        else:
            high = middle - 1
    return low


def _packed(parts: Sequence[bytes]) -> bytes:
    return b"".join([bytes((len(part),)) + part for part in parts])


def _beyond(column: WalkedColumn) -> bytes:
    """Return the variable that a GETNEXT of the column's last row gives, empty where that is not known."""
    if column.beyond is None:
        return b""
    oid, tag = column.beyond
    found = message.want(column.prefix + column.last if tag == Type.END_OF_MIB_VIEW else oid, tag)
    return found if len(found) <= _LONGEST_PART else b""


def _cells(walk: Walk) -> tuple[list[bytes], bytes]:
    """Return the rows in order, and the tag of each cell, row by row."""
    by_row = [dict(zip(c.cells.suffixes, c.cells.types, strict=True)) for c in walk.columns]
    rows = sorted(set().union(*by_row), key=ber.decode_suffix)
    return rows, bytes(column.get(row, 0) for row in rows for column in by_row)


def told_now(known: RowSet, uptime: bytes) -> RowSet:
    """Return the row set with a new sysUpTime, and its other guards as they were."""
    return known._replace(told=_packed([uptime]) + known.told[1 + known.told[0] :])


def parts_of(packed: bytes) -> list[bytes]:
    """Return the length-prefixed fields of a RowSet: rows, contents of guards, or the part beyond the rows."""
    found, at = [], 0
    while at < len(packed):
        end = at + 1 + packed[at]
        found.append(packed[at + 1 : end])
        at = end
    return found


def unchanged(known: RowSet, now: Sequence[bytes], elapsed_s: float = 0.0) -> bool:
    """Return whether the guards show that the rows have not changed in these seconds."""
    before = parts_of(known.told)
    if before[1:] != list(now[1:]) or len(now[0]) > _LONGEST_PART:
        return False
    return not _restarted(int.from_bytes(before[0]), int.from_bytes(now[0]), elapsed_s * 100)


def _restarted(was_cs: int, now_cs: int, elapsed_cs: float) -> bool:
    """Return whether two readings of sysUpTime tell of a restart between them.

    Its own wrap after 497 days is none. A device that has been up for longer than it was, again, is known by an uptime
    that fits in between the readings, and is behind its time. One whose uptime stands still tells nothing.
    """
    if now_cs <= was_cs:
        return now_cs < was_cs <= _UPTIME_WRAP - _WRAP_MARGIN_CS
    return now_cs <= elapsed_cs and now_cs < was_cs + elapsed_cs * (1 - _DRIFT) - _LAG_CS
