"""Converts slow columns to facts of an enrichment and back, so that polls need not read them."""

from collections.abc import Container, Iterator, Mapping, Sequence
from functools import lru_cache
from sys import intern
from types import MappingProxyType
from typing import Final

from pollers.profiles.language.absent import NOT_ANSWERED, Absent, Cell, Reason
from pollers.profiles.language.functions import as_text
from pollers.profiles.memory.compact import compact
from pollers.profiles.model import ColumnSpec, Computed, TableSpec, Use
from pollers.profiles.reading.frames import Known
from pollers.profiles.reading.state import shared
from schemas.records import Enrichment

#: the table whose facts have a namespace of their own
INTERFACE: Final = "interface"
#: a column that is looked at for the third time is a value that every poll has, not only what rows are known by
_OFTEN: Final = 3
_NOTHING: Final[Mapping[str, Sequence[Cell]]] = MappingProxyType({})


def namespace_of(table: str) -> str:
    """Return the enrichment namespace of a profile's table."""
    return INTERFACE if table == INTERFACE else f"table.{table}"


def facts_of(known: Known) -> dict[str, dict[str, str]]:
    """Return remembered values as rows of an enrichment: index -> name -> text; absent values are left out."""
    rows: dict[str, dict[str, str]] = {}
    for index, place in known.rows.items():
        cells = ((name, column[place]) for name, column in known.columns.items())
        rows[index] = {name: as_text(cell) for name, cell in cells if not isinstance(cell, Absent)}
    return rows


def numeric_names(table: TableSpec) -> frozenset[str]:
    """Return the names of a profile's table whose remembered values are numbers."""
    numbers = {Use.GAUGE, Use.REFERENCE}
    found: list[ColumnSpec | Computed] = [*table.columns.values(), *table.computed.values()]
    return frozenset(entry.name for entry in found if entry.use in numbers)


class OfferedFacts(Mapping[str, Sequence[Cell]]):
    """The columns of an enrichment (rows: index -> name -> text), made on first access."""

    __slots__ = ("_enrichments", "_kept", "_looks", "_names", "_namespace", "_numeric")

    def __init__(
        self,
        enrichments: Mapping[str, Enrichment],
        namespace: str,
        names: Sequence[str],
        numeric: Container[str],
    ) -> None:
        self._enrichments = enrichments
        self._namespace = namespace
        self._names = names
        self._numeric = numeric
        self._looks: tuple[str, ...] = ()  #: at columns that are not kept
        self._kept: Mapping[str, Sequence[Cell]] = _NOTHING

    def __getitem__(self, name: str) -> Sequence[Cell]:
        if name in self._kept:
            return self._kept[name]
        if name not in self._names:
            raise KeyError(name)
        numeric, rows = name in self._numeric, self._enrichments[self._namespace].rows
        made = [_cell(facts.get(name), numeric=numeric) for facts in rows.values()]
        self._looks = shared((*self._looks, name))
        if self._looks.count(name) >= _OFTEN:
            self._kept = {**self._kept, name: shared(compact(made))}
        return made

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _cell(text: str | None, *, numeric: bool) -> Cell:
    """Return a fact as a cell; a missing one is absent."""
    if text is None:
        return NOT_ANSWERED
    try:
        return float(text) if numeric else text
    except ValueError:
        return Absent(Reason.NOT_A_NUMBER)


def known_from_facts(
    enrichments: Mapping[str, Enrichment], namespace: str, names: Sequence[str], numeric: Container[str]
) -> Known:
    """Return the rows of these enrichments as remembered values; devices with equal rows share them."""
    enrichment = enrichments[namespace]
    columns, at_ms = OfferedFacts(enrichments, namespace, names, numeric), enrichment.collected_at_ms
    return Known(_places(tuple(enrichment.rows)), columns, at_ms, at_ms + enrichment.ttl_s * 1_000)


@lru_cache(maxsize=8192)
def _places(indexes: tuple[str, ...]) -> Mapping[str, int]:
    return {intern(index): place for place, index in enumerate(indexes)}
