"""A decoded sample: its constant part (`Shape`), and its numbers in matrices."""

from collections.abc import Hashable, Iterable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from schemas.errors import RecordError
from schemas.records import (
    CounterColumn,
    DerivedMetric,
    DimensionColumn,
    GaugeColumn,
    MissingCells,
    RawCounters,
    StateColumn,
)
from streams.gauges.reasons import NoRate
from streams.gauges.samples.clock import PollTime

Counts: TypeAlias = npt.NDArray[np.uint64]
Numbers: TypeAlias = npt.NDArray[np.float64]
Longs: TypeAlias = npt.NDArray[np.int64]

T = TypeVar("T")

LONG: Final = np.dtype("<i8")
DOUBLE: Final = np.dtype("<f8")
_SHARED: Final = 1024


class Fixed(NamedTuple):
    """The usually constant first fields of RawCounters."""

    resource: str
    site: str
    endpoint: str
    labels: tuple[tuple[str, str], ...]
    job: str
    group: str
    interval_s: int
    row_keys: tuple[str, ...]  #: `index` there
    dimensions: tuple[tuple[str, tuple[str, ...]], ...]
    line_rates: tuple[int, ...]
    derived: tuple[tuple[str, str, str], ...] = ()  #: (name, unit, expression)
    absent: tuple[tuple[str, str], ...] = ()  #: (column, reason): what the agent has in no row


class CounterSpec(NamedTuple):
    """A counter column without its values, as in RawCounters."""

    name: str
    width: int
    rows_32: tuple[int, ...]
    unit: str
    scale: float


N = TypeVar("N", bound=np.generic)


class Shape:
    """A sample without its numbers; comparable by content."""

    __slots__ = ("counters", "fixed", "kept", "level_units", "levels", "rows", "states")

    def __init__(
        self, fixed: Fixed, counters: tuple[CounterSpec, ...], levels: Sequence[tuple[str, str]], states: Sequence[str]
    ) -> None:
        """Take the levels as (name, unit). Raises RecordError where names repeat or lengths differ."""
        self.fixed: Final = fixed
        self.counters: Final = counters
        self.levels: Final = _shared(tuple(name for name, _ in levels))
        self.level_units: Final = _shared(tuple(unit for _, unit in levels))
        self.states: Final = _shared(tuple(states))
        self.rows: Final = len(fixed.row_keys)
        #: what was worked out from it alone, by whoever did
        self.kept: Final[dict[Hashable, object]] = {}
        _check(self)

    def positions(self) -> dict[str, int]:
        """Return row -> position; not cached, since most polls have the same rows as before."""
        return {key: row for row, key in enumerate(self.fixed.row_keys)}

    def __hash__(self) -> int:
        return hash(self._content())

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Shape) and self._content() == other._content())

    def _content(self) -> tuple[object, ...]:
        return self.fixed, self.counters, self.levels, self.level_units, self.states


class MissingPart(NamedTuple):
    """Cells of one column that the device did not give."""

    column: str
    reason: str
    rows: tuple[int, ...]


class DecodedSample(NamedTuple):
    """One poll of one group. Matrices have a row per column of the poll, as RawCounters has."""

    shape: Shape
    slot: int  #: Unix seconds
    polled_at_ms: int  #: Unix milliseconds
    uptime_cs: int | None
    engine_boots: int | None
    counts: Counts  #: counters x rows, raw
    levels: Numbers  #: gauge columns x rows
    states: tuple[tuple[str, ...], ...]
    offsets_ms: Longs | None  #: None = 0 for all
    first_answer_ms: int  #: the smallest of them
    discontinuities_cs: Longs | None  #: None = none known
    missing: tuple[MissingPart, ...]
    complete: bool = True  #: a row that is not here is gone

    @property
    def moment(self) -> PollTime:
        return PollTime(self.polled_at_ms, self.first_answer_ms, self.uptime_cs, self.engine_boots, self.slot)


def from_record(record: RawCounters) -> DecodedSample:
    """Convert a RawCounters record to a DecodedSample. Raises RecordError where its columns do not fit one another."""
    fixed = Fixed(
        resource=record.resource,
        site=record.site,
        endpoint=record.endpoint,
        labels=tuple(record.labels.items()),
        job=record.job,
        group=record.group,
        interval_s=record.interval_s,
        row_keys=_shared(tuple(record.index)),
        dimensions=tuple((column.name, _shared(tuple(column.values))) for column in record.dimensions),
        line_rates=_shared(tuple(record.line_rates)),
        derived=tuple((value.name, value.unit, value.expr) for value in record.derived),
        absent=tuple(record.absent.items()),
    )
    shape = Shape(
        fixed,
        _shared(
            tuple(
                CounterSpec(column.name, column.width, tuple(column.rows_32), column.unit, column.scale)
                for column in record.counters
            )
        ),
        [(column.name, column.unit) for column in record.gauges],
        [column.name for column in record.states],
    )
    counts = _matrix([(column.name, column.values) for column in record.counters], shape.rows, LONG)
    levels = _matrix([(column.name, column.values) for column in record.gauges], shape.rows, DOUBLE)
    sample = DecodedSample(
        shape=shape,
        slot=record.slot,
        polled_at_ms=record.polled_at_ms,
        uptime_cs=record.uptime_cs,
        engine_boots=record.engine_boots,
        counts=counts.view(np.uint64),
        levels=levels,
        states=tuple(_shared(tuple(column.values)) for column in record.states),
        offsets_ms=_longs(record.offsets_ms),
        first_answer_ms=min(record.offsets_ms, default=0),
        discontinuities_cs=_longs(record.discontinuities_cs),
        missing=tuple(MissingPart(part.column, part.reason, tuple(part.rows)) for part in record.missing),
        complete=record.complete,
    )
    return checked(sample)


def to_record(sample: DecodedSample) -> RawCounters:
    """Convert a DecodedSample back to its record; levels that are NaN or infinite become missing."""
    shape, fixed = sample.shape, sample.shape.fixed
    return RawCounters(
        resource=fixed.resource,
        site=fixed.site,
        endpoint=fixed.endpoint,
        labels=dict(fixed.labels),
        job=fixed.job,
        group=fixed.group,
        interval_s=fixed.interval_s,
        index=fixed.row_keys,
        dimensions=tuple(DimensionColumn(name=name, values=values) for name, values in fixed.dimensions),
        line_rates=fixed.line_rates,
        derived=tuple(DerivedMetric(name=name, unit=unit, expr=expr) for name, unit, expr in fixed.derived),
        absent=dict(fixed.absent),
        slot=sample.slot,
        polled_at_ms=sample.polled_at_ms,
        uptime_cs=sample.uptime_cs,
        engine_boots=sample.engine_boots,
        counters=tuple(
            CounterColumn(**spec._asdict(), values=tuple(values))
            for spec, values in zip(shape.counters, sample.counts.view(np.int64).tolist(), strict=True)
        ),
        gauges=tuple(
            GaugeColumn(name=name, unit=unit, values=tuple(values))
            for name, unit, values in zip(shape.levels, shape.level_units, sample.levels.tolist(), strict=True)
        ),
        states=tuple(
            StateColumn(name=name, values=values) for name, values in zip(shape.states, sample.states, strict=True)
        ),
        offsets_ms=() if sample.offsets_ms is None else tuple(sample.offsets_ms.tolist()),
        discontinuities_cs=() if sample.discontinuities_cs is None else tuple(sample.discontinuities_cs.tolist()),
        missing=tuple(MissingCells(**part._asdict()) for part in sample.missing),
        complete=sample.complete,
    )


def checked(sample: DecodedSample) -> DecodedSample:
    """Return the sample, with levels that are NaN or infinite marked as missing. Raises RecordError for lengths that
    differ.
    """
    rows = sample.shape.rows
    lengths = {
        "states": {len(column) for column in sample.states},
        "offsets_ms": set() if sample.offsets_ms is None else {len(sample.offsets_ms)},
        "discontinuities_cs": set() if sample.discontinuities_cs is None else {len(sample.discontinuities_cs)},
    }
    for what, found in lengths.items():
        if found - {rows}:
            raise RecordError(f"{what}: {sorted(found)} values for {rows} rows")
    for part in sample.missing:
        if part.rows and not (min(part.rows) >= 0 and max(part.rows) < rows):
            raise RecordError(f"missing: column {part.column!r} names rows that are not in an index of {rows}")
    return without_strange_levels(sample)


def without_strange_levels(sample: DecodedSample) -> DecodedSample:
    """Return the sample with levels that are NaN or infinite marked as missing."""
    finite = np.isfinite(sample.levels)
    if finite.all():
        return sample
    known = {(part.column, row) for part in sample.missing for row in part.rows}
    strange = [
        MissingPart(name, NoRate.NOT_A_NUMBER, rows)
        for name, good in zip(sample.shape.levels, finite, strict=True)
        if (rows := tuple(int(row) for row in np.flatnonzero(~good) if (name, int(row)) not in known))
    ]
    return sample._replace(levels=np.where(finite, sample.levels, 0.0), missing=(*sample.missing, *strange))


@lru_cache(maxsize=_SHARED)
def _shared(values: T) -> T:
    """Return equal values as one and the same object: many devices have the same rows, columns and states."""
    return values


def _matrix(columns: Sequence[tuple[str, Sequence[float]]], rows: int, kind: np.dtype[N]) -> npt.NDArray[N]:
    for name, values in columns:
        if len(values) != rows:
            raise RecordError(f"column {name!r}: {len(values)} values for {rows} rows")
    try:
        return np.array([values for _, values in columns], dtype=kind).reshape(len(columns), rows)
    except (ValueError, OverflowError, TypeError) as error:
        raise RecordError(
            f"columns {[name for name, _ in columns]} hold something that is no number: {error}"
        ) from error


def _longs(values: Sequence[int]) -> Longs | None:
    return np.array(values, dtype=LONG) if values else None


def _repeated(names: Iterable[str]) -> list[str]:
    seen: set[str] = set()
    return sorted({name for name in names if name in seen or seen.add(name)})  # type: ignore[func-returns-value]


def _check(shape: Shape) -> None:
    fixed = shape.fixed
    names = {
        "index: rows": fixed.row_keys,
        "columns of numbers": (
            *(spec.name for spec in shape.counters),
            *shape.levels,
            *(name for name, _, _ in fixed.derived),
        ),
        "states": shape.states,
        "dimensions": [name for name, _ in fixed.dimensions],
    }
    for what, found in names.items():
        if repeated := _repeated(found):
            raise RecordError(f"{what} named more than once: {repeated[:5]}")
    lengths = {f"dimension {name!r}": len(values) for name, values in fixed.dimensions}
    lengths["line_rates"] = len(fixed.line_rates) or shape.rows
    for what, length in lengths.items():
        if length != shape.rows:
            raise RecordError(f"{what}: {length} values for {shape.rows} rows")
    columns = {*names["columns of numbers"], *shape.states, *names["dimensions"]}
    if there := sorted(columns.intersection(name for name, _ in fixed.absent)):
        raise RecordError(f"absent: columns that are there: {there[:5]}")
    for spec in shape.counters:
        _check_counter(spec, shape.rows)
    if fixed.interval_s <= 0:
        raise RecordError(f"interval_s {fixed.interval_s}, expected at least 1")


def _check_counter(spec: CounterSpec, rows: int) -> None:
    if spec.width not in (32, 64):
        raise RecordError(f"counter {spec.name!r}: width {spec.width}, expected 32 or 64")
    if any(not 0 <= row < rows for row in spec.rows_32):
        raise RecordError(f"counter {spec.name!r}: rows_32 names rows that are not in an index of {rows}")
    if not 0 < spec.scale < float("inf"):
        raise RecordError(f"counter {spec.name!r}: scale {spec.scale}, expected a positive number")
