"""Slow columns as facts of an enrichment, and back: both sides of what polls need not read."""

from collections.abc import Container, Sequence
from functools import lru_cache
from sys import intern
from typing import Final

from pollers.profiles.absent import NOT_ANSWERED, Absent, Cell, Reason
from pollers.profiles.frames import Known
from pollers.profiles.functions import as_text
from pollers.profiles.model import Column, Computed, Table, Use
from pollers.profiles.sharing import Sharing
from pollers.profiles.texts import compact
from schemas.records import Enrichment

#: the table whose facts have a namespace of their own
INTERFACE: Final = "interface"
#: equal numbers as one object: speeds and the like are few
_number: Final = lru_cache(maxsize=4096)(float)


def namespace_of(table: str) -> str:
    """Return the enrichment namespace that holds what is remembered of a profile's table."""
    return INTERFACE if table == INTERFACE else f"table.{table}"


def facts_of(known: Known) -> dict[str, dict[str, str]]:
    """Return remembered values as rows of an enrichment: index -> name -> text; absent values are left out."""
    rows: dict[str, dict[str, str]] = {}
    for index, place in known.rows.items():
        cells = ((name, column[place]) for name, column in known.columns.items())
        rows[index] = {name: as_text(cell) for name, cell in cells if not isinstance(cell, Absent)}
    return rows


def numeric_names(table: Table) -> frozenset[str]:
    """Return the names of a profile's table whose remembered values are numbers."""
    numbers = {Use.GAUGE, Use.REFERENCE}
    found: list[Column | Computed] = [*table.columns.values(), *table.computed.values()]
    return frozenset(entry.name for entry in found if entry.use in numbers)


def known_from_facts(
    enrichment: Enrichment, names: Sequence[str], numeric: Container[str], sharing: Sharing | None = None
) -> Known:
    """Return an enrichment's rows (index -> name -> text) as remembered values; a missing fact is absent.

    With `sharing`, columns that another device has as well are the same objects.
    """
    share = sharing or Sharing()
    rows = enrichment.rows

    def cell(text: str | None, name: str) -> Cell:
        if text is None:
            return NOT_ANSWERED
        try:
            return _number(text) if name in numeric else text
        except ValueError:
            return Absent(Reason.NOT_A_NUMBER)

    at_ms = enrichment.collected_at_ms
    columns = {name: share.of(compact([cell(facts.get(name), name) for facts in rows.values()])) for name in names}
    indexes = tuple(map(intern, rows))
    places = share.made(("places", indexes), lambda: {index: place for place, index in enumerate(indexes)})
    return Known(places, columns, at_ms, at_ms + enrichment.ttl_s * 1_000)
