"""Applies a sink's filters to records, and to the rows of samples."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from pollers.plugins.batch import Batch, Row
from schemas.records import PollStatus, RawCounters
from streams.sinks.naming.infos import POLL

V = TypeVar("V")


def wanted_statuses(batch: Batch) -> list[PollStatus]:
    """Return the statuses whose row (group `poll`, named by the job) is selected."""
    return [status for status in batch.poll_statuses if batch.wanted(_status_row(status))]


def wanted_samples(batch: Batch) -> list[RawCounters]:
    """Return the samples with the selected rows, without samples that have none."""
    found = (_with_rows(sample, batch.wanted) for sample in batch.raw_counters)
    return [sample for sample in found if sample is not None]


def _status_row(status: PollStatus) -> Row:
    return Row(
        site=status.site, resource=status.resource, endpoint=status.endpoint, job=status.job, group=POLL,
        row=status.job, interval_s=status.interval_s, dimensions={}, labels={}, units={},
    )  # fmt: skip


def _sample_row(sample: RawCounters, at: int) -> Row:
    return Row(
        site=sample.site, resource=sample.resource, endpoint=sample.endpoint, job=sample.job, group=sample.group,
        row=sample.index[at], interval_s=sample.interval_s,
        dimensions={column.name: column.values[at] for column in sample.dimensions}, labels=sample.labels, units={},
    )  # fmt: skip


def _with_rows(sample: RawCounters, wanted: Callable[[Row], bool]) -> RawCounters | None:
    rows = [at for at in range(len(sample.index)) if wanted(_sample_row(sample, at))]
    if len(rows) == len(sample.index):
        return sample
    if not rows:
        return None
    place = {at: position for position, at in enumerate(rows)}

    def picked(values: Sequence[V]) -> list[V]:
        return [values[at] for at in rows] if values else []

    def moved(positions: Sequence[int]) -> list[int]:
        return [place[at] for at in positions if at in place]

    missing = [replace(cells, rows=moved(cells.rows)) for cells in sample.missing]
    return replace(
        sample,
        index=picked(sample.index),
        dimensions=[replace(column, values=picked(column.values)) for column in sample.dimensions],
        counters=[
            replace(column, values=picked(column.values), rows_32=moved(column.rows_32)) for column in sample.counters
        ],
        gauges=[replace(column, values=picked(column.values)) for column in sample.gauges],
        states=[replace(column, values=picked(column.values)) for column in sample.states],
        missing=[cells for cells in missing if cells.rows],
        line_rates=picked(sample.line_rates),
        offsets_ms=picked(sample.offsets_ms),
        discontinuities_cs=picked(sample.discontinuities_cs),
    )
