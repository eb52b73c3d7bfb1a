"""Checks the references of a profile: every name is defined, and no definition is circular."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from pollers.profiles.language.expr import Expression, ExpressionError
from pollers.profiles.model import Computed, Profile, TableSpec, Use
from pollers.profiles.place import FileLine, Problem
from pollers.profiles.refs import (
    OWN_NAMES,
    Ref,
    Tables,
    aggregated,
    direct_refs,
    expression_refs,
    join_refs,
    meaning,
    reads_rate,
    resolve,
    split,
)

#: steps from a value down to what is read for it
MAX_STEPS: Final = 32


class _Known(NamedTuple):
    """What has been found out of the profile's names: values may be made of one another many times over."""

    steps: dict[Ref, int]  #: down to what is read
    rates: dict[Ref, bool]


def check_profile(profile: Profile) -> list[Problem]:
    """Return the problems of the profile as a whole; empty if it is valid."""
    problems: list[Problem] = []
    known = _Known({}, {})
    for table in profile.tables.values():
        problems += _check_table(profile.tables, table, known)
    for group in profile.groups.values():
        kinds = {profile.tables[name].scalar for name in group.tables}
        if len(kinds) > 1 and not group.first_of:
            problems.append(Problem(group.at, f"emit.{group.name}", "tables, or sets of scalars, not both"))
    return problems


def _check_table(tables: Tables, table: TableSpec, known: _Known) -> Iterator[Problem]:
    path = f"{'scalars' if table.scalar else 'tables'}.{table.name}"
    if not table.columns and not table.computed:
        yield Problem(table.at, path, "columns, or computed values")
    yield from _check_names(table, path)
    for alias, join in table.joins.items():
        yield from _tried(join.at, f"{path}.join.{alias}", lambda join=join: list(join_refs(tables, table, join)))
    for name in table.row:
        yield from _tried(table.at, f"{path}.row", lambda name=name: resolve(tables, table, tuple(name.split("."))))
    if table.when is not None:
        yield from _check_level(tables, table, table.when, Problem(table.at, f"{path}.when", ""), known)
    for name, expression in table.tags.items():
        yield from _check_level(tables, table, expression, Problem(table.at, f"{path}.tags.{name}", ""), known)
    for computed in table.computed.values():
        yield from _check_computed(tables, table, computed, known)
    if table.line_rate is not None:
        found = meaning(table, table.line_rate)
        if getattr(found, "use", None) not in {Use.GAUGE, Use.REFERENCE}:
            yield Problem(table.at, f"{path}.line_rate", "a gauge or reference of this table, in bits per second")


def _check_names(table: TableSpec, path: str) -> Iterator[Problem]:
    if sum(1 for column in table.columns.values() if column.use is Use.DISCONTINUITY) > 1:
        yield Problem(table.at, f"{path}.columns", "at most one column with use: discontinuity")
    seen: set[str] = set()
    parts = [part.name for part in table.index]
    for name in (*table.columns, *table.computed, *parts, *table.tags, *table.static_tags):
        if name in seen or name in OWN_NAMES:
            yield Problem(table.at, f"{path}.{name}", "each name once among columns, computed, index and tags")
        seen.add(name)
    for position, part in enumerate(table.index[:-1]):
        if part.implied:
            yield Problem(table.at, f"{path}.index[{position}]", "only the last part may be implied")


def _tried(at: FileLine, path: str, attempt: object) -> Iterator[Problem]:
    try:
        attempt()  # type: ignore[operator]
    except ExpressionError as error:
        yield Problem(at, path, str(error))


def _check_level(
    tables: Tables, table: TableSpec, expression: Expression, where: Problem, known: _Known
) -> Iterator[Problem]:
    """An expression that is evaluated when the device is polled: no counters, no circles."""
    try:
        for ref in expression_refs(tables, table, expression):
            _steps(tables, ref, (), known.steps)
            if reads_rate(tables, ref, known.rates):
                yield where._replace(expected=f"no counter here ({ref.name}): its rate is known only later")
    except ExpressionError as error:
        yield where._replace(expected=str(error))


def _check_computed(tables: Tables, table: TableSpec, computed: Computed, known: _Known) -> Iterator[Problem]:
    where = Problem(computed.at, f"computed.{table.name}.{computed.name}", "")
    try:
        own = Ref(table.name, computed.name)
        _steps(tables, own, (), known.steps)
        if not reads_rate(tables, own, known.rates):
            return
        if computed.use is not Use.GAUGE:
            yield where._replace(expected="use: gauge for a value made of counters")
        paths, calls = split(computed.expression.tree)
        for call in calls:
            other, _ = aggregated(tables, call)
            yield where._replace(expected=f"no {call.function} over {other.name} beside a counter's rate")
        for name in paths:
            ref = resolve(tables, table, name)
            found = meaning(tables[ref.table], ref.name)
            if ref.table != table.name or getattr(found, "use", None) not in {Use.COUNTER, Use.GAUGE}:
                expected = f"counters and gauges of {table.name} beside a counter, not {'.'.join(name)!r}"
                yield where._replace(expected=expected)
    except ExpressionError as error:
        yield where._replace(expected=str(error))


def _steps(tables: Tables, ref: Ref, above: tuple[Ref, ...], known: dict[Ref, int]) -> int:
    """Return how many steps a value is above what is read for it; each name is walked through once.

    Raises ExpressionError for a circle, and for a longer way than MAX_STEPS.
    """
    here = Ref(ref.table, ref.name)
    if here in above:
        raise ExpressionError(f"no circle: {' -> '.join(f'{step.table}.{step.name}' for step in (*above, here))}")
    if here not in known and len(above) <= MAX_STEPS:
        inner = [_steps(tables, step, (*above, here), known) for step in direct_refs(tables, here)]
        known[here] = 1 + max(inner) if inner else 0
    if len(above) + known.get(here, 0) > MAX_STEPS:
        raise ExpressionError(f"a value at most {MAX_STEPS} steps above what is read for it")
    return known[here]
