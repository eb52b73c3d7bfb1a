"""Imports profiles of the Datadog agent's SNMP integration (docs: network devices, profile format)."""

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Final

from pollers.profiles.importing.draft import (
    Draft,
    Imported,
    Loss,
    as_identifier,
    as_label,
    as_list,
    as_mapping,
    as_number,
    as_profile_name,
    imported,
    index_number,
    place_tag,
    sys_object_ids,
    taken,
    unique,
)
from pollers.profiles.importing.forms import ColumnForm, Foreign, TableForm
from pollers.profiles.language.expr import MAX_LENGTH

PREFIX: Final = "datadog"
TAG_REFRESH: Final = "30m"
_TOP_KEYS: Final = {
    "extends", "sysobjectid", "sysdescr", "metrics", "metric_tags", "static_tags", "metadata", "device", "name",
    "description",
}  # fmt: skip
_METRIC_KEYS: Final = {
    "MIB", "symbol", "symbols", "table", "metric_tags", "static_tags", "metric_type", "forced_type", "options", "OID",
    "name",
}  # fmt: skip
_SYMBOL_KEYS: Final = {
    "OID", "name", "scale_factor", "extract_value", "match_pattern", "match_value", "format", "metric_type",
    "constant_value_one", "mapping",
}  # fmt: skip
_TAG_KEYS: Final = {
    "tag", "OID", "name", "symbol", "column", "table", "index", "index_transform", "mapping", "match", "tags",
    "metric_tag", "MIB",
}  # fmt: skip
_DEVICE_TAG_KEYS: Final = _TAG_KEYS - {"table", "index", "index_transform"} | _SYMBOL_KEYS
_COUNTERS: Final = {"counter", "rate", "monotonic_count", "monotonic_count_and_rate", "percent"}
_FORMATS: Final = {"mac_address": "mac", "ip_address": "ip"}
_TITLE: Final = re.compile(r"name|descr|interface|title|label", re.IGNORECASE)
_GROUP: Final = re.compile(r"\\(\d)")


def import_file(text: str, file: str) -> Imported:
    """Return the profile of a file."""
    return imported(text, file, _read_file)


def _read_file(source: object, file: str, found: Imported) -> None:
    if not isinstance(source, Mapping):
        found.losses.append(Loss(file, "file", "no profile: not a mapping"))
        return
    draft = Draft(as_profile_name(PurePath(file).stem, PREFIX), file, "Datadog's SNMP profiles")
    _read_head(draft, source)
    reader = _Reader(draft)
    for position, metric in enumerate(as_list(source.get("metrics"))):
        if isinstance(metric, Mapping):
            reader.metric(metric, f"metrics[{position}]")
    reader.device_tags(as_list(source.get("metric_tags")))
    found.profiles[draft.name] = draft.document()
    found.losses += draft.losses


def _read_head(draft: Draft, source: Foreign) -> None:
    for key in source.keys() - _TOP_KEYS:
        draft.lost(str(key), "a section without counterpart was left out")
    draft.extends = [as_profile_name(PurePath(str(name)).stem, PREFIX) for name in as_list(source.get("extends"))]
    sys_object_ids(draft, source.get("sysobjectid"))
    for tag in as_list(source.get("static_tags")):
        _static_tag(draft.static_tags, str(tag))
    vendor = as_mapping(source.get("device")).get("vendor")
    metadata = as_mapping(source.get("metadata"))
    fields = as_mapping(as_mapping(metadata.get("device")).get("fields"))
    for name, entry in fields.items():
        value = as_mapping(entry).get("value")
        if value is not None:
            draft.static_tags.setdefault(as_identifier(name), str(value))
        else:
            draft.lost(f"metadata.device.{name}", "metadata read from the device; `device-facts` has the system group")
    if vendor:
        draft.static_tags["vendor"] = str(vendor)
    for name in metadata.keys() - {"device"}:
        draft.lost(f"metadata.{name}", "metadata of rows; the `interfaces` enrichment has what seldom changes")


def _static_tag(tags: dict[str, str], text: str) -> None:
    name, colon, value = text.partition(":")
    tags[as_identifier(name)] = value if colon else "true"


def _table_tag(table: TableForm, text: str) -> None:
    """Add a static tag to a table, unless something of the table has its name already."""
    own: dict[str, str] = {}
    _static_tag(own, text)
    for name, value in own.items():
        if name not in taken(table):
            table.setdefault("static_tags", {})[name] = value


class _Reader:
    def __init__(self, draft: Draft) -> None:
        self.draft = draft

    def metric(self, metric: Foreign, where: str) -> None:
        for key in metric.keys() - _METRIC_KEYS:
            self.draft.lost(f"{where}.{key}", "a key without counterpart was left out")
        kind = str(metric.get("metric_type") or metric.get("forced_type") or "")
        if metric.get("table") is None and not metric.get("symbols"):
            symbol = metric.get("symbol") or metric
            if isinstance(symbol, Mapping):
                self._scalar(symbol, kind, metric, where)
            return
        table = metric.get("table")
        name = as_identifier(table.get("name") if isinstance(table, Mapping) else table or metric.get("MIB"))
        self._table(name, metric, kind, where)

    def _scalar(self, symbol: Foreign, kind: str, metric: Foreign, where: str) -> None:
        oid = self.draft.oid(symbol.get("OID"), f"{where}.{symbol.get('name')}")
        if oid is None:
            return
        owner = self.draft.scalars.setdefault("scalars", {"columns": {}})
        self.draft.emit.setdefault("scalars", "scalars")
        self._add(owner, symbol, oid, kind, metric, where)
        for tag in as_list(metric.get("static_tags")):
            _table_tag(owner, str(tag))
        if metric.get("metric_tags"):
            self.draft.lost(f"{where}.metric_tags", "tags of one scalar were left out")

    def _table(self, name: str, metric: Foreign, kind: str, where: str) -> None:
        table = self.draft.tables.setdefault(name, {"columns": {}})
        self.draft.emit.setdefault(name, name)
        for symbol in as_list(metric.get("symbols")):
            if isinstance(symbol, Mapping):
                self._table_symbol(table, name, symbol, kind, metric, where)
        for tag in as_list(metric.get("metric_tags")):
            if isinstance(tag, Mapping):
                self._tag(table, tag, f"{where}.metric_tags")
        for tag in as_list(metric.get("static_tags")):
            _table_tag(table, str(tag))
        tags = [key for key, column in table["columns"].items() if column.get("use") == "tag"]
        titles = [key for key in (*tags, *table.get("tags", {})) if _TITLE.search(key)]
        if titles:
            table["row"] = titles

    def _table_symbol(
        self,
        table: TableForm,
        name: str,
        symbol: Foreign,
        kind: str,
        metric: Foreign,
        where: str,
    ) -> None:
        if symbol.get("constant_value_one") and not symbol.get("OID"):
            # a metric of 1 per row, for its tags: the row itself says that it is there
            self.draft.compute(name, table, as_identifier(symbol.get("name")), "1")
            return
        oid = self.draft.oid(symbol.get("OID"), f"{where}.{symbol.get('name')}")
        if oid is not None:
            self._add(table, symbol, oid, kind, metric, where)

    def _add(
        self,
        owner: TableForm,
        symbol: Foreign,
        oid: str,
        kind: str,
        metric: Foreign,
        where: str,
    ) -> None:
        here = f"{where}.{symbol.get('name')}"
        for key in symbol.keys() - _SYMBOL_KEYS - _METRIC_KEYS:
            self.draft.lost(f"{here}.{key}", "a key without counterpart was left out")
        kind = str(symbol.get("metric_type") or kind)
        name = unique(as_identifier(symbol.get("name")), taken(owner))
        if kind == "flag_stream":
            self._flag(owner, name, oid, metric, here)
            return
        column = self._column(symbol, oid, here)
        if column is None:
            return
        column["use"] = "counter" if kind in _COUNTERS else "gauge" if kind == "gauge" else "auto"
        if "as" in column and "extract" not in column:
            column["use"] = "tag"  # an address, whatever the metric's type says
        if kind == "percent":
            # its rate times a hundred: hundredths of a unit per second
            column["scale"] = float(column.get("scale", 1)) * 100
        if kind not in _COUNTERS | {"", "gauge"}:
            self.draft.lost(f"{here}.metric_type", f"metric type {kind!r}")
        if symbol.get("constant_value_one"):
            column |= {"as": "presence", "use": "gauge"}
        if symbol.get("mapping"):
            column |= {"enum": _enum(symbol["mapping"]), "use": "state"}
        owner["columns"][name] = column

    def _flag(self, owner: TableForm, name: str, oid: str, metric: Foreign, here: str) -> None:
        """flag_stream: one character of a text of 0 and 1, as a number."""
        options = as_mapping(metric.get("options"))
        place = options.get("placement")
        if not isinstance(place, int) or not 1 <= place <= 400:
            self.draft.lost(f"{here}.options", f"flag_stream without a placement: {place!r}")
            return
        suffix = options.get("metric_suffix")
        key = unique(as_identifier(f"{name}_{suffix}" if suffix else name), taken(owner))
        skipped = f"^.{{{place - 1}}}" if place > 1 else "^"
        owner["columns"][key] = {"oid": oid, "as": "text", "extract": f"{skipped}([01])"}

    def _column(self, symbol: Foreign, oid: str, here: str) -> ColumnForm | None:
        column: ColumnForm = {"oid": oid}
        if symbol.get("scale_factor") is not None:
            column["scale"] = as_number(symbol["scale_factor"])
        form = symbol.get("format")
        if form in _FORMATS:
            column["as"] = _FORMATS[str(form)]
        elif form is not None:
            self.draft.lost(f"{here}.format", f"format {form!r}")
        if symbol.get("extract_value"):
            pattern = self.draft.pattern(str(symbol["extract_value"]), here)
            if pattern is None:
                return None
            column["extract"] = pattern
        if symbol.get("match_pattern"):
            pattern = self.draft.pattern(str(symbol["match_pattern"]), here)
            if pattern is None:
                return None
            template = _GROUP.sub(r"$\1", str(symbol.get("match_value") or "$1"))
            column["extract"] = {"pattern": pattern, "template": template}
        return column

    def _tag(self, table: TableForm, tag: Foreign, where: str) -> None:
        for key in tag.keys() - _TAG_KEYS:
            self.draft.lost(f"{where}.{key}", "a key without counterpart was left out")
        source = as_mapping(tag.get("symbol") or tag.get("column"))
        if not source and "OID" in tag:
            source = tag
        if not source and isinstance(tag.get("index"), int):
            self._index_tag(table, tag, where)
            return
        column = self._tag_column(tag, source, where)
        if column is not None:
            for name, part in self._parts(tag, tag.get("tag") or source.get("name"), column, where).items():
                place_tag(self.draft, table, name, part, tag.get("index_transform"))

    def _tag_column(self, tag: Foreign, source: Foreign, where: str) -> ColumnForm | None:
        here = f"{where}.{source.get('name')}"
        if source is not tag:
            for key in source.keys() - _SYMBOL_KEYS:
                self.draft.lost(f"{here}.{key}", "a key without counterpart was left out")
        oid = self.draft.oid(source.get("OID"), here)
        column = self._column(source, oid, here) if oid else None
        if column is None:
            return None
        mapping = tag.get("mapping") or source.get("mapping")
        return {**column, "use": "tag", "refresh": TAG_REFRESH, **({"enum": _enum(mapping)} if mapping else {})}

    def _parts(self, tag: Foreign, name: object, column: ColumnForm, where: str) -> dict[str, ColumnForm]:
        """Return the columns of a tag by name: one, or those of a text that a pattern splits into several tags."""
        texts = as_mapping(tag.get("tags"))
        if not (tag.get("match") and isinstance(tag.get("tags"), Mapping)):
            return {as_identifier(name): column}
        pattern = self.draft.pattern(str(tag["match"]), where)
        return {
            as_identifier(part): {**column, "extract": {"pattern": pattern, "template": _GROUP.sub(r"$\1", str(text))}}
            for part, text in texts.items()
            if pattern is not None
        }

    def _index_tag(self, table: TableForm, tag: Foreign, where: str) -> None:
        number = int(as_number(tag["index"]))
        name = as_identifier(tag.get("tag") or f"index_{number}")
        if not 1 <= number <= 16:
            self.draft.lost(where, f"index {number} as tag {name}")
            return
        number_text = text = index_number(number)
        for raw, label in reversed(_enum(tag.get("mapping")).items()):
            text = f"if({number_text} == '{raw}', '{label}', {text})"
        if len(text) > MAX_LENGTH:
            self.draft.lost(where, f"mapping of index {number}: too long, the number is kept")
            text = number_text
        table.setdefault("tags", {})[unique(name, taken(table))] = text

    def device_tags(self, tags: Sequence[object]) -> None:
        """Tags of the whole profile, which every row gets."""
        for tag in tags:
            if not isinstance(tag, Mapping):
                continue
            symbol = tag.get("symbol") or tag.get("column")
            source = as_mapping(symbol) or tag
            name = tag.get("tag") or source.get("name") or symbol
            where = f"metric_tags.{name}"
            for key in tag.keys() - _DEVICE_TAG_KEYS:
                self.draft.lost(f"{where}.{key}", "a key without counterpart was left out")
            column = self._tag_column(tag, source, where)
            if column is not None:
                for part, own in self._parts(tag, name, column, where).items():
                    self.draft.device_tag(part, own)


def _enum(mapping: object) -> dict[str, str]:
    if isinstance(mapping, Mapping):
        return {as_label(key): as_label(value).replace("'", "") for key, value in mapping.items()}
    return {}
