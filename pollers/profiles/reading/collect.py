"""Turns answers into samples: the pure half of polling by profile."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final, NamedTuple

from pollers.profiles.language.absent import LACKING, NOT_ANSWERED, Absent, Cell, Reason, more_telling
from pollers.profiles.model import As, ColumnSpec, Group, Use
from pollers.profiles.reading.constants import MAX_LONG, Constants, Missing, Unchanged, constants_of, kept_cells, texts
from pollers.profiles.reading.convert import exception_of
from pollers.profiles.reading.frames import Frames, TableFrame
from pollers.profiles.reading.plan import Plan
from pollers.profiles.reading.stack import stack_samples
from pollers.profiles.refs import Ref
from pollers.sample import Sample
from pollers.snmp.values import FIRST_EXCEPTION, Type
from schemas.records import CounterColumn, GaugeColumn, StateColumn

_NUMBERS: Final = frozenset({int, float})
_INTEGERS: Final = frozenset({Type.COUNTER32, Type.COUNTER64, Type.GAUGE32, Type.TIME_TICKS, Type.INTEGER})


class PollClock(NamedTuple):
    """The time of a poll by our clock and by the device's."""

    polled_at_ms: int
    uptime_cs: int | None = None
    engine_boots: int | None = None


def samples_of(
    plan: Plan,
    frames: Frames,
    clock: PollClock,
    groups: Iterable[Group] | None = None,
    unchanged: dict[str, Unchanged] | None = None,
) -> list[Sample]:
    """Return a sample for each group with rows; by default for all groups of the plan.

    `unchanged` has by table what stands for the constants of the device's last poll, and is brought up to date.
    """
    found: list[Sample] = []
    for group in plan.groups if groups is None else groups:
        tables = [frames.frame(name) for name in group.tables if frames.has_rows(name)]
        shown = [frame for frame in tables if frame.kept and not _is_hollow(plan, frame)]
        if not shown:
            continue
        if group.first_of:
            shown = [next((frame for frame in shown if _says(plan, frame)), shown[0])]
        samples = [_sample(group, frame, clock, plan.rates, constants_of(plan, frame, unchanged)) for frame in shown]
        sample = samples[0] if len(samples) == 1 else stack_samples(samples)
        found.append(_without_absent(sample, sum(len(frame.kept) for frame in shown)))
    return found


@lru_cache(maxsize=8192)
def _absent(found: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    """Return what a device lacks as the mapping that all have that lack the same; nobody may change it."""
    return dict(found)


def _without_absent(sample: Sample, rows: int) -> Sample:
    """Return the sample, what the agent has in no row said once for all of them."""
    absent = _absent(
        tuple(
            [
                (cells.column, cells.reason)
                for cells in sample.missing
                if len(cells.rows) == rows and cells.reason in LACKING
            ]
        )
    )
    if not absent:
        return sample
    return replace(
        sample,
        counters=[column for column in sample.counters if column.name not in absent],
        gauges=[column for column in sample.gauges if column.name not in absent],
        states=[column for column in sample.states if column.name not in absent],
        missing=[cells for cells in sample.missing if cells.column not in absent],
        absent=absent,
    )


def _is_hollow(plan: Plan, frame: TableFrame) -> bool:
    """Return whether a set of scalars has no value at all: the device does not have it, so it makes no row."""
    table = frame.table
    if not table.scalar:
        return False
    if table.name in plan.mute and frame.known is None:
        answered = frame.frames.scalars
        if not any(source.oid in answered for column in table.columns.values() for source in column.sources):
            return True
    found = [name for name, column in table.columns.items() if column.use is not Use.TAG]
    found += [name for name in table.computed if Ref(table.name, name) not in plan.rates]
    return all(isinstance(frame.column(name)[0], Absent) for name in found)


def _says(plan: Plan, frame: TableFrame) -> bool:
    """Return whether some row has a number or a state: one that has names alone leaves its place to the next."""
    silent = {Use.TAG, Use.REFERENCE, Use.DISCONTINUITY}
    names = [name for name, column in frame.table.columns.items() if column.use not in silent]
    for name, computed in frame.table.computed.items():
        if computed.use is not Use.REFERENCE and Ref(frame.table.name, name) not in plan.rates:
            names.append(name)
    return any(not isinstance(frame.column(name)[row], Absent) for name in names for row in frame.kept)


def _sample(
    group: Group,
    frame: TableFrame,
    clock: PollClock,
    rates: Container[Ref],
    made: tuple[Constants, Unchanged | None],
) -> Sample:
    constants, unchanged_since = made
    kept = frame.kept
    missing = Missing()
    counters, gauges, states = [], [], []
    for column in frame.table.columns.values():
        if column.use is Use.COUNTER or (column.use is Use.AUTO and _is_counter(frame, column)):
            counters.append(_counter(frame, column, kept, missing))
        elif column.use in {Use.GAUGE, Use.AUTO}:
            gauges.append(_gauge(column.name, column.unit, frame.column(column.name), kept, missing))
        elif column.use is Use.STATE:
            states.append(_state(column.name, frame.column(column.name), kept, missing))
    for computed in frame.table.computed.values():
        if computed.use is Use.REFERENCE or Ref(frame.table.name, computed.name) in rates:
            continue
        if computed.use is Use.STATE:
            states.append(_state(computed.name, frame.column(computed.name), kept, missing))
        else:
            cells = frame.kept_numbers(computed)
            gauges.append(_gauge(computed.name, computed.unit, cells, range(len(cells)), missing))
    offsets = frame.offsets_ms()
    return Sample(
        group=group.name,
        polled_at_ms=clock.polled_at_ms,
        uptime_cs=clock.uptime_cs,
        engine_boots=clock.engine_boots,
        index=constants.index,
        dimensions=constants.dimensions,
        counters=counters,
        gauges=gauges,
        states=states,
        line_rates=constants.line_rates,
        derived=constants.derived,
        offsets_ms=[offsets[row] for row in kept] if any(offsets) else [],
        discontinuities_cs=_discontinuities(frame, kept),
        missing=[*missing.cells(), *constants.missing],
        unchanged_since=unchanged_since,
    )


def _is_counter(frame: TableFrame, column: ColumnSpec) -> bool:
    """Return whether the device sends counters, and nothing else, in a column that does not say what it is."""
    kinds = {kind for source in column.sources if (raw := frame.raw(source)) for kind in raw[0] if kind}
    return bool(kinds) and kinds <= {Type.COUNTER32, Type.COUNTER64} and column.extract is None


def _counter(frame: TableFrame, column: ColumnSpec, kept: Sequence[int], missing: Missing) -> CounterColumn:
    """Return the raw counter; per row, the first source that answered counts."""
    if (plain := _plain_counter(frame, column, kept)) is not None:
        return plain
    values = [0] * len(frame.index)
    widths = [0] * len(frame.index)
    reasons: dict[int, Absent] = {}
    for source in column.sources:
        raw = frame.raw(source)
        if raw is None:
            continue
        for row, (kind, data) in enumerate(zip(*raw, strict=True)):
            if widths[row]:
                continue
            gone = kind == 0 or kind >= FIRST_EXCEPTION or kind == Type.NULL
            value = None if gone else _count(kind, data, column.read_as)
            if value is None:
                why = exception_of(kind) if gone else Absent(Reason.WRONG_TYPE)
                reasons[row] = more_telling(reasons.get(row, why), why)
                continue
            values[row] = value - 2**64 if value > MAX_LONG else value
            widths[row] = source.width or (64 if kind == Type.COUNTER64 else 32)
    for position, row in enumerate(kept):
        if not widths[row]:
            why = reasons.get(row, NOT_ANSWERED)  # none of a column that was not asked for again
            problem = frame.answer.problem if why is NOT_ANSWERED else None
            missing.note(column.name, position, problem or why.reason)
    mixed = 64 in widths
    return CounterColumn(
        name=column.name,
        width=64 if mixed else 32,
        rows_32=[position for position, row in enumerate(kept) if widths[row] == 32] if mixed else [],
        unit=column.unit,
        scale=column.sources[0].scale,
        values=[values[row] for row in kept],
    )


def _plain_counter(frame: TableFrame, column: ColumnSpec, kept: Sequence[int]) -> CounterColumn | None:
    """Return the column at once in the usual case: every row has the first source, of one integer type."""
    source = column.sources[0]
    raw = frame.raw(source)
    if raw is None or not raw[0] or len(kept) != len(raw[0]):
        return None
    kind = raw[0][0]
    if kind not in {Type.COUNTER32, Type.COUNTER64} or bytes(raw[0]).count(kind) != len(raw[0]):
        return None
    values: list[int] = list(raw[1])  # type: ignore[arg-type]
    if max(values) > MAX_LONG:
        values = [value - 2**64 if value > MAX_LONG else value for value in values]
    width = source.width or (64 if kind == Type.COUNTER64 else 32)
    return CounterColumn(name=column.name, width=width, unit=column.unit, scale=source.scale, values=values)


def _count(kind: int, data: object, read_as: As) -> int | None:
    if kind in _INTEGERS and isinstance(data, int) and 0 <= data < 2**64:
        return data
    if isinstance(data, bytes) and read_as is As.NUMBER:
        text = data.strip()
        return int(text) if text.isdigit() and len(text) < 20 else None
    return None


def _gauge(name: str, unit: str, cells: Sequence[Cell], kept: Sequence[int], missing: Missing) -> GaugeColumn:
    if len(kept) == len(cells) and _NUMBERS.issuperset(map(type, cells)):
        return GaugeColumn(name=name, unit=unit, values=list(map(float, cells)))  # type: ignore[arg-type]
    values: list[float] = []
    for position, row in enumerate(kept):
        cell = cells[row]
        if isinstance(cell, Absent | str):
            missing.note(name, position, cell.reason if isinstance(cell, Absent) else Reason.WRONG_TYPE)
            values.append(0.0)
        else:
            values.append(float(cell))
    return GaugeColumn(name=name, unit=unit, values=values)


def _state(name: str, cells: Sequence[Cell], kept: Sequence[int], missing: Missing) -> StateColumn:
    return StateColumn(name=name, values=texts(name, kept_cells(cells, kept), missing))


def _discontinuities(frame: TableFrame, kept: Sequence[int]) -> list[int]:
    name = next((name for name, column in frame.table.columns.items() if column.use is Use.DISCONTINUITY), None)
    if name is None:
        return []
    cells = frame.column(name)
    stamps = [int(cell) if isinstance(cell := cells[row], int) else -1 for row in kept]
    return stamps if any(stamp >= 0 for stamp in stamps) else []
