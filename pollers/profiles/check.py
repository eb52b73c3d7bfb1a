"""What a profile says must hold together: every name stands for something, nothing goes round in circles."""

from collections.abc import Iterator

from pollers.profiles.expr import Expression, ExpressionError
from pollers.profiles.model import Computed, Profile, Table, Use
from pollers.profiles.place import Place, Problem
from pollers.profiles.refs import (
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


def check_profile(profile: Profile) -> list[Problem]:
    """Return what is wrong with the profile as a whole; empty = fit for use."""
    problems: list[Problem] = []
    for table in profile.tables.values():
        problems += _check_table(profile.tables, table)
    for group in profile.groups.values():
        kinds = {profile.tables[name].scalar for name in group.tables}
        if len(kinds) > 1:
            problems.append(Problem(group.at, f"emit.{group.name}", "tables, or sets of scalars, not both"))
    return problems


def _check_table(tables: Tables, table: Table) -> Iterator[Problem]:
    path = f"{'scalars' if table.scalar else 'tables'}.{table.name}"
    if not table.columns and not table.computed:
        yield Problem(table.at, path, "columns, or computed values")
    yield from _check_names(table, path)
    for alias, join in table.joins.items():
        yield from _tried(join.at, f"{path}.join.{alias}", lambda join=join: list(join_refs(tables, table, join)))
    for name in table.row:
        yield from _tried(table.at, f"{path}.row", lambda name=name: resolve(tables, table, tuple(name.split("."))))
    if table.when is not None:
        yield from _check_level(tables, table, table.when, table.at, f"{path}.when")
    for name, expression in table.tags.items():
        yield from _check_level(tables, table, expression, table.at, f"{path}.tags.{name}")
    for name, computed in table.computed.items():
        yield from _check_computed(tables, table, computed, f"computed.{table.name}.{name}")
    if table.line_rate is not None:
        found = meaning(table, table.line_rate)
        if getattr(found, "use", None) not in {Use.GAUGE, Use.REFERENCE}:
            yield Problem(table.at, f"{path}.line_rate", "a gauge or reference of this table, in bits per second")


def _check_names(table: Table, path: str) -> Iterator[Problem]:
    if sum(1 for column in table.columns.values() if column.use is Use.DISCONTINUITY) > 1:
        yield Problem(table.at, f"{path}.columns", "at most one column with use: discontinuity")
    seen: set[str] = set()
    parts = [part.name for part in table.index]
    for name in (*table.columns, *table.computed, *parts, *table.tags, *table.static_tags):
        if name in seen or name == "index":
            yield Problem(table.at, f"{path}.{name}", "each name once among columns, computed, index and tags")
        seen.add(name)
    for position, part in enumerate(table.index[:-1]):
        if part.implied:
            yield Problem(table.at, f"{path}.index[{position}]", "only the last part may be implied")


def _tried(at: Place, path: str, attempt: object) -> Iterator[Problem]:
    try:
        attempt()  # type: ignore[operator]
    except ExpressionError as error:
        yield Problem(at, path, str(error))


def _check_level(tables: Tables, table: Table, expression: Expression, at: Place, path: str) -> Iterator[Problem]:
    """An expression that is evaluated when the device is polled: no counters, no circles."""
    try:
        for ref in expression_refs(tables, table, expression):
            _no_circle(tables, ref, ())
            if reads_rate(tables, ref):
                yield Problem(at, path, f"no counter here ({ref.name}): its rate is known only later")
    except ExpressionError as error:
        yield Problem(at, path, str(error))


def _check_computed(tables: Tables, table: Table, computed: Computed, path: str) -> Iterator[Problem]:
    try:
        own = Ref(table.name, computed.name)
        _no_circle(tables, own, ())
        if not reads_rate(tables, own):
            return
        if computed.use is not Use.GAUGE:
            yield Problem(computed.at, path, "use: gauge for a value made of counters")
        paths, calls = split(computed.expression.tree)
        for call in calls:
            other, _ = aggregated(tables, call)
            yield Problem(computed.at, path, f"no {call.function} over {other.name} beside a counter's rate")
        for name in paths:
            ref = resolve(tables, table, name)
            found = meaning(tables[ref.table], ref.name)
            if ref.table != table.name or getattr(found, "use", None) not in {Use.COUNTER, Use.GAUGE}:
                yield Problem(
                    computed.at, path, f"counters and gauges of {table.name} beside a counter, not {'.'.join(name)!r}"
                )
    except ExpressionError as error:
        yield Problem(computed.at, path, str(error))


def _no_circle(tables: Tables, ref: Ref, above: tuple[Ref, ...]) -> None:
    here = Ref(ref.table, ref.name)
    if here in above or len(above) > 32:
        raise ExpressionError(f"no circle: {' -> '.join(f'{step.table}.{step.name}' for step in (*above, here))}")
    for inner in direct_refs(tables, here):
        _no_circle(tables, inner, (*above, here))
