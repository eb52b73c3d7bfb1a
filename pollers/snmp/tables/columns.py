"""Collects the cells of columns and merges the columns into a table (pure)."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from pollers.snmp.codec import ber
from pollers.snmp.errors import DamagedResponse
from pollers.snmp.values import Column, Data, Oid, SnmpTable, TableProblem, Type

_NUMBERS: Final = frozenset({int})

row_name = lru_cache(maxsize=16384)(ber.dotted)
row_order = lru_cache(maxsize=16384)(ber.decode_suffix)


class ReadCells:
    """The cells of one column in the order in which they were read."""

    __slots__ = ("data", "offsets_ms", "suffixes", "types")

    def __init__(self) -> None:
        self.suffixes: list[bytes] = []  #: rows, encoded
        self.types = bytearray()
        self.data: list[Data] = []
        self.offsets_ms: list[int] = []

    def extend(self, rows: Sequence[bytes], tags: Sequence[int], raws: Sequence[bytes]) -> str:
        """Append cells, and return the problem of an invalid one, if any; that cell is left empty."""
        types, data, wrong = decode_cells(tags, raws)
        self.suffixes += rows
        self.types += types
        self.data += data
        return wrong


def decode_known(tag: int, cells: Sequence[ber.Cell]) -> tuple[bytes, list[Data], str]:
    """Return the same as `decode_cells` for cells that all have this tag."""
    tags = bytes((tag,)) * len(cells)
    if tag == Type.OCTET_STRING or set(map(type, cells)) <= _NUMBERS:
        return tags, list(cells), ""
    return decode_cells(tags, cells)


def decode_cells(tags: Sequence[int], cells: Sequence[ber.Cell]) -> tuple[bytes, list[Data], str]:
    """Decode types and data, and return the problem of an invalid cell, which is left empty."""
    raws = [cell for cell in cells if isinstance(cell, bytes)]
    try:
        if len(raws) == len(cells):
            return *ber.decode_column(tags, raws), ""
    except DamagedResponse:
        pass
    types, data, wrong = bytearray(), list[Data](), ""
    for tag, cell in zip(tags, cells, strict=True):
        try:
            kind, value = (tag, cell) if isinstance(cell, int) else ber.decode_value(tag, cell)
            types.append(kind)
            data.append(value)
        except DamagedResponse as error:
            types.append(0)
            data.append(None)
            wrong = str(error)
    return bytes(types), data, wrong


def merge(columns: Sequence[tuple[Oid, ReadCells]], problems: Sequence[TableProblem]) -> SnmpTable:
    """Merge columns to one table: the union of rows in the order of OIDs; cells that a column lacks are empty."""
    first = columns[0][1]
    if all(cells.suffixes == first.suffixes for _, cells in columns):
        made = [Column(oid, cells.types, cells.data) for oid, cells in columns]
        return SnmpTable(list(map(row_name, first.suffixes)), made, first.offsets_ms, tuple(problems))
    offsets: dict[bytes, int] = {}
    for _, cells in reversed(columns):
        offsets.update(zip(cells.suffixes, cells.offsets_ms, strict=True))
    rows = sorted(offsets, key=row_order)
    position = {row: at for at, row in enumerate(rows)}
    made = [_spread(oid, cells, position) for oid, cells in columns]
    return SnmpTable(list(map(row_name, rows)), made, [offsets[row] for row in rows], tuple(problems))


def _spread(oid: Oid, cells: ReadCells, position: dict[bytes, int]) -> Column:
    types = bytearray(len(position))
    data: list[Data] = [None] * len(position)
    for suffix, tag, value in zip(cells.suffixes, cells.types, cells.data, strict=True):
        at = position[suffix]
        types[at] = tag
        data[at] = value
    return Column(oid, types, data)
