"""What follows from a poll's shape and the settings alone, worked out once per shape and not once per poll."""

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from pollers.profiles.language.expr import Expression, ExpressionError, parse
from pollers.profiles.language.expr import names as names_of
from streams.gauges.fold.derived import BITS_PER_UNIT, UNIT, Derived
from streams.gauges.fold.rates import WRAP_32, Cell, Cells
from streams.gauges.fold.traffic import Way, smallest_packets_bits, ways_of
from streams.gauges.limits import RateLimits, bound
from streams.gauges.reasons import NoRate
from streams.gauges.samples.identity import resource_of
from streams.gauges.samples.sample import CounterSpec, Numbers, Shape

#: devices of one kind share them
_CELLS_KEPT: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rules:
    """The settings of the fold; one object of a worker's life, since plans are kept by it."""

    limits: RateLimits = RateLimits()  # noqa: RUF009 - frozen
    derived: tuple[Derived, ...] = ()
    with_counters: bool = False  #: raw counters beside the rates, in every Gauge


class DerivedPlan(NamedTuple):
    name: str
    #: positions of the inputs among the numbers of a row
    over: tuple[int, ...]
    under: tuple[int, ...]
    inputs: tuple[str, ...]
    divisor: Numbers | None  #: of a utilisation: speed of each row in the metric's unit, NaN where unknown
    absent: NoRate | None = None  #: why no row has it


class Formula(NamedTuple):
    """A value that came with the sample: an expression over the rates and levels of its row."""

    name: str
    expression: Expression | None  #: None: it cannot be read
    places: Mapping[str, int]  #: name -> position among the numbers of a row; none where the sample has no such number

    @property
    def inputs(self) -> tuple[str, ...]:
        return tuple(self.places)


class FoldPlan(NamedTuple):
    names: tuple[str, ...]  #: of the numbers of a row: counters, then levels, then derived values
    units: tuple[tuple[str, str], ...]  #: of each of them, the counters' as of their rates
    cells: Cells
    derived: tuple[DerivedPlan | Formula, ...]
    ways: tuple[Way, ...]
    octets: slice  #: has the octets of all ways, and whatever stands between them
    taken: tuple[str, ...]  #: derived values that are left out: something else of the row has their name


def plan_of(shape: Shape, rules: Rules) -> FoldPlan:
    """Return the plan; what the device gave keeps its name, and of derived values of one name the first."""
    return shape.kept(rules, lambda: _plan(shape, rules))


def _plan(shape: Shape, rules: Rules) -> FoldPlan:
    given = (*(spec.name for spec in shape.counters), *shape.levels)
    plain = given
    formulas: list[Formula] = []
    for name, _unit, expr in shape.fixed.derived:  # a later one may be made of an earlier one
        formulas.append(_formula(name, expr, plain))
        plain = (*plain, name)
    fixed = shape.fixed
    resource = resource_of(fixed.resource, fixed.endpoint, dict(fixed.labels))
    wanted: dict[str, Derived] = {}
    taken: list[str] = []
    given_names = {*plain, *shape.states, *(name for name, _ in fixed.dimensions)}
    for value in rules.derived:
        if value.group == fixed.group and (value.wants is None or value.wants(resource)):
            if value.name in given_names or value.name in wanted:
                taken.append(value.name)
            else:
                wanted[value.name] = value
    names = (*plain, *wanted)
    derived = tuple(
        _derived(value, shape, names[: len(plain) + number]) for number, value in enumerate(wanted.values())
    )
    levels = tuple(zip(shape.levels, shape.level_units, strict=True))
    units = _units(shape.counters, levels, fixed.derived, tuple(wanted))
    ways = ways_of(shape.counters)
    octets = slice(ways[0].octets, ways[-1].octets + 1) if ways else slice(0)
    return FoldPlan(names, units, _cells(shape, rules.limits), (*formulas, *derived), ways, octets, tuple(taken))


@lru_cache(maxsize=_CELLS_KEPT)
def _units(
    counters: tuple[CounterSpec, ...],
    levels: tuple[tuple[str, str], ...],
    derived: tuple[tuple[str, str, str], ...],
    wanted: tuple[str, ...],
) -> tuple[tuple[str, str], ...]:
    return (
        *((spec.name, f"{spec.unit}/s") for spec in counters),
        *levels,
        *((name, unit) for name, unit, _ in derived),
        *((name, UNIT) for name in wanted),
    )


def cell_of(shape: Shape, counter: int, row: int, limits: RateLimits) -> Cell:
    """Return what has to be known of one cell."""
    spec = shape.counters[counter]
    line_rate = shape.fixed.line_rates[row] if shape.fixed.line_rates else 0
    width = 32 if spec.width == 32 or row in spec.rows_32 else 64
    smallest = smallest_packets_bits(spec, shape.fixed)[row]
    return Cell(width, spec.scale, bound(spec.unit, line_rate, limits, smallest))


def _cells(shape: Shape, limits: RateLimits) -> Cells:
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


def _formula(name: str, text: str, given: tuple[str, ...]) -> Formula:
    try:
        expression = parse(text)
    except ExpressionError:
        return Formula(name, None, {})
    read = dict.fromkeys(".".join(path) for path in names_of(expression.tree))
    return Formula(name, expression, {one: given.index(one) for one in read if one in given})


def _derived(value: Derived, shape: Shape, names: tuple[str, ...]) -> DerivedPlan:
    place = {name: position for position, name in enumerate(names)}
    if not all(name in place for name in value.inputs):
        return DerivedPlan(value.name, (), (), value.inputs, None, NoRate.NO_SUCH_METRIC)
    over, under = (tuple(place[name] for name in part) for part in (value.over, value.under))
    divisor = None if value.under else _speeds(value.over[0], shape)
    absent = NoRate.WRONG_UNIT if divisor is None and not value.under else None
    return DerivedPlan(value.name, over, under, value.inputs, divisor, absent)


def _speeds(metric: str, shape: Shape) -> Numbers | None:
    """Return each row's speed in the metric's unit per second; None where the metric is no counter of a line."""
    units = {spec.name: spec.unit for spec in shape.counters}
    bits = BITS_PER_UNIT.get(units.get(metric, ""))
    if bits is None:
        return None
    lines = shape.fixed.line_rates or (0,) * shape.rows
    return np.array([line / bits if line > 0 else math.nan for line in lines])
