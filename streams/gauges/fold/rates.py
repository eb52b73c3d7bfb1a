"""Turns counters into rates: `rate` defines it for one cell, `columns` computes whole columns.

`rate` says what is right; `columns` gives the same for every cell (tests hold them together) and calls it for those
cells only that are not plain.
"""

import math
import sys
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from streams.gauges.fold.traffic import smallest_packets_bits
from streams.gauges.limits import Bound, RateLimits, bound
from streams.gauges.reasons import DOUBT_SEPARATOR, Doubt, NoRate
from streams.gauges.samples.sample import CounterSpec, Counts, Numbers, Shape

WRAP_32: Final = 2**32
#: a fall by more than half the range is a wrap, by less a reset, where nothing else tells (RFC 1982 §3.2)
HALF_32: Final = 2**31

#: devices of one kind share them
_CELLS_KEPT: Final = 1024

Flags: TypeAlias = npt.NDArray[np.bool_]


class Cell(NamedTuple):
    """The constant facts about one counter of one row."""

    width: int  #: 32 or 64
    scale: float  #: scaled value = raw value x scale
    bound: Bound  #: in the scaled unit per second


class Circumstances(NamedTuple):
    """The time between two readings, and what is known about it."""

    uptime_known: bool = True  #: the device did not restart, and says so
    may_have_rebooted: bool = False  #: up for so short that it may have restarted unseen


class Rate(NamedTuple):
    per_s: float
    doubt: str | None = None  #: a `Doubt`, or several with their separator


def rate(before: int, now: int, duration_s: float, cell: Cell, known: Circumstances) -> Rate | NoRate:
    """Return the mean rate in scaled units per second over duration_s (above 0), or why there is none.

    A 32-bit counter that fell within one boot has wrapped (RFC 2578 §7.1.6), if that is the only number of wraps which
    the line could have carried; a 64-bit one that fell was reset (RFC 2578 §7.1.10: it cannot have wrapped).
    """
    limit = WRAP_32 if cell.width == 32 else 2**64
    if not (0 <= before < limit and 0 <= now < limit):
        return NoRate.OUT_OF_RANGE
    if now >= before:
        per_s = per_second(now - before, cell.scale, duration_s)
        if per_s == math.inf:
            return NoRate.NOT_A_NUMBER
        if per_s > cell.bound.rise:
            return NoRate.ABOVE_LINE_RATE
        if cell.width == 32 and per_s + per_second(WRAP_32, cell.scale, duration_s) <= cell.bound.unseen:
            return Rate(per_s, Doubt.MAY_HAVE_WRAPPED)
        return Rate(per_s)
    return _fell(before, now, duration_s, cell, known)


def _fell(before: int, now: int, duration_s: float, cell: Cell, known: Circumstances) -> Rate | NoRate:
    if cell.width == 64 or known.may_have_rebooted:
        return NoRate.RESET
    passed = now + WRAP_32 - before
    per_s = per_second(passed, cell.scale, duration_s)
    if per_s > cell.bound.wrap or per_s == math.inf or (cell.bound.wrap == math.inf and passed > HALF_32):
        return NoRate.RESET
    doubt: str = Doubt.WRAPPED if known.uptime_known else Doubt.MAY_HAVE_RESET
    if per_s + per_second(WRAP_32, cell.scale, duration_s) <= cell.bound.unseen:
        if cell.bound.unseen < math.inf:
            return NoRate.WRAPPED_TOO_OFTEN
        doubt = f"{doubt}{DOUBT_SEPARATOR}{Doubt.MAY_HAVE_WRAPPED}"
    return Rate(per_s, doubt)


def per_second(passed: int, scale: float, duration_s: float) -> float:
    """Return a count as a rate, rounded as `columns` rounds."""
    return float(passed) * scale / duration_s


class Cells(NamedTuple):
    """Every counter of every row: `Cell` as matrices of counters x rows."""

    scales: Numbers | None  #: counters x 1; None where every scale is 1
    rise: Numbers  #: finite, so that an infinite rate is above it
    unseen: Numbers | None  #: -inf for what is 64 bits wide; None where everything is
    narrow: Flags | None  #: what is 32 bits wide; None where nothing is
    step: Numbers  #: counters x 1: what one wrap is in the scaled unit


def cell_of(shape: Shape, counter: int, row: int, limits: RateLimits) -> Cell:
    """Return the constant facts of one cell."""
    spec = shape.counters[counter]
    line_rate = shape.fixed.line_rates[row] if shape.fixed.line_rates else 0
    width = 32 if spec.width == 32 or row in spec.rows_32 else 64
    smallest = smallest_packets_bits(spec, shape.fixed)[row]
    return Cell(width, spec.scale, bound(spec.unit, line_rate, limits, smallest))


def cells_of(shape: Shape, limits: RateLimits) -> Cells:
    """Return the constant facts of all cells."""
    fixed = shape.fixed
    smallest = tuple(smallest_packets_bits(spec, fixed) for spec in shape.counters)
    return _kept_cells(shape.counters, fixed.line_rates or (0,) * shape.rows, smallest, limits)


@lru_cache(maxsize=_CELLS_KEPT)
def _kept_cells(
    counters: tuple[CounterSpec, ...], lines: tuple[int, ...], smallest: tuple[tuple[int, ...], ...], limits: RateLimits
) -> Cells:
    size = (len(counters), len(lines))
    rise, unseen, narrow = np.empty(size), np.full(size, -math.inf), np.zeros(size, dtype=np.bool_)
    for number, spec in enumerate(counters):
        kinds = list(zip(lines, smallest[number], strict=True))
        bounds = {(line, bits): bound(spec.unit, line, limits, bits) for line, bits in set(kinds)}
        # above the largest double there is only infinity
        rise[number] = [min(bounds[kind].rise, sys.float_info.max) for kind in kinds]
        narrow_rows = slice(None) if spec.width == 32 else list(spec.rows_32)
        narrow[number, narrow_rows] = True
        unseen[number, narrow_rows] = np.array([bounds[kind].unseen for kind in kinds])[narrow_rows]
    scales = np.array([[spec.scale] for spec in counters]).reshape(-1, 1)
    with np.errstate(over="ignore"):
        step = WRAP_32 * scales
    return Cells(
        scales=None if (scales == 1.0).all() else scales,
        rise=rise,
        unseen=unseen if narrow.any() else None,
        narrow=narrow if narrow.any() else None,
        step=step,
    )


def columns(before: Counts, now: Counts, durations_s: Numbers, cells: Cells) -> tuple[Numbers, Flags]:
    """Return all rates as if every counter had simply risen, and the cells for which `rate` must be called."""
    passed = (now - before).astype(np.float64)
    if cells.scales is None:
        rates = passed / durations_s
    else:
        with np.errstate(over="ignore"):
            passed *= cells.scales
            rates = passed / durations_s
    odd = now < before
    odd |= rates > cells.rise
    if cells.narrow is not None and cells.unseen is not None:
        odd |= rates + cells.step / durations_s <= cells.unseen
        odd |= cells.narrow & ((now >= WRAP_32) | (before >= WRAP_32))
    return rates, odd
