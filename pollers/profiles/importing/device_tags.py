"""Imports tags of a whole device: read once as scalars, and added to every row of every group.

A library's base files often have nothing but such tags; they count for whatever extends them, so they are spread when
all files are known.
"""

from collections.abc import Iterator, Mapping
from typing import Final, Literal, NamedTuple, TypeAlias

from pollers.profiles.importing.forms import DocumentForm, tables_of

#: the set of scalars that holds them; the same in every profile, so that `extends` merges them
DEVICE_TAGS: Final = "device_tags"

Documents = Mapping[str, DocumentForm]
Kind: TypeAlias = Literal["tables", "scalars"]
KINDS: Final[tuple[Kind, ...]] = ("tables", "scalars")


class Taken(NamedTuple):
    """A device tag that a table does not get because it has a tag of that name."""

    profile: str
    table: str
    tag: str


def spread_device_tags(documents: Documents) -> list[Taken]:
    """Add each device tag to every emitted table and scalar set, own and inherited; return those that could not be."""
    lines = {name: list(_line(documents, name)) for name in documents}
    missed: list[Taken] = []
    for name, document in documents.items():
        parents = [set(lines[parent]) for parent in lines[name] if parent != name]
        for kind, table in _emitted(documents, lines[name]):
            holders = {one for one in lines[name] if table in documents[one].get(kind, {})}
            used = _names(documents, lines[name], kind, table)
            for tag, owners in _tags(documents, lines[name]).items():
                if any(holders & line and owners & line for line in parents):
                    continue  # an ancestor sees both, and has put it there
                if tag in used:
                    missed.append(Taken(name, table, tag))
                    continue
                own = document.setdefault(kind, {}).setdefault(table, {})
                own.setdefault("tags", {})[tag] = f"{DEVICE_TAGS}.{tag}"
    return missed


def _line(documents: Documents, name: str) -> Iterator[str]:
    """Yield a profile and everything it extends, near or far, each once; a circle is the linter's to tell."""
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        one = waiting.pop()
        if one in documents and one not in seen:
            seen.add(one)
            waiting += documents[one].get("extends", [])
            yield one


def _emitted(documents: Documents, line: list[str]) -> Iterator[tuple[Kind, str]]:
    """Yield the kind and the name of every table and set that a group has, each once."""
    seen: set[str] = set()
    kinds = {table: kind for one in line for kind in KINDS for table in documents[one].get(kind, {})}
    for one in line:
        for group in documents[one].get("emit", {}).values():
            for table in tables_of(group):
                if table in kinds and table not in seen:
                    seen.add(table)
                    yield kinds[table], table


def _tags(documents: Documents, line: list[str]) -> dict[str, set[str]]:
    """Return every device's tag, and the profiles that have it."""
    found: dict[str, set[str]] = {}
    for one in line:
        for tag in documents[one].get("scalars", {}).get(DEVICE_TAGS, {}).get("columns", {}):
            found.setdefault(tag, set()).add(one)
    return found


def _names(documents: Documents, line: list[str], kind: Kind, table: str) -> set[str]:
    """Return every name that a table has already, whoever gave it; a device's own tag is no other thing."""
    names: set[str] = set()
    for one in line:
        document = documents[one]
        part = document.get(kind, {}).get(table, {})
        given = {key for key, text in part.get("tags", {}).items() if text != f"{DEVICE_TAGS}.{key}"}
        names |= {*part.get("columns", ()), *given, *part.get("static_tags", ()), *document.get("static_tags", ())}
        names |= {index["name"] for index in part.get("index", ())}
        names |= {key.partition(".")[2] for key in document.get("computed", {}) if key.startswith(f"{table}.")}
    return names
