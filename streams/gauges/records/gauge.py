"""Builds `Gauge` objects from a poll, for transform plugins, the command line and tests."""

import math
from collections.abc import Mapping, Sequence

from schemas.records import Gauge
from streams.gauges.fold.findings import Gone, Rows
from streams.gauges.samples.sample import DecodedSample


def gauges_of(rows: Rows, *, with_counters: bool = False) -> list[Gauge]:
    """Return one Gauge per row, in the order of the poll, then the rows that are gone.

    `encode.pack` gives the bytes of the same records.
    """
    here = [_gauge(rows, row, with_counters) for row in range(rows.sample.shape.rows)]
    return here + [_last_gauge(rows.sample, gone) for gone in rows.gone]


def _gauge(rows: Rows, row: int, with_counters: bool) -> Gauge:
    sample, fixed = rows.sample, rows.sample.shape.fixed
    missing = dict(rows.missing.get(row, ()))
    duration_s = float(rows.durations_s[row])
    offset_ms = 0 if sample.offsets_ms is None else int(sample.offsets_ms[row])
    numbers = zip(rows.names, rows.numbers[:, row].tolist(), strict=True)
    states = zip(sample.shape.states, sample.states, strict=True)
    return Gauge(
        site=fixed.site,
        resource=fixed.resource,
        endpoint=fixed.endpoint,
        job=fixed.job,
        group=fixed.group,
        row=fixed.row_keys[row],
        interval_s=fixed.interval_s,
        dimensions={name: values[row] for name, values in fixed.dimensions if name not in missing},
        labels=dict(fixed.labels),
        units=dict(rows.units),
        slot=sample.slot,
        time_ms=sample.polled_at_ms + offset_ms,
        duration_s=None if math.isnan(duration_s) else duration_s,
        gauges={name: number for name, number in numbers if name not in missing},
        states={name: values[row] for name, values in states if name not in missing},
        missing=missing,
        confidence=dict(rows.doubts.get(row, ())),
        counters=counters_of(sample, row) if with_counters else {},
    )


def _last_gauge(sample: DecodedSample, gone: Gone) -> Gauge:
    fixed = sample.shape.fixed
    return Gauge(
        site=fixed.site,
        resource=fixed.resource,
        endpoint=fixed.endpoint,
        job=fixed.job,
        group=fixed.group,
        row=gone.row,
        interval_s=fixed.interval_s,
        dimensions=dict(gone.dimensions),
        labels=dict(fixed.labels),
        units=dict(gone.units),
        slot=sample.slot,
        time_ms=sample.polled_at_ms,
        duration_s=None,
        gauges={},
        states={},
        missing=dict(gone.missing),
        confidence={},
        counters={},
    )


def counters_of(sample: DecodedSample, row: int) -> Mapping[str, int]:
    """Return the raw counters of a row that the device gave, as signed longs."""
    absent = {part.column for part in sample.missing if row in part.rows}
    values: Sequence[int] = sample.counts.view("<i8")[:, row].tolist()
    return {
        spec.name: value for spec, value in zip(sample.shape.counters, values, strict=True) if spec.name not in absent
    }
