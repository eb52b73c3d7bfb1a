"""Compiles a profile for polling: the scalars to GET and the columns to walk together, without unused ones."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from pollers.profiles.language.expr import Call, Expression, NameNode, OperationNode, Tree
from pollers.profiles.model import ColumnSpec, Computed, Group, IndexPart, Profile, TableSpec, Use
from pollers.profiles.refs import (
    Ref,
    Tables,
    Whole,
    direct_refs,
    expression_refs,
    meaning,
    reads_rate,
    resolve,
    with_join,
)
from pollers.snmp.values import Oid


class PlannedWalk(NamedTuple):
    """Columns that are read together, for one or several tables of the profile."""

    tables: tuple[str, ...]
    fast: tuple[Oid, ...]  #: read in every poll
    slow: tuple[Oid, ...]  #: read besides, when what is remembered of them is too old or lacks a row


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    profile: Profile
    groups: tuple[Group, ...]
    scalars: tuple[Oid, ...]
    slow_scalars: tuple[Oid, ...]
    walks: tuple[PlannedWalk, ...]
    slow_names: Mapping[str, tuple[str, ...]]  #: table -> its names whose values are remembered between polls
    refresh_s: Mapping[str, int]  #: table -> how long they are good for, seconds
    needs: Mapping[str, frozenset[str]]  #: table -> other tables that its remembered values are made of
    borrowed: frozenset[str]  #: tables that others read by join or by functions over tables
    rates: frozenset[Ref]  #: computed values that are made of rates: the gauges stage works them out
    #: tables whose rows' keys, tags and speed are made of remembered values and of the index alone
    steady: frozenset[str]
    mute: frozenset[str]  #: sets of scalars that say nothing where none of their own OIDs is answered


def make_plan(profile: Profile, groups: Iterable[Group] | None = None) -> Plan:
    """Return the plan that reads these groups of a (checked) profile; by default all of them."""
    chosen = tuple(profile.groups.values() if groups is None else groups)
    everything = _needed(profile.tables, chosen, remembered=False)
    often = _needed(profile.tables, chosen, remembered=True)
    told: dict[Ref, bool] = {}
    slow = {ref for ref in often if is_slow(profile.tables, ref, told)}
    slow_names = {
        name: tuple(sorted({ref.name for ref in slow if ref.table == name}))
        for name in dict.fromkeys(ref.table for ref in often)
    }
    slow_names = {name: names for name, names in slow_names.items() if names}
    fast = _oids(profile.tables, often - slow)
    full = _oids(profile.tables, everything)
    scalar_tables = [name for name, table in profile.tables.items() if table.scalar]
    scalars = _flatten(fast, scalar_tables)
    return Plan(
        profile=profile,
        groups=chosen,
        scalars=scalars,
        slow_scalars=tuple(oid for oid in _flatten(full, scalar_tables) if oid not in set(scalars)),
        walks=_walks(profile.tables, fast, full),
        slow_names=slow_names,
        refresh_s={name: _refresh_s(profile.tables[name], full.get(name, ())) for name in slow_names},
        needs={name: _made_of(profile.tables, name, names) for name, names in slow_names.items()},
        borrowed=frozenset(
            inner.table for ref in everything for inner in direct_refs(profile.tables, ref) if inner.table != ref.table
        ),
        rates=_rates(profile.tables),
        steady=frozenset(name for name, known in slow_names.items() if _is_steady(profile.tables[name], known)),
        mute=frozenset(name for name in scalar_tables if _is_mute(profile.tables[name])),
    )


def _rates(tables: Tables) -> frozenset[Ref]:
    told: dict[Ref, bool] = {}
    computed = [Ref(table.name, name) for table in tables.values() for name in table.computed]
    return frozenset(ref for ref in computed if reads_rate(tables, ref, told))


def slow_part(plan: Plan) -> Plan:
    """Return the plan for the columns with `refresh` only, which polls need not read."""
    walks = tuple(PlannedWalk(walk.tables, (), walk.slow) for walk in plan.walks if walk.slow)
    return replace(plan, groups=(), scalars=(), walks=walks)


def _made_of(tables: Tables, table: str, names: Iterable[str]) -> frozenset[str]:
    """Return the other tables that these names of a table are made of, directly or not."""
    waiting = [Ref(table, name) for name in names]
    seen = set(waiting)
    while waiting:
        for inner in direct_refs(tables, waiting.pop()):
            here = Ref(inner.table, inner.name)
            if here not in seen:
                seen.add(here)
                waiting.append(here)
    return frozenset(ref.table for ref in seen) - {table}


def _is_steady(table: TableSpec, remembered: Container[str]) -> bool:
    """Return whether nothing that a row is known by needs what a poll has read."""
    if table.scalar or table.when is not None or any("." in path for path in table.row):
        return False
    tags = [name for name, column in table.columns.items() if column.use is Use.TAG]
    named = [*table.row, *tags, *table.tags, *([table.line_rate] if table.line_rate else [])]
    found = {name: meaning(table, name) for name in named}
    return all(name in remembered or isinstance(found[name], IndexPart | Whole) for name in named)


def _is_mute(table: TableSpec) -> bool:
    """Return whether all that is computed of a set of scalars needs one of its own columns."""

    def needs_own(tree: Tree) -> bool:
        match tree:
            case NameNode(path=(name,)):
                found = meaning(table, name)
                return isinstance(found, ColumnSpec) or (
                    isinstance(found, Computed) and needs_own(found.expression.tree)
                )
            case OperationNode(op=op, args=args) if op not in {"and", "or"}:
                return any(map(needs_own, args))
            case Call(function="if", args=args):
                return needs_own(args[0])
            case OperationNode(args=args) | Call(function="first", args=args):
                return all(map(needs_own, args))
        return False

    return all(needs_own(computed.expression.tree) for computed in table.computed.values())


def _refresh_s(table: TableSpec, oids: Iterable[Oid]) -> int:
    wanted = set(oids)
    periods = [
        column.refresh_s
        for column in table.columns.values()
        if column.refresh_s and any(source.oid in wanted for source in column.sources)
    ]
    return min(periods, default=1_800)


def emitted_names(table: TableSpec) -> list[str]:
    """Return the names that a table's rows publish, in the profile's order."""
    shown = {Use.COUNTER, Use.GAUGE, Use.AUTO, Use.STATE, Use.TAG, Use.DISCONTINUITY}
    return [
        *(name for name, column in table.columns.items() if column.use in shown),
        *(name for name, computed in table.computed.items() if computed.use is not Use.REFERENCE),
        *table.tags,
        *([table.line_rate] if table.line_rate else []),
    ]


def is_slow(tables: Tables, ref: Ref, told: dict[Ref, bool]) -> bool:
    """Return whether a value depends on columns with `refresh` only, so that it can be remembered.

    `told` remembers the answers, as values may be made of one another many times over.
    """
    if ref not in told:
        told[ref] = _is_slow(tables, ref, told)
    return told[ref]


def _is_slow(tables: Tables, ref: Ref, told: dict[Ref, bool]) -> bool:
    found = meaning(tables[ref.table], ref.name)
    if isinstance(found, ColumnSpec):
        return found.refresh_s is not None
    if not isinstance(found, Computed | Expression):
        return False
    inner = [Ref(step.table, step.name) for step in direct_refs(tables, ref)]
    weights = [is_slow(tables, step, told) for step in inner if not _is_free(tables, step)]
    return bool(weights) and all(weights)


def _is_free(tables: Tables, ref: Ref) -> bool:
    return not isinstance(meaning(tables[ref.table], ref.name), ColumnSpec | Computed | Expression)


def _needed(tables: Tables, groups: Sequence[Group], *, remembered: bool) -> set[Ref]:
    """Return every name that the groups need; with `remembered`, what slow names are made of is left out."""
    waiting: list[Ref] = []
    for name in dict.fromkeys(table for group in groups for table in group.tables):
        table = tables[name]
        waiting += [Ref(name, emitted) for emitted in emitted_names(table)]
        waiting += [step for path in table.row for step in _row_refs(tables, table, path)]
        if table.when is not None:
            waiting += expression_refs(tables, table, table.when)
    found: set[Ref] = set()
    told: dict[Ref, bool] = {}
    while waiting:
        ref = waiting.pop()
        here = Ref(ref.table, ref.name)
        if here in found:
            continue
        found.add(here)
        if not (remembered and is_slow(tables, here, told)):
            waiting += direct_refs(tables, here)
            waiting += _aggregate_filters(tables, here)
    return found


def _row_refs(tables: Tables, table: TableSpec, path: str) -> Iterable[Ref]:
    return with_join(tables, table, resolve(tables, table, tuple(path.split("."))))


def _aggregate_filters(tables: Tables, ref: Ref) -> list[Ref]:
    """Return what the row filter of an aggregated table reads: functions over it see only its kept rows."""
    refs: list[Ref] = []
    for step in direct_refs(tables, ref):
        other = tables[step.table]
        if step.table != ref.table and other.when is not None:
            refs += expression_refs(tables, other, other.when)
    return refs


def _oids(tables: Tables, refs: Iterable[Ref]) -> dict[str, tuple[Oid, ...]]:
    wanted: dict[str, set[str]] = {}
    for ref in refs:
        wanted.setdefault(ref.table, set()).add(ref.name)
    return {
        name: tuple(
            dict.fromkeys(
                source.oid
                for column_name, column in tables[name].columns.items()
                if column_name in names
                for source in column.sources
            )
        )
        for name, names in wanted.items()
    }


def _flatten(oids: Mapping[str, Sequence[Oid]], tables: Iterable[str]) -> tuple[Oid, ...]:
    return tuple(dict.fromkeys(oid for name in tables for oid in oids.get(name, ())))


def _walks(
    tables: Tables, fast: Mapping[str, Sequence[Oid]], full: Mapping[str, Sequence[Oid]]
) -> tuple[PlannedWalk, ...]:
    """Return one walk per set of tables that share an entry: rows of one entry have the same indexes."""
    names = [name for name, table in tables.items() if not table.scalar and full.get(name)]
    merged: list[tuple[list[str], set[str]]] = []
    for name in names:
        entries = {oid.rsplit(".", 1)[0] for oid in full[name]}
        members = [name]
        kept = []
        for other in merged:
            if other[1] & entries:
                members = other[0] + members
                entries |= other[1]
            else:
                kept.append(other)
        merged = [*kept, (members, entries)]
    walks = []
    for members, _entries in merged:
        often = _flatten(fast, members)
        walks.append(
            PlannedWalk(tuple(members), often, tuple(o for o in _flatten(full, members) if o not in set(often)))
        )
    return tuple(walks)
