"""Two polls next to each other: which row of the one is which of the other, and what may be compared."""

from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from streams.gauges.fold.findings import Findings
from streams.gauges.fold.plan import cell_of
from streams.gauges.fold.rates import Circumstances, Flags, Rate, columns, rate
from streams.gauges.limits import RateLimits
from streams.gauges.reasons import NoRate
from streams.gauges.samples.clock import Elapsed, shortest_s
from streams.gauges.samples.sample import Counts, DecodedSample, Longs, Shape

_ABSENT: Final = -1


class _Before(NamedTuple):
    """The predecessor, its rows and columns put where the new poll has them; fillers where it has none."""

    sample: DecodedSample
    rows: npt.NDArray[np.intp] | None  #: row here -> row there or _ABSENT; None = the same rows and counters
    counts: Counts
    offsets_ms: Longs | int
    discontinuities_cs: Longs | None


def compare(found: Findings, before: DecodedSample, span: Elapsed, limits: RateLimits) -> None:
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
