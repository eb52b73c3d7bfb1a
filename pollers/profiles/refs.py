"""Resolves the names in a profile and their dependencies."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from pollers.profiles.language.expr import AGGREGATES, Call, Expression, ExpressionError, NameNode, OperationNode, Tree
from pollers.profiles.model import ColumnSpec, Computed, IndexPart, Join, Slice, TableSpec, Use

Tables: TypeAlias = Mapping[str, TableSpec]
INDEX = "index"
ROW_NUMBER = "row_number"
#: what every table has without saying so
OWN_NAMES = (INDEX, ROW_NUMBER)


class Ref(NamedTuple):
    """A reference from one table to a column of another: `via` is the join between them."""

    table: str
    name: str
    via: str | None = None


@dataclass(frozen=True, slots=True)
class Whole:
    """The row's whole index as text."""


@dataclass(frozen=True, slots=True)
class RowNumber:
    """The row's position in the table, from 0; for tables whose index changes while their order does not."""


#: what a name of a table can be
Meaning: TypeAlias = ColumnSpec | Computed | IndexPart | Expression | str | Whole | RowNumber


def meaning(table: TableSpec, name: str) -> Meaning | None:
    """Return the kind of a name in its own table: column, computed, index part, tag, static tag; None = undefined."""
    if name in table.columns:
        return table.columns[name]
    if name in table.computed:
        return table.computed[name]
    for part in table.index:
        if part.name == name:
            return part
    if name in table.tags:
        return table.tags[name]
    if name in table.static_tags:
        return table.static_tags[name]
    return Whole() if name == INDEX else RowNumber() if name == ROW_NUMBER else None


def resolve(tables: Tables, table: TableSpec, path: tuple[str, ...]) -> Ref:
    """Return the table and column that a name refers to. Raises ExpressionError."""
    if len(path) == 1:
        if meaning(table, path[0]) is None:
            raise ExpressionError(f"a name of {table.name!r}, not {path[0]!r}: one of {', '.join(known_names(table))}")
        return Ref(table.name, path[0])
    if len(path) == 2:
        alias, name = path
        join = table.joins.get(alias)
        other = tables.get(join.table if join else alias)
        if other is not None and (join or other.scalar):
            if meaning(other, name) is None:
                raise ExpressionError(f"a name of {other.name!r}, not {name!r}: one of {', '.join(known_names(other))}")
            return Ref(other.name, name, alias if join else None)
    raise ExpressionError(
        f"a column, alias.column of a join, or set.column of scalars, not {'.'.join(path)!r}"
        f" (joins: {', '.join(table.joins) or 'none'})"
    )


def known_names(table: TableSpec) -> list[str]:
    return [*table.columns, *table.computed, *(part.name for part in table.index), *table.tags, *OWN_NAMES]


def split(tree: Tree) -> tuple[list[tuple[str, ...]], list[Call]]:
    """Return the names that a tree reads in its own row, and its aggregate calls."""
    if isinstance(tree, NameNode):
        return [tree.path], []
    if isinstance(tree, Call) and tree.function in AGGREGATES:
        return [], [tree]
    paths: list[tuple[str, ...]] = []
    calls: list[Call] = []
    if isinstance(tree, Call | OperationNode):
        for arg in tree.args:
            inner_paths, inner_calls = split(arg)
            paths += inner_paths
            calls += inner_calls
    return paths, calls


def aggregated(tables: Tables, call: Call) -> tuple[TableSpec, Tree]:
    """Return the table that an aggregate reads, and the call with that table's names.

    Raises ExpressionError where its names belong to no table, or to several.
    """
    found: set[str] = set()

    def strip(tree: Tree) -> Tree:
        if isinstance(tree, NameNode):
            if len(tree.path) < 2:
                raise ExpressionError(f"table.column inside of {call.function}, not {tree.path[0]!r}")
            found.add(tree.path[0])
            return NameNode(tree.path[1:])
        if isinstance(tree, Call):
            if tree.function in AGGREGATES and tree is not call:
                raise ExpressionError(f"no {tree.function} inside of {call.function}")
            return Call(tree.function, tuple(map(strip, tree.args)))
        if isinstance(tree, OperationNode):
            return OperationNode(tree.op, tuple(map(strip, tree.args)))
        return tree

    stripped = strip(call)
    if len(found) != 1 or (name := found.pop()) not in tables:
        raise ExpressionError(f"columns of one table inside of {call.function}")
    return tables[name], stripped


def expression_refs(tables: Tables, table: TableSpec, expression: Expression) -> Iterator[Ref]:
    """Yield everything that an expression of a table reads, including aggregates. Raises ExpressionError."""
    paths, calls = split(expression.tree)
    for path in paths:
        yield from with_join(tables, table, resolve(tables, table, path))
    for call in calls:
        other, stripped = aggregated(tables, call)
        for path in (path for arg in getattr(stripped, "args", ()) for path in split(arg)[0]):
            yield from with_join(tables, other, resolve(tables, other, path))


def with_join(tables: Tables, table: TableSpec, ref: Ref) -> Iterator[Ref]:
    """Yield the reference and the columns that its join needs on both sides. Raises ExpressionError."""
    yield ref
    if ref.via is not None:
        yield from join_refs(tables, table, table.joins[ref.via])


def join_refs(tables: Tables, table: TableSpec, join: Join) -> Iterator[Ref]:
    """Yield the columns that a join reads on both sides. Raises ExpressionError."""
    if join.table not in tables:
        raise ExpressionError(f"a table that exists, not {join.table!r}")
    for key in join.on:
        if isinstance(key, Slice):
            continue
        if len(key) == 2 and key[0] == join.alias:
            raise ExpressionError(f"no join of {join.alias!r} on itself")
        yield from with_join(tables, table, resolve(tables, table, key))
    if join.to is not None:
        if meaning(tables[join.table], join.to) is None:
            raise ExpressionError(f"a name of {join.table!r}, not {join.to!r}")
        yield Ref(join.table, join.to)


def direct_refs(tables: Tables, ref: Ref) -> Iterator[Ref]:
    """Yield the direct dependencies of a name; none for a column of its own table. Raises ExpressionError."""
    found = meaning(tables[ref.table], ref.name)
    if isinstance(found, Computed):
        found = found.expression
    if isinstance(found, Expression):
        yield from expression_refs(tables, tables[ref.table], found)


def reads_rate(tables: Tables, ref: Ref, told: dict[Ref, bool]) -> bool:
    """Return whether a value is a rate or depends on one, so that only the gauges stage knows it. Raises
    ExpressionError.

    `told` remembers the answers: values made of one another twice over would be asked 2^depth times.
    """
    here = Ref(ref.table, ref.name)
    if here not in told:
        found = meaning(tables[ref.table], ref.name)
        told[here] = (
            found.use is Use.COUNTER
            if isinstance(found, ColumnSpec)
            else any(reads_rate(tables, inner, told) for inner in direct_refs(tables, here))
        )
    return told[here]
