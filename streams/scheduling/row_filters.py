"""The fields that a sink's filters may use: `filter` for the resource, `rows` for the row."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from schemas.records import IDENTITY_SEPARATOR
from streams.scheduling.filter_fields import Fields


class Filtered(Protocol):
    """An object that both filters apply to: a row of gauges, or a record that stands for rows."""

    @property
    def resource(self) -> str: ...
    @property
    def endpoint(self) -> str: ...
    @property
    def labels(self) -> Mapping[str, str]: ...
    @property
    def job(self) -> str: ...
    @property
    def group(self) -> str: ...
    @property
    def row(self) -> str: ...
    @property
    def dimensions(self) -> Mapping[str, str]: ...


def parts(identity: str) -> Sequence[str]:
    """Split an identity into site, class, subclass, type and id; the id may contain the separator, absent parts are
    empty.
    """
    found = identity.split(IDENTITY_SEPARATOR, 4)
    return (*found, *("",) * (5 - len(found)))


def _part(position: int) -> Callable[[Filtered], Sequence[str]]:
    return lambda row: (parts(row.resource)[position],)


RESOURCES: Final[Fields[Filtered]] = Fields(
    {
        "resource_site": _part(0),
        "resource_class": _part(1),
        "resource_subclass": _part(2),
        "resource_type": _part(3),
        "resource_id": _part(4),
        "resource_endpoint": lambda row: (row.endpoint,),
    },
    "resource_metadata.",
    lambda row: row.labels,
    {
        "facts.": "what enrichment found changes, and a record does not carry it",
        "resource_plugin": "a record does not say which sections saw its resource",
    },
)
ROWS: Final[Fields[Filtered]] = Fields(
    {
        "group": lambda row: (row.group,),
        "row": lambda row: (row.row,),
        "job": lambda row: (row.job,),
    },
    "dimension.",
    lambda row: row.dimensions,
    {"resource_": "that is a matter of the section's filter"},
)
