"""Everything that follows from a poll's shape and the settings, computed once for each shape."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple, cast

from pollers.profiles.language.expr import Expression
from streams.gauges.fold.derived import Derived, Formula, formula_of
from streams.gauges.fold.rates import Cells, cells_of
from streams.gauges.fold.traffic import Way, ways_of
from streams.gauges.limits import RateLimits
from streams.gauges.samples.identity import resource_of
from streams.gauges.samples.sample import CounterSpec, Shape

#: devices of one kind share them
_NAMES_KEPT: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rules:
    """The settings of the fold; one object of a worker's life, since plans are kept by it."""

    limits: RateLimits = RateLimits()  # noqa: RUF009 - frozen
    derived: tuple[Derived, ...] = ()
    with_counters: bool = False  #: raw counters beside the rates, in every Gauge


class FoldPlan(NamedTuple):
    counters: tuple[str, ...]
    names: tuple[str, ...]  #: of the numbers of a row: counters, then levels, then derived values
    units: tuple[tuple[str, str], ...]  #: of each of them, the counters' as of their rates
    cells: Cells
    derived: tuple[Formula, ...]
    ways: tuple[Way, ...]
    octets: slice  #: has the octets of all ways, and whatever stands between them
    taken: tuple[str, ...]  #: derived values that are left out: something else of the row has their name


def plan_of(shape: Shape, rules: Rules) -> FoldPlan:
    """Return the plan of a shape; on a name clash the device's own value wins, then the first derived value."""
    found = cast("FoldPlan | None", shape.kept.get(rules))
    if found is None:
        found = shape.kept[rules] = _plan(shape, rules)
    return found


def _plan(shape: Shape, rules: Rules) -> FoldPlan:
    wanted, taken = _wanted(shape, rules)
    declared: list[tuple[str, str, Expression | str]] = [*shape.fixed.derived]
    declared += [(value.name, value.unit, value.expression) for value in wanted]
    levels = tuple(zip(shape.levels, shape.level_units, strict=True))
    counters, names, units = _named(shape.counters, levels, tuple((name, unit) for name, unit, _ in declared))
    given = len(names) - len(declared)
    ways = ways_of(shape.counters)
    return FoldPlan(
        counters=counters,
        names=names,
        units=units,
        cells=cells_of(shape, rules.limits),
        derived=tuple(  # a later one may be made of an earlier one
            formula_of(name, expression, names[:place], shape)
            for place, (name, _, expression) in enumerate(declared, start=given)
        ),
        ways=ways,
        octets=slice(ways[0].octets, ways[-1].octets + 1) if ways else slice(0),
        taken=taken,
    )


def _wanted(shape: Shape, rules: Rules) -> tuple[list[Derived], tuple[str, ...]]:
    """Return the values that sections declare for such polls, and the names of those that are left out."""
    fixed = shape.fixed
    resource = resource_of(fixed.resource, fixed.endpoint, dict(fixed.labels))
    names = {*(spec.name for spec in shape.counters), *shape.levels, *shape.states}
    names |= {name for name, *_ in (*fixed.derived, *fixed.dimensions)}
    wanted, taken = list[Derived](), list[str]()
    for value in rules.derived:
        if value.group == fixed.group and (value.wants is None or value.wants(resource)):
            if value.name in names:
                taken.append(value.name)
            else:
                wanted.append(value)
                names.add(value.name)
    return wanted, tuple(taken)


@lru_cache(maxsize=_NAMES_KEPT)
def _named(
    counters: tuple[CounterSpec, ...], levels: tuple[tuple[str, str], ...], derived: tuple[tuple[str, str], ...]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Return the names of the counters, and name and unit of every number of a row."""
    units = (*((spec.name, f"{spec.unit}/s") for spec in counters), *levels, *derived)
    return tuple(spec.name for spec in counters), tuple(name for name, _ in units), units
