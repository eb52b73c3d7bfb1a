"""Lists each metric that a profile's groups publish."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from pollers.profiles.model import ColumnSpec, Computed, Group, Profile, TableSpec, Use
from pollers.profiles.place import FileLine
from pollers.vocabulary.model import NO_UNIT, MetricKind

_METRICS: Final = frozenset({Use.COUNTER, Use.GAUGE, Use.AUTO, Use.STATE})
_KINDS: Final = {
    Use.COUNTER: MetricKind.RATE,
    Use.GAUGE: MetricKind.LEVEL,
    Use.AUTO: MetricKind.LEVEL,
    Use.STATE: MetricKind.STATE,
}
_NOT_A_NAME: Final = re.compile(r"\W+", re.ASCII)


class Emitted(NamedTuple):
    """One metric of one table of one group."""

    group: str
    table: str
    name: str
    kind: MetricKind
    unit: str
    states: tuple[str, ...]  #: the words that the profile makes of it; empty = as the device says it, or worked out
    may_be_rate: bool  #: whether the device decides that it is one
    at: FileLine
    key: str  #: where it stands in the file


def emitted(profile: Profile) -> Iterator[Emitted]:
    """Yield every metric that the profile's groups publish."""
    for group in profile.groups.values():
        for name in group.tables:
            yield from _of_table(group, profile.tables[name])


def _of_table(group: Group, table: TableSpec) -> Iterator[Emitted]:
    for column in table.columns.values():
        if column.use in _METRICS:
            key = f"{'scalars' if table.scalar else 'tables'}.{table.name}.columns.{column.name}"
            yield _made(group, table, column, key)
    for computed in table.computed.values():
        if computed.use is not Use.REFERENCE:
            yield _made(group, table, computed, f"computed.{table.name}.{computed.name}")


def _made(group: Group, table: TableSpec, made: ColumnSpec | Computed, key: str) -> Emitted:
    return Emitted(
        group=group.name,
        table=table.name,
        name=made.name,
        kind=_KINDS[made.use],
        unit=NO_UNIT if made.use is Use.STATE else made.unit,
        states=tuple(dict.fromkeys(made.enum.values())) if isinstance(made, ColumnSpec) else (),
        may_be_rate=made.use is Use.AUTO,
        at=made.at,
        key=key,
    )


def labels(profile: Profile, table: TableSpec) -> list[str]:
    """Return the names of the columns that describe the rows of a table."""
    own = [name for name, column in table.columns.items() if column.use is Use.TAG]
    own += [part.name for part in table.index if part.use is Use.TAG]
    return list(dict.fromkeys([*own, *table.tags, *table.static_tags, *profile.static_tags]))


def prefixes(profile: Profile, vendors: frozenset[str]) -> frozenset[str]:
    """Return the allowed prefixes of names outside the vocabulary: known vendors, and the profile's own."""
    own = _NOT_A_NAME.sub("_", profile.static_tags.get("vendor", "").lower()).strip("_")
    return vendors | {own} if own else vendors


def has_prefix(name: str, known: frozenset[str]) -> bool:
    return any(name.startswith(f"{prefix}_") for prefix in known)
