"""Combines several tables in one group: rows one below the other, columns side by side."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Never, TypeVar, cast

from pollers.profiles.language.absent import Reason
from pollers.sample import Sample
from schemas.records import CounterColumn, DimensionColumn, GaugeColumn, MissingCells, StateColumn

C = TypeVar("C", CounterColumn, GaugeColumn, StateColumn, DimensionColumn)


def stack_samples(samples: Sequence[Sample]) -> Sample:
    """Return one sample with the rows of all tables in order; columns that a table lacks are missing as `other-table`.

    Keys that repeat between tables get the number of their table behind them.
    """
    starts = [sum(len(sample.index) for sample in samples[:number]) for number in range(len(samples))]
    missing = [
        MissingCells(column=cells.column, reason=cells.reason, rows=[row + start for row in cells.rows])
        for sample, start in zip(samples, starts, strict=True)
        for cells in sample.missing
    ]

    def stacked(columns: Callable[[Sample], Sequence[C]], filler: float | str) -> list[C]:
        by_name: dict[str, C] = {column.name: column for sample in samples for column in columns(sample)}
        found = []
        for name, example in by_name.items():
            parts = [next((column for column in columns(sample) if column.name == name), None) for sample in samples]
            values = [
                value
                for sample, part in zip(samples, parts, strict=True)
                for value in (part.values if part else [filler] * len(sample.index))
            ]
            if not isinstance(example, DimensionColumn):
                missing.extend(_other_tables(name, samples, starts, [part is None for part in parts]))
            made = replace(example, values=cast("list[Never]", values))  # of the example's kind
            found.append(_with_widths(made, parts, samples, starts))
        return found

    return replace(
        samples[0],
        index=_keys(samples),
        dimensions=stacked(lambda sample: sample.dimensions, ""),
        counters=stacked(lambda sample: sample.counters, 0),
        gauges=stacked(lambda sample: sample.gauges, 0.0),
        states=stacked(lambda sample: sample.states, ""),
        line_rates=_filled(samples, lambda sample: sample.line_rates, 0),
        offsets_ms=_filled(samples, lambda sample: sample.offsets_ms, 0),
        discontinuities_cs=_filled(samples, lambda sample: sample.discontinuities_cs, -1),
        missing=missing,
        unchanged_since=None,
    )


def _keys(samples: Sequence[Sample]) -> list[str]:
    every = [key for sample in samples for key in sample.index]
    if len(set(every)) == len(every):
        return every
    return [f"{key}@{number}" for number, sample in enumerate(samples, 1) for key in sample.index]


def _filled(samples: Sequence[Sample], column: Callable[[Sample], Sequence[int]], filler: int) -> list[int]:
    if not any(column(sample) for sample in samples):
        return []
    return [value for sample in samples for value in (column(sample) or [filler] * len(sample.index))]


def _other_tables(
    name: str, samples: Sequence[Sample], starts: Sequence[int], lacks: Sequence[bool]
) -> list[MissingCells]:
    rows = [
        start + row
        for sample, start, lacking in zip(samples, starts, lacks, strict=True)
        if lacking
        for row in range(len(sample.index))
    ]
    return [MissingCells(column=name, reason=Reason.OTHER_TABLE, rows=rows)] if rows else []


def _with_widths(made: C, parts: Sequence[C | None], samples: Sequence[Sample], starts: Sequence[int]) -> C:
    """Return a counter with width and rows_32 of all its parts; other columns as they are."""
    if not isinstance(made, CounterColumn):
        return made
    counters = [
        (part, start, len(sample.index))
        for part, sample, start in zip(parts, samples, starts, strict=True)
        if isinstance(part, CounterColumn)
    ]
    if all(part.width == 32 for part, _start, _length in counters):
        return replace(made, width=32, rows_32=[])
    rows_32 = [
        start + row for part, start, length in counters for row in (range(length) if part.width == 32 else part.rows_32)
    ]
    return replace(made, width=64, rows_32=rows_32)
