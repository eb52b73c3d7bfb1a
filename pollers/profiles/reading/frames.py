"""The tables of one poll: columns of cells, converted, joined and computed on demand."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple

from pollers.profiles.language.absent import NOT_ANSWERED, Absent, Cell, Reason, first_of
from pollers.profiles.language.evaluate import Get, compile_expression, truth
from pollers.profiles.language.expr import Call, Expression, ExpressionError, Tree
from pollers.profiles.language.functions import as_text, written
from pollers.profiles.model import ColumnSpec, Computed, IndexPart, Profile, Slice, Source, TableSpec, Use
from pollers.profiles.reading.convert import bounded, converter
from pollers.profiles.reading.index import parse_index
from pollers.profiles.refs import RowNumber, Whole, aggregated, meaning, resolve
from pollers.snmp.values import Column as Answered
from pollers.snmp.values import Oid, Value


class WalkAnswer(NamedTuple):
    """The answer of one walk."""

    rows: Sequence[str]
    columns: Mapping[Oid, Answered]
    offsets_ms: Sequence[int]
    problem: str | None = None  #: why it is incomplete, if it is
    fast: frozenset[Oid] = frozenset()  #: the columns that make a row: one with only slow ones is none


class Known(NamedTuple):
    """Values remembered from an earlier poll or from enrichment."""

    rows: Mapping[str, int]  #: row's index -> position in each column
    columns: Mapping[str, Sequence[Cell]]
    at_ms: int  #: when it was read
    until_ms: int  #: how long it is good for, unless the device reboots


def without_rows(names: Iterable[str], at_ms: int, until_ms: int) -> Known:
    """Return what is remembered of a table without rows, in little memory, since most devices lack most tables."""
    return Known(_NO_PLACES, _no_cells(tuple(names)), at_ms, until_ms)


@lru_cache(maxsize=1024)
def _no_cells(names: tuple[str, ...]) -> Mapping[str, Sequence[Cell]]:
    return MappingProxyType(dict.fromkeys(names, ()))


_NO_PLACES: Final[Mapping[str, int]] = MappingProxyType({})
EMPTY = WalkAnswer((), {}, ())
Answers = Mapping[str, WalkAnswer]  #: by table


@dataclass(slots=True)
class Frames:
    """All tables of one poll."""

    profile: Profile
    scalars: Mapping[Oid, Value]
    answers: Answers
    known: Mapping[str, Known] = field(default_factory=dict)
    _frames: "dict[str, TableFrame]" = field(default_factory=dict)

    def frame(self, table: str) -> "TableFrame":
        if table not in self._frames:
            self._frames[table] = TableFrame(self, self.profile.tables[table])
        return self._frames[table]

    def has_rows(self, table: str) -> bool:
        """Return whether a table has rows before its filter; makes no frame, for a device lacks most tables."""
        answer, known = self.answers.get(table), self.known.get(table)
        if answer is not None and answer.columns:
            return bool(answer.rows)
        return self.profile.tables[table].scalar or (known is not None and bool(known.rows))

    def clear(self) -> None:
        """Forget the frames once samples are made: they refer to each other, so nothing else frees them soon."""
        self._frames.clear()


def own_rows(table: TableSpec, answer: WalkAnswer) -> tuple[list[str], Sequence[int] | None]:
    """Return which of a walk's rows belong to this table, and their positions; None = all of them.

    A row is one that has a cell in the columns that are read in every poll; in any, where the table has no such ones.
    """
    own = {source.oid for column in table.columns.values() for source in column.sources}
    making = own & answer.fast or own
    mine = [column.types for oid, column in answer.columns.items() if oid in making]
    if any(0 not in types for types in mine):
        return list(answer.rows), None
    positions = [row for row in range(len(answer.rows)) if any(types[row] for types in mine)]
    if len(positions) == len(answer.rows):
        return list(answer.rows), None
    return [answer.rows[row] for row in positions], positions


class TableFrame:
    """One table: `index` has its rows, `column()` a cell per row, `kept` the positions that the filter lets through."""

    def __init__(self, frames: Frames, table: TableSpec) -> None:
        self.frames = frames
        self.table = table
        self.known = frames.known.get(table.name)
        self.answer = frames.answers.get(table.name, EMPTY)
        self.index, self.positions = self._rows()
        self._as_known: bool | None = None  #: whether what is remembered has just these rows, in this order
        self._columns: dict[str, Sequence[Cell]] = {}
        self._parts: list[list[Cell]] | None = None
        self._joined: dict[str, list[int | Absent]] = {}
        self._kept: list[int] | None = None

    def _rows(self) -> tuple[list[str], Sequence[int] | None]:
        """Return the rows, and where they are in the answer; None = just as in the answer."""
        if self.table.scalar:
            return ["0"], None
        if not self.answer.columns:
            return (list(self.known.rows) if self.known else []), None
        return own_rows(self.table, self.answer)

    @property
    def kept(self) -> Sequence[int]:
        """Return the positions of the rows for which `when` is true."""
        if self.table.when is None or not self.index:
            return range(len(self.index))
        if self._kept is None:
            get = compile_expression(self.table.when, _Names(self))
            self._kept = [row for row in range(len(self.index)) if truth(get(row)) is True]
        return self._kept

    def offsets_ms(self) -> list[int]:
        offsets = self.answer.offsets_ms
        if not offsets:
            return [0] * len(self.index)
        return list(offsets) if self.positions is None else [offsets[row] for row in self.positions]

    def raw(self, source: Source) -> tuple[Sequence[int], Sequence[object]] | None:
        """Return the BER tags and data of one OID, a cell for each row; None = not asked or not answered."""
        if self.table.scalar:
            value = self.frames.scalars.get(source.oid)
            return None if value is None else ((value.type,), (value.data,))
        column = self.answer.columns.get(source.oid)
        if column is None:
            return None
        if self.positions is None:
            return column.types, column.data
        return [column.types[row] for row in self.positions], [column.data[row] for row in self.positions]

    def column(self, name: str) -> Sequence[Cell]:
        """Return the cells of a column, computed value, index part or tag of this table."""
        if name not in self._columns:
            self._columns[name] = self._make(name)
        return self._columns[name]

    def kept_numbers(self, computed: Computed) -> Sequence[Cell]:
        """Return a computed value's cells for the kept rows only, since many tables may share the rows of one."""
        remembered = self.known is not None and computed.name in self.known.columns
        if remembered or computed.name in self._columns or len(self.kept) == len(self.index):
            cells = self.column(computed.name)
            return cells if len(self.kept) == len(cells) else [cells[row] for row in self.kept]
        get = compile_expression(computed.expression, _Names(self))
        return [_as_computed(get(row), computed) for row in self.kept]

    def _make(self, name: str) -> Sequence[Cell]:  # noqa: PLR0911
        if self.known is not None and name in self.known.columns:
            cells, rows = self.known.columns[name], self.known.rows
            if self._as_known is None:
                self._as_known = list(rows) == self.index
            if self._as_known:
                return cells
            cells = list(cells)
            return [cells[rows[index]] if index in rows else NOT_ANSWERED for index in self.index]
        found = meaning(self.table, name)
        match found:
            case ColumnSpec():
                return self._convert(found)
            case Computed():
                cells = self._evaluate(found.expression)
                return _as_texts(cells) if found.use is Use.STATE else [_as_computed(cell, found) for cell in cells]
            case Expression():
                return _as_texts(self._evaluate(found))
            case IndexPart():
                return self._part(found)
            case Whole() | RowNumber():
                return list(self.index) if isinstance(found, Whole) else list(range(len(self.index)))
            case str():
                return [found] * len(self.index)
        raise ExpressionError(f"a name of {self.table.name!r}, not {name!r}")

    def _convert(self, column: ColumnSpec) -> list[Cell]:
        cells: list[Cell] | None = None
        for source in column.sources:
            raw = self.raw(source)
            if raw is None:
                continue
            convert = converter(column, source.scale)
            # the same cell comes again and again: states and types have few values
            made: dict[tuple[int, object], Cell] = {}
            found: list[Cell] = []
            for cell in zip(*raw, strict=True):
                if cell not in made:
                    made[cell] = convert(*cell)  # type: ignore[arg-type]
                found.append(made[cell])
            cells = (
                found
                if cells is None
                else [first_of(a, b) if isinstance(a, Absent) else a for a, b in zip(cells, found, strict=True)]
            )
        cells = [NOT_ANSWERED] * len(self.index) if cells is None else cells
        if self.answer.problem is not None:
            why = Absent(self.answer.problem)
            cells = [why if cell is NOT_ANSWERED else cell for cell in cells]
        return cells

    def _evaluate(self, expression: Expression) -> list[Cell]:
        return list(map(compile_expression(expression, _Names(self)), range(len(self.index))))

    def _part(self, part: IndexPart) -> list[Cell]:
        if self._parts is None:
            self._parts = [parse_index(index, self.table.index) for index in self.index]
        position = self.table.index.index(part)
        return [values[position] for values in self._parts]

    # ---- names for expressions (evaluate.Names)

    def get(self, path: tuple[str, ...]) -> Get:
        ref = resolve(self.frames.profile.tables, self.table, path)
        if ref.via is None and ref.table == self.table.name:
            return _getter(self.column(ref.name))
        other = list(self.frames.frame(ref.table).column(ref.name))
        if ref.via is None:
            return lambda _row: other[0]
        places = self._places(ref.via)

        def joined(row: int) -> Cell:
            place = places[row]
            return place if isinstance(place, Absent) else other[place]

        return joined

    def rows_of(self, call: Call) -> "tuple[Sequence[int], _Names, Sequence[Tree]]":
        table, stripped = aggregated(self.frames.profile.tables, call)
        other = self.frames.frame(table.name)
        return other.kept, _Names(other), stripped.args if isinstance(stripped, Call) else ()

    def _places(self, alias: str) -> list[int | Absent]:
        """Return for each row where it is found in the joined table."""
        if alias not in self._joined:
            join = self.table.joins[alias]
            other = self.frames.frame(join.table)
            keys = (
                other.index
                if join.to is None
                else [None if isinstance(cell, Absent) else as_text(cell) for cell in other.column(join.to)]
            )
            where: dict[str | None, int] = {}
            for place, key in enumerate(keys):
                where.setdefault(key, place)
            self._joined[alias] = [
                key if isinstance(key, Absent) else where.get(key, Absent(Reason.NO_ROW)) for key in self._keys(join.on)
            ]
        return self._joined[alias]

    def _keys(self, on: Sequence[tuple[str, ...] | Slice]) -> list[str | Absent]:
        if not on:
            return list(self.index)
        getters = [self._slice(key) if isinstance(key, Slice) else self.get(key) for key in on]
        keys: list[str | Absent] = []
        for row in range(len(self.index)):
            cells = [get(row) for get in getters]
            missing = next((cell for cell in cells if isinstance(cell, Absent)), None)
            keys.append(missing or ".".join(as_text(cell) for cell in cells if not isinstance(cell, Absent)))
        return keys

    def _slice(self, bounds: Slice) -> Get:
        def get(row: int) -> Cell:
            arcs = self.index[row].split(".")
            end = bounds.end + len(arcs) if bounds.end < 0 else bounds.end
            return ".".join(arcs[bounds.start : end + 1]) or Absent(Reason.BAD_INDEX)

        return get


class _Names:
    """A frame as the source of names for expressions."""

    def __init__(self, frame: TableFrame) -> None:
        self._frame = frame

    def column(self, path: tuple[str, ...]) -> Get:
        return self._frame.get(path)

    def rows_of(self, call: Call) -> "tuple[Sequence[int], _Names, Sequence[Tree]]":
        return self._frame.rows_of(call)


def _as_texts(cells: Sequence[Cell]) -> list[Cell]:
    return [cell if isinstance(cell, Absent) else as_text(cell) for cell in cells]


def _as_computed(cell: Cell, computed: Computed) -> Cell:
    return bounded(written(cell) if isinstance(cell, float) else cell, computed.name, computed.unit)


def _getter(cells: Sequence[Cell]) -> Get:
    each = list(cells)
    return lambda row: each[row]
