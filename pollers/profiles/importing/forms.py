"""The YAML form of profiles under construction; docs/profiles.md explains each key."""

from collections.abc import Mapping
from typing import TypeAlias, TypedDict

#: a mapping of another tool's file: nothing is known of what is in it until it is looked at
Foreign: TypeAlias = Mapping[object, object]


class ExtractForm(TypedDict):
    pattern: str
    template: str


ColumnForm = TypedDict(
    "ColumnForm",
    {
        "oid": str,
        "first_of": list[str],
        "use": str,
        "scale": float,
        "unit": str,
        "enum": dict[str, str],
        "as": str,
        "extract": str | ExtractForm,
        "refresh": str,
    },
    total=False,
)


class IndexPartForm(TypedDict, total=False):
    name: str
    type: str
    length: int
    implied: bool
    use: str
    enum: dict[str, str]


class SliceForm(TypedDict):
    slice: list[int]


class JoinForm(TypedDict):
    table: str
    on: list[str] | list[SliceForm]


class TableForm(TypedDict, total=False):
    """A table, or a set of scalars."""

    columns: dict[str, ColumnForm]
    index: list[IndexPartForm]
    row: list[str]
    when: str
    tags: dict[str, str]
    static_tags: dict[str, str]
    join: dict[str, JoinForm]
    computed: list[str]  #: names of its computed values, which stand in the document: noted here, and never written


class MatchForm(TypedDict, total=False):
    sys_object_id: list[str]
    sys_descr: str


class ComputedForm(TypedDict, total=False):
    expr: str
    unit: str


class GroupForm(TypedDict):
    """A group that has an interval of its own."""

    table: str
    interval: str


class DocumentForm(TypedDict, total=False):
    """A whole profile."""

    profile: str
    description: str
    extends: list[str]
    yields: bool
    match: MatchForm
    static_tags: dict[str, str]
    scalars: dict[str, TableForm]
    tables: dict[str, TableForm]
    computed: dict[str, ComputedForm]
    emit: dict[str, str | list[str] | GroupForm]


def tables_of(group: str | list[str] | GroupForm) -> list[str]:
    """Return the tables of a group."""
    return [group] if isinstance(group, str) else group if isinstance(group, list) else [group["table"]]
