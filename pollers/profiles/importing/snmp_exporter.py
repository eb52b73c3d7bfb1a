"""Imports modules of Prometheus' snmp_exporter from its generated snmp.yml."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from pollers.profiles.importing.draft import (
    Draft,
    Imported,
    as_identifier,
    as_labels,
    as_list,
    as_number,
    as_profile_name,
    imported,
    taken,
    unique,
)
from pollers.profiles.importing.forms import ColumnForm, Foreign, IndexPartForm, TableForm

PREFIX: Final = "exporter"
TAG_REFRESH: Final = "30m"
_NUMBERS: Final = {"gauge": "gauge", "counter": "counter", "Float": "gauge", "Double": "gauge"}
_TEXTS: Final = {
    "DisplayString": "text",
    "OctetString": "hex",
    "PhysAddress48": "mac",
    "InetAddress": "ip",
    "InetAddressIPv4": "ip",
    "InetAddressIPv6": "ip",
    "DateAndTime": "date_and_time",
    "ParseDateAndTime": "date_and_time",
    "LldpPortId": "text",
}
_ENUMS: Final = {"EnumAsInfo", "EnumAsStateSet"}
_METRIC_KEYS: Final = {
    "name", "oid", "type", "help", "indexes", "lookups", "enum_values", "regex_extracts", "scale", "offset",
}  # fmt: skip
_SPEAKING: Final = "how to speak with devices is said in [snmp], not in a profile"
_LOST_OF_MODULES: Final = {
    "filters": "which rows are asked for: here every row is, and a table's `when` says which are kept"
}
_INDEX_TYPES: Final = {
    "gauge": "integer",
    "Integer32": "integer",
    "EnumAsInfo": "integer",
    "DisplayString": "string",
    "OctetString": "string",
    "PhysAddress48": "mac",
    "InetAddressIPv4": "ip",
    "InetAddressIPv6": "ipv6",
    "InetAddress": "inet",
    "InetAddressMissingSize": "inet_uncounted",
}


def import_file(text: str, file: str) -> Imported:
    """Return a profile for each module of the file."""
    return imported(text, file, _read_file)


def _read_file(source: object, file: str, found: Imported) -> None:
    modules = source.get("modules", source) if isinstance(source, Mapping) else {}
    for name, module in modules.items() if isinstance(modules, Mapping) else ():
        if not isinstance(module, Mapping) or "metrics" not in module:
            continue
        draft = Draft(as_profile_name(str(name), PREFIX), file, f"snmp_exporter's module {name}")
        for key in module.keys() - {"walk", "get", "metrics"}:
            draft.lost(f"{name}.{key}", _LOST_OF_MODULES.get(key, _SPEAKING))
        for metric in as_list(module["metrics"]):
            if isinstance(metric, Mapping):
                _metric(draft, metric, f"{name}.{metric.get('name')}")
        found.profiles[draft.name] = draft.document()
        found.losses += draft.losses


def _metric(draft: Draft, metric: Foreign, where: str) -> None:
    for key in metric.keys() - _METRIC_KEYS:
        draft.lost(f"{where}.{key}", "a key without counterpart was left out")
    oid = draft.oid(metric.get("oid"), where)
    if oid is None:
        return
    indexes = [index for index in as_list(metric.get("indexes")) if isinstance(index, Mapping)]
    if not indexes:
        owner, name, oid = draft.scalars.setdefault("scalars", {"columns": {}}), "scalars", f"{oid}.0"
    else:
        labels = "_".join(as_identifier(index.get("labelname")) for index in indexes)
        entry = oid.rpartition(".")[0]
        name = as_identifier(f"by_{labels}_{'_'.join(entry.split('.')[-4:])}")
        owner = draft.tables.setdefault(name, {"columns": {}})
        _indexes(draft, owner, indexes, where)
        _lookups(draft, owner, metric, indexes, where)
    draft.emit.setdefault(name, name)
    _columns(draft, owner, name, metric, oid, where)


def _indexes(draft: Draft, table: TableForm, indexes: Sequence[Foreign], where: str) -> None:
    if "index" in table:
        return
    parts: list[IndexPartForm] = []
    skip = False
    for position, index in enumerate(indexes):
        if skip:
            skip = False
            continue
        kind = str(index.get("type", "gauge"))
        used = [*taken(table), *(one["name"] for one in parts)]
        part: IndexPartForm = {"name": unique(as_identifier(index.get("labelname")), used)}
        if kind == "InetAddressType" and position + 1 < len(indexes):
            # the type of an address and the address are one part here
            part = {"name": unique(as_identifier(indexes[position + 1].get("labelname")), used), "type": "inet"}
            if indexes[position + 1].get("type") == "InetAddressMissingSize":
                part["type"] = "inet_uncounted"
            skip = True
        elif kind in _INDEX_TYPES:
            part["type"] = _INDEX_TYPES[kind]
        else:
            draft.lost(where, f"index of type {kind!r}: rows keep their bare index")
            return
        if index.get("fixed_size") and part["type"] == "string":
            part["length"] = int(as_number(index["fixed_size"]))
        if index.get("implied"):
            part["implied"] = True
        if isinstance(index.get("enum_values"), Mapping):
            part["enum"] = as_labels(index["enum_values"])
        parts.append(part)
    table["index"] = parts


def _lookups(draft: Draft, table: TableForm, metric: Foreign, indexes: Sequence[Foreign], where: str) -> None:
    """A lookup by the whole index is a column beside; one by a part of it, or by an earlier lookup, a joined table."""
    every = [index.get("labelname") for index in indexes]
    known = {part["name"]: part["name"] for part in table.get("index", [])}
    for lookup in as_list(metric.get("lookups")):
        if not isinstance(lookup, Mapping):
            continue
        label = as_identifier(lookup.get("labelname"))
        if not lookup.get("oid"):
            _drop_label(table, label)
        elif as_list(lookup.get("labels")) == every:
            column = _looked_up(draft, lookup, where)
            if column is not None:
                name = _name_of(label, known)
                table["columns"].setdefault(name, column)
                known[name] = name
        else:
            _joined(draft, table, lookup, known, where)
    names = [name for name, column in table["columns"].items() if column.get("use") == "tag"]
    if names:
        table["row"] = [*(name for name in names if re.search("name|descr", name, re.IGNORECASE)), *names][:4]


def _name_of(label: str, known: Mapping[str, str]) -> str:
    """Return the name for what a label is looked up as; the label's own where no part of the index has it."""
    return f"{label[:50]}_name" if label in known else label


def _drop_label(table: TableForm, label: str) -> None:
    """A label that is only needed on the way: what others are found by stays, but is no tag."""
    for part in table.get("index", []):
        if part["name"] == label:
            part["use"] = "reference"
    if table["columns"].get(label, {}).get("use") == "tag":
        table["columns"][label]["use"] = "reference"
    table.get("tags", {}).pop(label, None)


def _looked_up(draft: Draft, lookup: Foreign, where: str) -> ColumnForm | None:
    """Return the column that a lookup reads, or None with the loss noted."""
    oid = draft.oid(lookup["oid"], where)
    if oid is None:
        return None
    column: ColumnForm = {"oid": oid, "use": "tag", "refresh": TAG_REFRESH}
    kind = str(lookup.get("type", "DisplayString"))
    if kind in _TEXTS:
        column["as"] = _TEXTS[kind]
    if isinstance(lookup.get("enum_values"), Mapping):
        column["enum"] = as_labels(lookup["enum_values"])
    return column


def _joined(draft: Draft, table: TableForm, lookup: Foreign, known: dict[str, str], where: str) -> None:
    """Join the table of a lookup by what is `known` (label -> its name here), and add the label to that."""
    labels = [as_identifier(label) for label in as_list(lookup.get("labels"))]
    label = as_identifier(lookup.get("labelname"))
    if not known.keys() >= set(labels):
        draft.lost(where, f"lookup of {label} by {labels}, which are no parts of the index and no earlier lookups")
        return
    column = _looked_up(draft, lookup, where)
    if column is None:
        return
    name = _name_of(label, known)
    other = as_identifier(f"lookup_{'_'.join(column['oid'].split('.')[-8:])}")
    draft.tables.setdefault(other, {"columns": {"value": column}})
    alias = f"by_{name}"[:60]
    table.setdefault("join", {})[alias] = {"table": other, "on": [known[one] for one in labels]}
    table.setdefault("tags", {}).setdefault(name, f"{alias}.value")
    known[name] = f"{alias}.value"


def _columns(draft: Draft, table: TableForm, owner: str, metric: Foreign, oid: str, where: str) -> None:
    columns = table["columns"]
    name = as_identifier(metric.get("name"))
    column = _column(draft, metric, oid, where)
    extracts = metric.get("regex_extracts")
    if isinstance(extracts, Mapping) and extracts:
        raw = unique(as_identifier(f"{name[:50]}_text"), taken(table))
        columns[raw] = {"oid": oid, "use": "reference", "as": "text"}
        for suffix, rules in extracts.items():
            expression = _extract(draft, raw, rules, where)
            if expression is not None:
                draft.compute(owner, table, as_identifier(f"{name}{suffix}"), expression)
    elif metric.get("offset") and column["use"] == "gauge":
        raw = unique(as_identifier(f"{name[:50]}_raw"), taken(table))
        columns[raw] = {**column, "use": "reference"}
        draft.compute(owner, table, name, f"{raw} + {as_number(metric['offset'])!r}")
    elif columns.get(name) != column:
        if column["use"] == "tag" and name in columns:
            return  # the same text is a label already
        columns[unique(name, taken(table))] = column


def _column(draft: Draft, metric: Foreign, oid: str, where: str) -> ColumnForm:
    kind = str(metric.get("type"))
    column: ColumnForm = {"oid": oid}
    if metric.get("scale") is not None:
        column["scale"] = as_number(metric["scale"])
    if metric.get("offset") and _NUMBERS.get(kind) != "gauge":
        draft.lost(where, f"offset {metric['offset']} of what is no gauge")
    if kind in _ENUMS or (kind in _NUMBERS and isinstance(metric.get("enum_values"), Mapping)):
        return column | {"use": "state", "enum": as_labels(metric.get("enum_values"))}
    if kind in _NUMBERS:
        return column | {"use": _NUMBERS[kind]}
    if kind in _TEXTS:
        return column | {"use": "tag", "as": _TEXTS[kind]}
    draft.lost(where, f"type {kind!r}: taken as text")
    return column | {"use": "tag"}


def _extract(draft: Draft, raw: str, rules: object, where: str) -> str | None:
    """Return an expression for regex_extracts: what the first pattern that matches says."""
    expression: str | None = None
    for rule in reversed([rule for rule in rules if isinstance(rule, Mapping)] if isinstance(rules, list) else []):
        pattern = draft.pattern(f"^(?:{rule.get('regex')})$", where)
        value = str(rule.get("value"))
        if pattern is None or "'" in pattern:
            draft.lost(where, f"pattern {rule.get('regex')!r}")
            continue
        found = f"extract({raw}, '{pattern}')"
        if value != "$1" and not re.fullmatch(r"-?\d{1,15}(\.\d{1,9})?", value):
            draft.lost(where, f"value {value!r} of a pattern: neither a number nor $1")
            continue
        said = f"number({found})" if value == "$1" else value
        expression = f"if(present({found}), {said}, {expression or f'number({found})'})"
    return expression
