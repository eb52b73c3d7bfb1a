"""A profile under construction, the losses of its import, and its YAML."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, cast

import yaml

from pollers.profiles.importing.device_tags import DEVICE_TAGS
from pollers.profiles.importing.forms import (
    ColumnForm,
    ComputedForm,
    DocumentForm,
    Foreign,
    GroupForm,
    MatchForm,
    SliceForm,
    TableForm,
    tables_of,
)
from pollers.profiles.language.expr import ExpressionError, parse
from pollers.profiles.language.patterns import PatternError, compile_pattern
from pollers.profiles.loading.section import as_oid
from pollers.profiles.refs import OWN_NAMES

_NOT_A_NAME: Final = re.compile(r"\W+", re.ASCII)


class Loss(NamedTuple):
    """A construct without a counterpart, and what was done about it."""

    file: str
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.file}: {self.where}: {self.what}"


@dataclass(slots=True)
class Imported:
    """The result of one file: its profiles, as documents by name, and the losses."""

    profiles: dict[str, DocumentForm] = field(default_factory=dict)
    losses: list[Loss] = field(default_factory=list)


@dataclass(slots=True)
class Draft:
    """One profile under construction."""

    name: str
    file: str
    origin: str  #: which tool's it was, for the description
    extends: list[str] = field(default_factory=list)
    match: MatchForm = field(default_factory=MatchForm)
    static_tags: dict[str, str] = field(default_factory=dict)
    scalars: dict[str, TableForm] = field(default_factory=dict)
    tables: dict[str, TableForm] = field(default_factory=dict)
    computed: dict[str, ComputedForm] = field(default_factory=dict)
    emit: dict[str, str | list[str] | GroupForm] = field(default_factory=dict)
    losses: list[Loss] = field(default_factory=list)

    def lost(self, where: str, what: str) -> None:
        self.losses.append(Loss(self.file, where, what))

    def compute(self, owner: str, table: TableForm, name: str, expression: str, unit: str = "") -> bool:
        """Add a computed value to a table under its name or a free variant; False with the loss noted."""
        try:
            parse(expression)
        except ExpressionError as error:
            self.lost(f"{owner}.{name}", f"{expression[:80]!r}: expected {error}")
            return False
        key = unique(name, taken(table))
        table.setdefault("computed", []).append(key)
        self.computed[f"{owner}.{key}"] = {"expr": expression, "unit": unit} if unit else {"expr": expression}
        return True

    def device_tag(self, name: str, column: ColumnForm) -> None:
        """Add a tag of the whole device; `spread_device_tags` adds it to the rows."""
        self.scalars.setdefault(DEVICE_TAGS, {"columns": {}})["columns"].setdefault(name, column)

    def oid(self, value: object, where: str) -> str | None:
        """Return an OID, or None with the loss noted."""
        try:
            return as_oid(str(value).strip().strip(".").replace(" ", ""))
        except ValueError:
            self.lost(where, f"no OID in numbers: {value!r}")
            return None

    def pattern(self, text: str, where: str) -> str | None:
        """Return the pattern if ours supports it, or None with the loss noted."""
        try:
            compile_pattern(text)
        except PatternError as error:
            self.lost(where, f"pattern {text!r}: expected {error}")
            return None
        return text

    def document(self) -> DocumentForm:
        """Return the profile as a mapping, empty sections left out."""
        scalars = {name: _plain(table) for name, table in self.scalars.items() if _has_content(table)}
        tables = {name: _plain(table) for name, table in self.tables.items() if _has_content(table)}
        sections: DocumentForm = {
            "profile": self.name,
            "description": f"Imported from {self.origin} ({self.file}).",
            "extends": self.extends,
            "match": self.match,
            "static_tags": self.static_tags,
            "scalars": scalars,
            "tables": tables,
            "computed": self.computed,
            "emit": {name: group for name, group in self.emit.items() if {*scalars, *tables} >= {*tables_of(group)}},
        }
        return cast("DocumentForm", {key: value for key, value in sections.items() if value})


def _has_content(table: TableForm) -> bool:
    return bool(table.get("columns") or table.get("computed"))


def _plain(table: TableForm) -> TableForm:
    return cast("TableForm", {key: value for key, value in table.items() if value and key != "computed"})


def as_identifier(text: object, otherwise: str = "unnamed") -> str:
    """Convert a text to a name: letters, digits and _, not beginning with a digit, at most 64 long."""
    name = _NOT_A_NAME.sub("_", str(text)).strip("_")[:60] or otherwise
    name = f"_{name}" if name[0].isdigit() else name
    return f"{name}_" if name in OWN_NAMES else name  # these mean something in every table


def as_profile_name(text: str, prefix: str) -> str:
    """Return a profile's name with a prefix that keeps imported profiles apart from built-in ones."""
    stem = re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-.")
    return f"{prefix}-{stem}"[:64]


def taken(table: TableForm) -> list[str]:
    """Return all names that a table of a document uses."""
    parts = [part["name"] for part in table.get("index", [])]
    own = (table["columns"], table.get("tags", {}), table.get("static_tags", {}), table.get("computed", ()))
    return [*(name for names in own for name in names), *parts, "index"]


def unique(name: str, taken: Iterable[str]) -> str:
    """Return the name, or the first of name_2, name_3, ... that is free."""
    names = set(taken)
    number, found = 1, name
    while found in names:
        number += 1
        found = f"{name[:56]}_{number}"
    return found


_SafeDumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # libyaml's, where it was built in
    """The safe loader, but only `true` and `false` are truth values: labels such as no, on and off stay texts."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as the base class has it
        first: [entry for entry in entries if entry[0] != "tag:yaml.org,2002:bool" or first in "tfTF"]
        for first, entries in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def as_label(value: object) -> str:
    """Return an enum's label as written."""
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def read_foreign(text: str, file: str, losses: list[Loss]) -> object:
    """Parse a foreign YAML file; tabs, which YAML forbids but some files have, count as spaces.

    Raises yaml.YAMLError.
    """
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - a safe loader
    except yaml.YAMLError:
        if "\t" not in text:
            raise
    losses.append(Loss(file, "file", "tabs, which YAML forbids, were read as spaces"))
    last: yaml.YAMLError | None = None
    for width in (2, 4, 8, 1):
        try:
            return yaml.load(text.expandtabs(width), _Loader)  # noqa: S506 - a safe loader
        except yaml.YAMLError as error:
            last = error
    raise last if last is not None else yaml.YAMLError


def imported(text: str, file: str, read: Callable[[object, str, Imported], None]) -> Imported:
    """Return what is read of a file's document; a file that is no YAML is lost as a whole."""
    found = Imported()
    try:
        source = read_foreign(text, file, found.losses)
    except yaml.YAMLError as error:
        found.losses.append(Loss(file, "file", f"no YAML: {str(error).splitlines()[0]}"))
        return found
    read(source, file, found)
    return found


def as_list(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else [] if value is None else [value]


def as_number(value: object) -> float:
    """Parse a number that may be written as a text. Raises ValueError."""
    return float(value if isinstance(value, int | float) else str(value))


def as_labels(value: object) -> dict[str, str]:
    """Convert an enum to number -> label; empty where there is none."""
    return {as_label(key): as_label(label) for key, label in as_mapping(value).items()}


def as_mapping(value: object) -> Foreign:
    return value if isinstance(value, Mapping) else {}


def sys_object_ids(draft: Draft, values: object) -> None:
    """Make the draft match these sysObjectIDs, exact ones and prefixes that end in .*"""
    oids: list[str] = []
    for value in as_list(values):
        text = str(value).strip().strip(".")
        stem = text.removesuffix("*").removesuffix(".")
        if (oid := draft.oid(stem, "sysobjectid")) is None:
            continue
        if text.endswith("*") and not text.endswith(".*"):
            draft.lost("sysobjectid", f"{text}: {oid} and what is below it, not numbers that begin like its last one")
            oids.append(oid)
        oids.append(f"{oid}.*" if stem != text else oid)
    if oids:
        draft.match = {"sys_object_id": list(dict.fromkeys(oids))}


def place_tag(draft: Draft, table: TableForm, name: str, column: ColumnForm, transform: object) -> None:
    """Add a tag column; one that is found by slices of the index becomes a joined table."""
    slices = [one for one in as_list(transform) if isinstance(one, Mapping)]
    if not slices:
        if table["columns"].get(name) != column:
            table["columns"][unique(name, taken(table))] = column
        return
    other = as_identifier(f"lookup_{'_'.join(column['oid'].split('.')[-10:])}")
    draft.tables.setdefault(other, {"columns": {"value": column}})
    alias = unique(f"by_{name}"[:60], table.setdefault("join", {}))
    on: list[SliceForm] = [
        {"slice": [int(one.get("start", 0)), int(one.get("end", one.get("start", 0)))]} for one in slices
    ]
    table["join"][alias] = {"table": other, "on": on}
    table.setdefault("tags", {})[unique(name, taken(table))] = f"{alias}.value"


def index_number(number: int) -> str:
    """Return the expression for one number of the index, counted from 1."""
    return f"extract(index, '^{'[0-9]{1,10}[.]' * (number - 1)}([0-9]{{1,10}})')"


def to_yaml(document: Mapping[str, object]) -> str:
    """Return the profile as YAML text."""
    written: str = yaml.dump(
        dict(document), Dumper=_SafeDumper, sort_keys=False, width=118, allow_unicode=True, default_flow_style=None
    )
    return written
