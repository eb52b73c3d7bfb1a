"""Documents of profiles in the making, as they stand in YAML; docs/profiles.md tells what each key means."""

from collections.abc import Mapping
from typing import TypeAlias, TypedDict

#: a mapping of another tool's file: nothing is known of what is in it until it is looked at
Foreign: TypeAlias = Mapping[object, object]


class Extract(TypedDict):
    pattern: str
    template: str


Column = TypedDict(
    "Column",
    {
        "oid": str,
        "first_of": list[str],
        "use": str,
        "scale": float,
        "enum": dict[str, str],
        "as": str,
        "extract": str | Extract,
        "refresh": str,
    },
    total=False,
)


class IndexPart(TypedDict, total=False):
    name: str
    type: str
    length: int
    implied: bool
    use: str
    enum: dict[str, str]


class Slice(TypedDict):
    slice: list[int]


class Join(TypedDict):
    table: str
    on: list[str] | list[Slice]


class Table(TypedDict, total=False):
    """A table, or a set of scalars."""

    columns: dict[str, Column]
    index: list[IndexPart]
    row: list[str]
    when: str
    tags: dict[str, str]
    static_tags: dict[str, str]
    join: dict[str, Join]
    computed: list[str]  #: names of its computed values, which stand in the document: noted here, and never written


class Match(TypedDict, total=False):
    sys_object_id: list[str]
    sys_descr: str


class Computed(TypedDict):
    expr: str


class Group(TypedDict):
    """A group that has an interval of its own."""

    table: str
    interval: str


class Document(TypedDict, total=False):
    """A whole profile."""

    profile: str
    description: str
    extends: list[str]
    yields: bool
    match: Match
    static_tags: dict[str, str]
    scalars: dict[str, Table]
    tables: dict[str, Table]
    computed: dict[str, Computed]
    emit: dict[str, str | Group]
