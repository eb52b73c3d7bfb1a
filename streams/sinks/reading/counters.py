"""Reads raw counters as cumulative numbers, each with the time of its last reset."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from pollers.plugins.batch import Block, Row, Words
from schemas.records import CounterColumn, RawCounters

_NOTHING_SAID: Final = Words({}, {}, {}, {})
#: sysUpTime and our clock drift by less between two polls
_SAME_START_MS: Final = 5_000
_CENTISECOND_MS: Final = 10


class _Series:
    """The state of one (resource, job, group)."""

    __slots__ = ("at_ms", "began_ms", "boots", "rows", "since_ms", "values")

    def __init__(self) -> None:
        self.rows: dict[str, Row | None] = {}
        self.at_ms = -1  #: of the last sample
        self.began_ms = 0  #: when the device was started, as far as uptime says
        self.boots: int | None = None
        self.values: dict[tuple[str, str], int] = {}  #: (row, counter) -> last value
        self.since_ms: dict[tuple[str, str], int] = {}  #: those that were reset by themselves -> when, at the earliest


class Counters:
    """Makes blocks from samples; one instance lives as long as its topic is read, since it keeps rows and starts.

    A start is when the device was started (its uptime; where it has none, the first sample that was seen), and stays
    until the device is started again, or the counter falls: then it is the time of the last sample before.
    """

    def __init__(self) -> None:
        self._series: dict[tuple[str, str, str], _Series] = {}

    def blocks(self, samples: Iterable[RawCounters], wanted: Callable[[Row], bool]) -> list[Block]:
        """Return blocks of the selected rows, sample by sample; rows of a block have the same counters."""
        return [block for sample in samples for block in self._blocks(sample, wanted)]

    def _blocks(self, sample: RawCounters, wanted: Callable[[Row], bool]) -> Iterator[Block]:
        if not sample.counters:
            return
        series = self._series.setdefault((sample.resource, sample.job, sample.group), _Series())
        self._advance(series, sample)
        if len(series.rows) > 2 * len(sample.index) + 16:  # what rows were called before
            series.rows.clear()
        missing = {(part.column, row) for part in sample.missing for row in part.rows}
        kinds: dict[tuple[int, ...], list[int]] = {}
        for at in range(len(sample.index)):
            if self._row(series, sample, at, wanted) is not None:
                there = tuple(k for k, column in enumerate(sample.counters) if (column.name, at) not in missing)
                kinds.setdefault(there, []).append(at)
        for there, rows in kinds.items():
            if there:
                yield self._block(series, sample, there, rows)

    def _block(self, series: _Series, sample: RawCounters, there: Sequence[int], rows: list[int]) -> Block:
        columns = [sample.counters[k] for k in there]
        offsets = sample.offsets_ms or (0,) * len(sample.index)
        names = [sample.index[at] for at in rows]
        return Block(
            group=sample.group,
            units={column.name: column.unit for column in sample.counters},
            names=tuple(column.name for column in columns),
            states=(),
            missing=(),
            rows=[row for at in rows if (row := series.rows[_key(sample, at)]) is not None],
            slots=np.full(len(rows), sample.slot, dtype=np.int64),
            times_ms=np.array([sample.polled_at_ms + offsets[at] for at in rows], dtype=np.int64),
            durations_s=np.full(len(rows), np.nan),
            numbers=_scaled(columns, rows),
            words=[_NOTHING_SAID] * len(rows),
            since_ms=np.array(
                [[self._since(series, name, column.name) for column in columns] for name in names], dtype=np.int64
            ),
        )

    @staticmethod
    def _since(series: _Series, row: str, column: str) -> int:
        return max(series.began_ms, series.since_ms.get((row, column), 0))

    @staticmethod
    def _row(series: _Series, sample: RawCounters, at: int, wanted: Callable[[Row], bool]) -> Row | None:
        key = _key(sample, at)
        if key not in series.rows:
            row = Row(
                site=sample.site,
                resource=sample.resource,
                endpoint=sample.endpoint,
                job=sample.job,
                group=sample.group,
                row=sample.index[at],
                interval_s=sample.interval_s,
                dimensions={column.name: column.values[at] for column in sample.dimensions},
                labels=sample.labels,
                units={column.name: column.unit for column in sample.counters},
            )
            series.rows[key] = row if wanted(row) else None
        return series.rows[key]

    @staticmethod
    def _advance(series: _Series, sample: RawCounters) -> None:
        """Take a sample that is later than the last; any other has been seen."""
        if sample.polled_at_ms <= series.at_ms:
            return
        began_ms = sample.polled_at_ms
        if sample.uptime_cs is not None:
            began_ms -= sample.uptime_cs * _CENTISECOND_MS
        elif series.at_ms >= 0:
            began_ms = series.began_ms
        rebooted = series.boots is not None and sample.engine_boots != series.boots
        if series.at_ms < 0 or rebooted or began_ms > series.began_ms + _SAME_START_MS:
            series.began_ms = began_ms
            series.since_ms.clear()
        missing = {(part.column, row) for part in sample.missing for row in part.rows}
        for column in sample.counters:
            for at, value in enumerate(column.values):
                if (column.name, at) in missing:
                    continue
                key = (sample.index[at], column.name)
                if value % 2**64 < series.values.get(key, 0) % 2**64:
                    series.since_ms[key] = series.at_ms
                series.values[key] = value
        series.boots, series.at_ms = sample.engine_boots, sample.polled_at_ms


def _key(sample: RawCounters, at: int) -> str:
    """Return what makes a row what it is: whatever its labels are made of."""
    parts = (sample.index[at], *(column.values[at] for column in sample.dimensions), sample.endpoint)
    return "\x1f".join((*parts, *(f"{name}={value}" for name, value in sample.labels.items())))


def _scaled(columns: Sequence[CounterColumn], rows: list[int]) -> npt.NDArray[np.float64]:
    raw = np.array([[column.values[at] for column in columns] for at in rows], dtype=np.int64)
    scaled: npt.NDArray[np.float64] = raw.view(np.uint64) * np.array([column.scale for column in columns])
    return scaled
