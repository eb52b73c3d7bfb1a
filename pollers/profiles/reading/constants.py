"""The constant parts of rows: keys, tags, speeds, and the derived values that the gauges stage computes."""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple, TypeVar, overload

from pollers.profiles.language.absent import Absent, Cell, Reason
from pollers.profiles.language.expr import names
from pollers.profiles.language.functions import as_text
from pollers.profiles.model import Use
from pollers.profiles.reading.frames import TableFrame
from pollers.profiles.reading.plan import Plan
from pollers.profiles.refs import Ref
from schemas.records import DerivedMetric, DimensionColumn, MissingCells

#: reasons that say the device or the profile is at fault, not that the device simply lacks a value. Implausible is not
#: among them: sensors that are not fitted read so for years, and would leave no poll of their device a success
FAULTS: Final = frozenset({Reason.WRONG_TYPE, Reason.BAD_INDEX, Reason.NOT_A_NUMBER})
MAX_LONG: Final = 2**63 - 1
_TEXTS: Final = frozenset({str})

T = TypeVar("T")


@lru_cache(maxsize=8192)
def _shared(names: tuple[str, ...]) -> list[str]:
    """Return equal names as one and the same list, which nobody may change: many devices have the same rows."""
    return list(names)


class Missing:
    """Collects missing cells and their reasons, in the order in which they are found."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], list[int]] = {}

    def note(self, column: str, row: int, reason: str) -> None:
        self._rows.setdefault((column, reason), []).append(row)

    def cells(self) -> list[MissingCells]:
        return [MissingCells(column=column, reason=reason, rows=rows) for (column, reason), rows in self._rows.items()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Constants:
    """The constant parts of a table's rows."""

    index: Sequence[str]
    dimensions: Sequence[DimensionColumn]
    line_rates: Sequence[int]
    derived: Sequence[DerivedMetric]
    missing: Sequence[MissingCells]


class Unchanged(NamedTuple):
    """Keeps a table's constants between polls as long as neither its rows nor remembered values change."""

    rows: Sequence[str]
    columns: Mapping[str, Sequence[Cell]]  #: of what is remembered
    missing: Sequence[MissingCells]


def constants_of(
    plan: Plan, frame: TableFrame, kept: dict[str, Unchanged] | None
) -> tuple[Constants, Unchanged | None]:
    """Return the constants of a table's rows, and an `Unchanged` if the next poll may reuse them.

    What is the same as in the last poll is made when somebody looks. `kept` is brought up to date.
    """
    name = frame.table.name
    if kept is None or frame.known is None or name not in plan.steady:
        return _make_constants(frame, plan.rates), None
    before = kept.get(name)
    if before is not None and before.columns is frame.known.columns and before.rows == frame.index:
        return _made_later(frame, plan.rates, before.missing), before
    made = _make_constants(frame, plan.rates)
    kept[name] = Unchanged(_shared(tuple(frame.index)), frame.known.columns, made.missing or ())
    return made, kept[name]


def _make_constants(frame: TableFrame, rates: Container[Ref]) -> Constants:
    missing = Missing()
    return Constants(
        index=row_keys(frame),
        dimensions=_dimensions(frame, frame.kept, missing),
        line_rates=_line_rates(frame, frame.kept),
        derived=_derived(frame, rates),
        missing=missing.cells(),
    )


class _Later:
    """Makes the constants of a frame when somebody looks, which in most polls nobody does."""

    def __init__(self, frame: TableFrame, rates: Container[Ref]) -> None:
        self._frame = frame
        self._rates = rates
        self._made: Constants | None = None

    def made(self) -> Constants:
        if self._made is None:
            self._made = _make_constants(self._frame, self._rates)
        return self._made


class LaterPart(Sequence[T]):
    """One of the constants; reads like a list, and is computed on first access."""

    __slots__ = ("_of", "_part")

    def __init__(self, of: _Later, part: Callable[[Constants], Sequence[T]]) -> None:
        self._of = of
        self._part = part

    @overload
    def __getitem__(self, at: int) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[T]: ...
    def __getitem__(self, at: int | slice) -> T | Sequence[T]:
        return self._part(self._of.made())[at]

    def __iter__(self) -> Iterator[T]:
        return iter(self._part(self._of.made()))

    def __len__(self) -> int:
        return len(self._part(self._of.made()))

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Sequence) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # like a list's


def _made_later(frame: TableFrame, rates: Container[Ref], missing: Sequence[MissingCells]) -> Constants:
    later = _Later(frame, rates)
    return Constants(
        index=LaterPart(later, lambda made: made.index),
        dimensions=LaterPart(later, lambda made: made.dimensions),
        line_rates=LaterPart(later, lambda made: made.line_rates),
        derived=LaterPart(later, lambda made: made.derived),
        missing=missing,
    )


def row_keys(frame: TableFrame) -> list[str]:
    """Return the stable key of each kept row: a name where it is unique, `name#index` where it repeats or is blank."""
    indexes = [frame.index[row] for row in frame.kept]
    candidates = [_row_cells(frame, path) for path in frame.table.row]
    if not candidates:
        return indexes
    titles = [next((text for cells in candidates if (text := _blank_or_text(cells[row]))), "") for row in frame.kept]
    return unique_keys(titles, indexes)


def _row_cells(frame: TableFrame, path: str) -> list[Cell]:
    get = frame.get(tuple(path.split(".")))
    return [get(row) for row in range(len(frame.index))]


def _blank_or_text(cell: Cell) -> str:
    return "" if isinstance(cell, Absent) else as_text(cell).strip()


def unique_keys(titles: Sequence[str], indexes: Sequence[str]) -> list[str]:
    """Return a key per row, all different; the indexes must be."""
    seen: dict[str, int] = {}
    for name in titles:
        seen[name] = seen.get(name, 0) + 1
    keys = [
        name if name and seen[name] == 1 else f"{name}#{index}" for name, index in zip(titles, indexes, strict=True)
    ]
    if len(set(keys)) < len(keys):
        return [f"{name}#{index}" for name, index in zip(titles, indexes, strict=True)]
    return keys


def kept_cells(cells: Sequence[Cell], kept: Sequence[int]) -> Sequence[Cell]:
    """Return the cells of the kept rows; the column itself, not a copy, where all rows are kept."""
    if len(kept) == len(cells):
        return cells
    each = list(cells)
    return [each[row] for row in kept]


def texts(name: str, cells: Sequence[Cell], missing: Missing) -> Sequence[str]:
    if _TEXTS.issuperset(map(type, cells)):
        return cells  # type: ignore[return-value]
    values: list[str] = []
    for position, cell in enumerate(cells):
        if isinstance(cell, Absent):
            missing.note(name, position, cell.reason)
            values.append("")
        else:
            values.append(as_text(cell))
    return values


def _dimensions(frame: TableFrame, kept: Sequence[int], missing: Missing) -> list[DimensionColumn]:
    """Return the tags; one that no row of the device has is left out."""
    table = frame.table
    own = [name for name, column in table.columns.items() if column.use is Use.TAG]
    own += [part.name for part in table.index if part.use is Use.TAG]
    found: list[DimensionColumn] = []
    for name in (*own, *table.tags):
        cells = kept_cells(frame.column(name), kept)
        if any(not isinstance(cell, Absent) or cell.reason in FAULTS for cell in cells):
            found.append(DimensionColumn(name=name, values=texts(name, cells, missing)))
    shown = {column.name for column in found}
    for name, text in {**frame.frames.profile.static_tags, **table.static_tags}.items():
        if name not in shown:
            found.append(DimensionColumn(name=name, values=[text] * len(kept)))
    return found


def _derived(frame: TableFrame, rates: Container[Ref]) -> list[DerivedMetric]:
    """Return the computed values that are made of rates; the gauges stage works them out."""
    waiting = {name: each for name, each in frame.table.computed.items() if Ref(frame.table.name, name) in rates}
    found: list[DerivedMetric] = []
    while waiting:  # one that is made of others comes after them; circles were refused when the profile was checked
        name = next(
            name
            for name, computed in waiting.items()
            if not any(path[-1] in waiting for path in names(computed.expression.tree))
        )
        computed = waiting.pop(name)
        found.append(DerivedMetric(name=name, unit=computed.unit, expr=computed.expression.text))
    return found


def _line_rates(frame: TableFrame, kept: Sequence[int]) -> list[int]:
    if frame.table.line_rate is None:
        return []
    cells = frame.column(frame.table.line_rate)
    rates = {cell: 0 if isinstance(cell, Absent | str) or not 0 < cell < MAX_LONG else int(cell) for cell in cells}
    return [rates[cells[row]] for row in kept]
