"""The fold from samples to gauges. The state is the last two samples of a series.

Two, so that a replayed slot is answered from the same predecessor, byte for byte; of a slot's samples the first that
was stored counts. So a series may be replayed from any point without changing what it gives.

Two polls next to each other: which row of the one is which of the other, how far apart they are, what may be compared,
and what has ended.
"""

import enum
from collections import Counter
from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from streams.gauges.fold.evaluate import add_derived
from streams.gauges.fold.findings import Findings, Gone, Rows
from streams.gauges.fold.plan import Rules, plan_of
from streams.gauges.fold.rates import Circumstances, Flags, Rate, cell_of, columns, rate
from streams.gauges.limits import RateLimits
from streams.gauges.reasons import NoRate
from streams.gauges.samples.clock import Elapsed, between, shortest_s
from streams.gauges.samples.sample import Counts, DecodedSample, Longs, Shape

_ABSENT: Final = -1


class State(NamedTuple):
    last: DecodedSample
    prior: DecodedSample | None


class Arrival(enum.StrEnum):
    """How a sample relates to the last one of its series; also the metric's label."""

    NEW = "new"
    REPLAYED = "replayed"  #: its slot is the last one: the gauges of the stored sample are given again
    LATE = "late"  #: its slot is before the last one: no record


class Step(NamedTuple):
    rows: Rows | None  #: None: nothing is to be published
    state: State
    arrival: Arrival

    def counts(self) -> Counter[str]:
        """Return how often each reason and doubt occurred, for the metrics; `name-taken` once for each row too."""
        if self.rows is None:
            return Counter()
        gone = (row.missing for row in self.rows.gone)
        words = (*self.rows.missing.values(), *self.rows.doubts.values(), *gone)
        counts: Counter[str] = Counter(word for row in words for _, word in row)
        if self.rows.taken:
            counts[NoRate.NAME_TAKEN] += len(self.rows.taken) * self.rows.sample.shape.rows
        return counts


def advance(state: State | None, sample: DecodedSample, rules: Rules) -> Step:
    """Return the gauges of a sample and the new state."""
    if state is None:
        return Step(_rows(None, sample, rules), State(sample, None), Arrival.NEW)
    if sample.slot < state.last.slot:
        return Step(None, state, Arrival.LATE)
    if sample.slot == state.last.slot:
        return Step(_rows(state.prior, state.last, rules), state, Arrival.REPLAYED)
    return Step(_rows(state.last, sample, rules), State(sample, state.last), Arrival.NEW)


def _rows(before: DecodedSample | None, now: DecodedSample, rules: Rules) -> Rows:
    """Return the gauges of a sample and its predecessor."""
    found = Findings(now, plan_of(now.shape, rules))
    if before is None:
        found.no_rates(NoRate.FIRST_SAMPLE, range(now.shape.rows))
    elif isinstance(span := between(before.moment, now.moment, now.shape.fixed.interval_s, rules.limits), NoRate):
        found.no_rates(span, range(now.shape.rows))
    else:
        _compare(found, before, span, rules.limits)
    if before is not None and before.shape is not now.shape:
        _add_ends(found, before, rules)
    found.blank()
    if found.plan.derived:
        add_derived(found)
    return found.rows()


class _Before(NamedTuple):
    """The predecessor, its rows and columns put where the new poll has them; fillers where it has none."""

    sample: DecodedSample
    rows: npt.NDArray[np.intp] | None  #: row here -> row there or _ABSENT; None = the same rows and counters
    counts: Counts
    offsets_ms: Longs | int
    discontinuities_cs: Longs | None


def _compare(found: Findings, before: DecodedSample, span: Elapsed, limits: RateLimits) -> None:
    """Add the rates of a poll against its predecessor, and why there are none where there are none."""
    old = _aligned(found.now, before)
    _durations(found, old, span, limits)
    _discontinuities(found, old)
    _columns_changed(found, old)
    _missing_before(found, before)
    if span.uptime_stood and not ((old.counts != found.now.counts) & found.comparable()).any():
        found.no_rates(NoRate.AGENT_FROZEN, range(found.now.shape.rows))
    rates, odd = columns(old.counts, found.now.counts, found.durations_s, found.plan.cells)
    found.numbers[: len(rates)] = rates
    if odd.any():
        _one_by_one(found, old.counts, odd, span, limits)
    octets = found.numbers[found.plan.octets]
    if np.count_nonzero(octets) < octets.size:  # the cheapest way to learn that there is none to look at
        _frozen_octets(found)
    if span.doubt is not None:
        found.doubt_all(span.doubt)


def _aligned(now: DecodedSample, before: DecodedSample) -> _Before:
    shape, old = now.shape, before.shape
    offsets: Longs | int = 0 if before.offsets_ms is None else before.offsets_ms
    if shape is old or (shape.fixed.row_keys == old.fixed.row_keys and shape.counters == old.counters):
        return _Before(before, None, before.counts, offsets, before.discontinuities_cs)
    positions = old.positions()
    rows = np.array([positions.get(key, _ABSENT) for key in shape.fixed.row_keys], dtype=np.intp)
    counts = np.zeros((len(shape.counters), shape.rows), dtype=np.uint64)
    if not old.rows:
        return _Before(before, rows, counts, 0, None)
    place = {spec.name: position for position, spec in enumerate(old.counters)}
    for number, spec in enumerate(shape.counters):
        if spec.name in place:
            counts[number] = before.counts[place[spec.name]][rows]
    return _Before(
        before,
        rows,
        counts,
        offsets if isinstance(offsets, int) else offsets[rows],
        None if before.discontinuities_cs is None else before.discontinuities_cs[rows],
    )


def _durations(found: Findings, old: _Before, span: Elapsed, limits: RateLimits) -> None:
    """Give every row the time between its own two answers."""
    now = found.now
    passed_ms = now.polled_at_ms - old.sample.polled_at_ms + span.shift_ms
    offsets: Longs | int = 0 if now.offsets_ms is None else now.offsets_ms
    found.durations_s[:] = (passed_ms + offsets - old.offsets_ms) / 1000.0
    if old.rows is not None:
        found.no_rates(NoRate.ROW_NEW, np.flatnonzero(old.rows == _ABSENT).tolist())
    shortest = shortest_s(now.shape.fixed.interval_s, limits)
    if old.rows is not None or found.durations_s.min(initial=np.inf) < shortest:
        found.no_rates(NoRate.TOO_SOON, np.flatnonzero(found.durations_s < shortest).tolist())


def _discontinuities(found: Findings, old: _Before) -> None:
    """Refuse rows whose ifCounterDiscontinuityTime changed (RFC 2863 §3.1.5), or is later than the last poll."""
    stamps = found.now.discontinuities_cs
    if stamps is None or stamps is old.discontinuities_cs:
        return
    known = stamps >= 0
    if old.discontinuities_cs is None:
        known_before = np.zeros_like(known)
        changed = known_before
    else:
        known_before = old.discontinuities_cs >= 0
        changed = known & known_before & (stamps != old.discontinuities_cs)
    uptime_cs = old.sample.uptime_cs
    if uptime_cs is not None and (first := known & ~known_before).any():
        changed = changed | (first & (stamps > uptime_cs))
    if changed.any():
        found.no_rates(NoRate.DISCONTINUITY, np.flatnonzero(changed).tolist())


def _columns_changed(found: Findings, old: _Before) -> None:
    if old.rows is None:
        return
    shape, before = found.now.shape, old.sample.shape
    place = {spec.name: position for position, spec in enumerate(before.counters)}
    for number, spec in enumerate(shape.counters):
        column = place.get(spec.name)
        rows: Iterable[int] = range(shape.rows)
        reason = NoRate.COLUMN_CHANGED
        if column is None:
            reason = NoRate.PREVIOUS_MISSING
        elif (before.counters[column].unit, before.counters[column].scale) == (spec.unit, spec.scale):
            rows = np.flatnonzero(_narrow(shape, number) != _narrow(before, column)[old.rows]).tolist()
        for row in rows:
            found.why(row, spec.name, reason)


def _narrow(shape: Shape, counter: int) -> Flags:
    """Return which rows of a counter are 32 bits wide, and one more for rows that are not there."""
    spec = shape.counters[counter]
    narrow = np.full(shape.rows + 1, spec.width == 32)
    narrow[list(spec.rows_32)] = True
    return narrow[: shape.rows] if shape.rows else narrow


def _missing_before(found: Findings, before: DecodedSample) -> None:
    if not before.missing:
        return
    counters, positions = set(found.counters), found.now.shape.positions()
    for part in before.missing:
        if part.column in counters:
            for there in part.rows:
                row = positions.get(before.shape.fixed.row_keys[there])
                if row is not None:
                    found.why(row, part.column, NoRate.PREVIOUS_MISSING)


def _one_by_one(found: Findings, before: Counts, odd: Flags, span: Elapsed, limits: RateLimits) -> None:
    """Ask `rate` for the cells that did not simply rise."""
    now = found.now
    known = Circumstances(span.uptime_known, span.may_have_rebooted)
    for number, row in np.argwhere(odd).tolist():
        name = found.counters[number]
        if found.reason(row, name) is not None:
            continue
        cell = cell_of(now.shape, number, row, limits)
        result = rate(
            int(before[number, row]), int(now.counts[number, row]), float(found.durations_s[row]), cell, known
        )
        if isinstance(result, Rate):
            found.numbers[number, row] = result.per_s
            if result.doubt is not None:
                found.add_doubt(row, name, result.doubt)
        else:
            found.why(row, name, result)


def _frozen_octets(found: Findings) -> None:
    """Refuse octets that stood still while packets of the same way moved: there is no packet without octets."""
    moves = found.numbers[: len(found.counters)] != 0.0
    for octets, packets in found.plan.ways:
        frozen = moves[packets[0]] > moves[octets]
        for other in packets[1:]:
            frozen |= moves[other] > moves[octets]
        if not np.count_nonzero(frozen):
            continue
        name = found.counters[octets]
        for row in np.flatnonzero(frozen).tolist():
            known = [one for one in packets if found.reason(row, found.counters[one]) is None]
            if found.reason(row, name) is None and (found.numbers[known, row] > 0.0).any():
                found.withdraw(row, name, NoRate.COUNTER_FROZEN)


def _add_ends(found: Findings, before: DecodedSample, rules: Rules) -> None:
    """Say which rows are gone, and once in each row why a column that it had is none of the agent's now.

    A poll whose rows are not complete ends none: a row that it lacks may still be there.
    """
    old = before.shape
    had = {*(spec.name for spec in old.counters), *old.levels, *old.states}
    for name, reason in found.now.shape.fixed.absent:
        if name in had:
            for row in range(found.now.shape.rows):
                found.why(row, name, reason)
    if not found.now.complete or found.now.shape.fixed.row_keys == old.fixed.row_keys:
        return
    plan = plan_of(old, rules)
    missing = tuple((name, str(NoRate.ROW_GONE)) for name in (*plan.names, *old.states))
    unknown = {(part.column, row) for part in before.missing for row in part.rows}
    there = found.now.shape.positions()
    found.gone = tuple(
        Gone(
            row=key,
            dimensions=tuple(
                (name, values[row]) for name, values in old.fixed.dimensions if (name, row) not in unknown
            ),
            units=plan.units,
            missing=missing,
        )
        for key, row in old.positions().items()
        if key not in there
    )
