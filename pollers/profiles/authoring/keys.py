"""Checks that row keys are stable: none contains a state, a value or a number that changes at a reboot."""

from collections.abc import Iterator
from typing import NamedTuple

from pollers.profiles.language.expr import Call, Expression, NameNode, OperationNode, Tree
from pollers.profiles.model import ColumnSpec, Computed, IndexPart, Profile, TableSpec, Use
from pollers.profiles.place import Problem
from pollers.profiles.refs import Tables, Whole, meaning, resolve
from pollers.vocabulary.model import Vocabulary

_CHANGING = {
    Use.STATE: "a state",
    Use.COUNTER: "a counter",
    Use.GAUGE: "a value",
    Use.AUTO: "a value",
    Use.DISCONTINUITY: "a time",
}


class _Part(NamedTuple):
    """A part of a key, on the way down to the values that are read."""

    table: str
    name: str
    extracted: bool  #: whether a pattern takes what counts out of it


def key_problems(profile: Profile, vocabulary: Vocabulary) -> Iterator[Problem]:
    """Yield the reasons why row keys of emitted tables are unstable. The profile's names must stand for something."""
    for name in dict.fromkeys(table for group in profile.groups.values() for table in group.tables):
        table = profile.tables[name]
        if table.scalar:
            continue
        numbered = _renumbered(table, vocabulary)
        if not table.row and numbered:
            yield Problem(table.at, f"tables.{name}.row", f"a name for each row: a reboot may change {numbered}")
        for path in table.row:
            why = _why_not(profile.tables, table, path, vocabulary)
            if why:
                yield Problem(table.at, f"tables.{name}.row", f"a key that stays, and {path} {why}")


def _renumbered(table: TableSpec, vocabulary: Vocabulary) -> str | None:
    """Return the name of the table's index if a reboot may change it."""
    for column in table.columns.values():
        for source in column.sources:
            if found := vocabulary.renumbered.get(source.oid.rpartition(".")[0]):
                return found
    return None


def _why_not(tables: Tables, table: TableSpec, path: str, vocabulary: Vocabulary) -> str | None:
    ref = resolve(tables, table, tuple(path.split(".")))
    waiting = [_Part(ref.table, ref.name, extracted=False)]
    seen: set[_Part] = set()
    while waiting:
        part = waiting.pop()
        if part in seen:
            continue
        seen.add(part)
        owner = tables[part.table]
        found = meaning(owner, part.name)
        if isinstance(found, ColumnSpec):
            if why := _changes(found, vocabulary, extracted=part.extracted):
                return why
        elif isinstance(found, IndexPart | Whole):
            if numbered := _renumbered(owner, vocabulary):
                return f"holds {numbered}, which a reboot may change"
        elif isinstance(found, Computed | Expression):
            tree = found.tree if isinstance(found, Expression) else found.expression.tree
            waiting += _parts(tables, owner, tree, extracted=part.extracted)
    return None


def _parts(tables: Tables, table: TableSpec, tree: Tree, *, extracted: bool) -> Iterator[_Part]:
    if isinstance(tree, NameNode):
        ref = resolve(tables, table, tree.path)
        yield _Part(ref.table, ref.name, extracted)
    elif isinstance(tree, Call):
        for arg in tree.args[: 1 if tree.function == "extract" else None]:
            yield from _parts(tables, table, arg, extracted=extracted or tree.function == "extract")
    elif isinstance(tree, OperationNode):
        for arg in tree.args:
            yield from _parts(tables, table, arg, extracted=extracted)


def _changes(column: ColumnSpec, vocabulary: Vocabulary, *, extracted: bool) -> str | None:
    if column.use in _CHANGING:
        return f"holds {column.name}, {_CHANGING[column.use]}"
    if column.extract is None and not extracted:
        for source in column.sources:
            if stateful := vocabulary.stateful_texts.get(source.oid):
                return f"holds {stateful}, whose text tells a state: take it out by `extract`"
    return None
