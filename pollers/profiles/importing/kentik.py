"""Imports profiles of Kentik's library (github.com/kentik/snmp-profiles; its _template.yml describes the format)."""

import re
from collections.abc import Callable, Mapping, Sequence
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

PREFIX: Final = "kentik"
#: Kentik's own interval for tags: three hours
TAG_REFRESH: Final = "3h"
_METRIC_KEYS: Final = {"MIB", "symbol", "symbols", "table", "metric_tags"}
_SYMBOL_KEYS: Final = {
    "name", "OID", "tag", "enum", "conversion", "condition", "poll_time_sec", "allow_duplicate", "format",
}  # fmt: skip
_TAG_KEYS: Final = {"tag", "column", "symbol", "table", "index", "index_transform", "conversion", "enum", "OID", "name"}
_TAG_COLUMN_KEYS: Final = _SYMBOL_KEYS - {"condition", "allow_duplicate"}
_DEVICE_TAG_KEYS: Final = _TAG_KEYS - {"table", "index", "index_transform"}
_TOP_KEYS: Final = {"extends", "provider", "sysobjectid", "matches", "metrics", "metric_tags", "device"}
_CONDITION: Final = re.compile(r"\s*([\w-]+)\s*=\s*(.+?)\s*\Z")
_SIMPLE: Final = {"hextoip": "ip", "hwaddr": "mac"}
_TITLE: Final = re.compile(r"name|descr|title|label", re.IGNORECASE)


def import_file(text: str, file: str) -> Imported:
    """Return the profile of a file, and another for each of its `matches`."""
    return imported(text, file, _read_file)


def _read_file(source: object, file: str, found: Imported) -> None:
    stem = PurePath(file).stem
    if not isinstance(source, Mapping):
        found.losses.append(Loss(file, "file", "no profile: not a mapping"))
        return
    draft = Draft(as_profile_name(stem, PREFIX), file, "Kentik's snmp-profiles")
    _read_head(draft, source)
    reader = _Reader(draft)
    for position, metric in enumerate(as_list(source.get("metrics"))):
        if isinstance(metric, Mapping):
            reader.metric(metric, f"metrics[{position}]")
    reader.device_tags(as_list(source.get("metric_tags")))
    found.profiles[draft.name] = draft.document()
    for number, (pattern, target) in enumerate(as_mapping(source.get("matches")).items(), 1):
        _redirect(draft, found, number, str(pattern), str(target))
    found.losses += draft.losses


def _read_head(draft: Draft, source: Foreign) -> None:
    for key in source:
        if key not in _TOP_KEYS:
            draft.lost(str(key), "a section without counterpart was left out")
    draft.extends = [as_profile_name(PurePath(str(name)).stem, PREFIX) for name in as_list(source.get("extends"))]
    sys_object_ids(draft, source.get("sysobjectid"))
    if source.get("provider"):
        draft.static_tags["provider"] = str(source["provider"])


def _redirect(draft: Draft, found: Imported, number: int, pattern: str, target: str) -> None:
    """A rule "where sysDescr matches, take that profile" becomes a profile that extends that one and matches better."""
    text = draft.pattern(f"(?i){pattern}", f"matches[{pattern}]")
    if text is None:
        return
    name = f"{draft.name[:56]}-match-{number}"
    found.profiles[name] = {
        "profile": name,
        "description": f"Where sysDescr says so, {target} instead of {PurePath(draft.file).name}.",
        "extends": [as_profile_name(PurePath(target).stem, PREFIX)],
        "match": {**draft.match, "sys_descr": text},
    }


class _Reader:
    """Turns `metrics` into tables and sets of scalars of the draft."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self._duplicates: dict[tuple[str, str], str] = {}

    def metric(self, metric: Foreign, where: str) -> None:
        for key in metric.keys() - _METRIC_KEYS:
            self.draft.lost(f"{where}.{key}", "a key without counterpart was left out")
        symbols = [one for key in ("symbol", "symbols") for one in as_list(metric.get(key)) if isinstance(one, Mapping)]
        table = metric.get("table")
        tags = [one for one in as_list(metric.get("metric_tags")) if isinstance(one, Mapping)]
        if isinstance(table, Mapping):
            self._table(as_identifier(table.get("name") or metric.get("MIB")), symbols, tags, where)
        elif self._looks_like_columns(symbols, tags):
            self._table(as_identifier(metric.get("MIB") or "table"), symbols, tags, where)
        else:
            for symbol in symbols:
                self._scalar(symbol, where)
            if tags:
                self.draft.lost(f"{where}.metric_tags", "tags of scalars were left out")

    @staticmethod
    def _looks_like_columns(symbols: Sequence[Foreign], tags: Sequence[Foreign]) -> bool:
        """Return whether symbols without a table are columns: they have tags, and do not end in an instance."""
        return bool(tags) and not any(str(symbol.get("OID", "")).endswith(".0") for symbol in symbols)

    def _scalar(self, symbol: Foreign, where: str) -> None:
        oid = self.draft.oid(symbol.get("OID"), f"{where}.{symbol.get('name')}")
        if oid is None:
            return
        every = _seconds(symbol)
        set_name = f"scalars_{every}s" if every else "scalars"
        owner = self.draft.scalars.setdefault(set_name, {"columns": {}})
        self.draft.emit.setdefault(set_name, {"table": set_name, "interval": f"{every}s"} if every else set_name)
        if symbol.get("condition"):
            self.draft.lost(f"{where}.{symbol.get('name')}", f"condition {symbol['condition']!r} of a scalar")
        self._add(owner, set_name, symbol, _instances(oid), where)

    def _table(self, name: str, symbols: Sequence[Foreign], tags: Sequence[Foreign], where: str) -> None:
        """Symbols under a condition get a table of their own, whose rows it filters; the walk is the same."""
        by_condition: dict[str, list[Foreign]] = {}
        for symbol in symbols:
            by_condition.setdefault(str(symbol.get("condition") or ""), []).append(symbol)
        for condition, members in by_condition.items():
            own = self._table_name(name, condition)
            table = self.draft.tables.setdefault(own, {"columns": {}})
            for symbol in members:
                oid = self.draft.oid(symbol.get("OID"), f"{where}.{symbol.get('name')}")
                if oid is not None:
                    self._add(table, own, symbol, [oid], where)
            for tag in tags:
                self._tag(table, tag, f"{where}.metric_tags")
            if condition:
                self._filter(table, condition, symbols, f"{where}.{own}")
            titles = [
                key for key, column in table["columns"].items() if column.get("use") == "tag" and _TITLE.search(key)
            ]
            if titles:
                table["row"] = titles
            self._emit(own, members, where)

    def _table_name(self, name: str, condition: str) -> str:
        if not condition:
            return name
        return as_identifier(f"{name}_{condition}")

    def _emit(self, name: str, symbols: Sequence[Foreign], where: str) -> None:
        periods = {every for symbol in symbols if (every := _seconds(symbol))}
        if not periods:
            self.draft.emit.setdefault(name, name)
            return
        if len(periods) > 1 or any(_seconds(symbol) is None for symbol in symbols):
            self.draft.lost(f"{where}.poll_time_sec", f"a table has one interval: all of {name} every {min(periods)} s")
        self.draft.emit[name] = {"table": name, "interval": f"{min(periods)}s"}

    def _filter(self, table: TableForm, condition: str, symbols: Sequence[Foreign], where: str) -> None:
        match = _CONDITION.match(condition)
        source = next((one for one in symbols if match and one.get("name") == match[1]), None)
        oid = self.draft.oid(source.get("OID"), where) if source else None
        if match is None or oid is None:
            self.draft.lost(where, f"condition {condition!r}: every row is kept")
            return
        key = unique("condition", taken(table))
        table["columns"][key] = {"oid": oid, "use": "reference"}
        value = match[2].strip("\"'")
        enum = as_mapping(source.get("enum")) if source else {}
        wanted = str(enum.get(value, value))
        table["when"] = f"{key} == {wanted}" if wanted.lstrip("-").isdigit() else f"{key} == '{wanted}'"

    def _add(self, table: TableForm, owner: str, symbol: Foreign, sources: Sequence[str], where: str) -> None:
        columns = table["columns"]
        here = f"{where}.{symbol.get('name')}"
        for key in symbol.keys() - _SYMBOL_KEYS:
            self.draft.lost(f"{here}.{key}", "a key without counterpart was left out")
        column = self._column(symbol, sources, here)
        if column is None:
            return
        column.setdefault("use", "state" if column.get("enum") else "auto")
        name = as_identifier(symbol.get("tag") or symbol.get("name"))
        before = columns.get(name)
        if before is not None and symbol.get("allow_duplicate") and _same_but_oid(before, column):
            earlier = before.pop("first_of", None) or [before.pop("oid")]
            before["first_of"] = list(dict.fromkeys([*earlier, *sources]))
            return
        if symbol.get("allow_duplicate") and (other := self._duplicates.get((owner, name))):
            self.draft.lost(here, f"allow_duplicate: {name} is also in {other}; both are polled")
        self._duplicates.setdefault((owner, name), owner)
        if before == column:
            return
        columns[unique(name, taken(table))] = column

    def _column(self, symbol: Foreign, sources: Sequence[str], here: str) -> ColumnForm | None:
        column: ColumnForm = {"oid": sources[0]} if len(sources) == 1 else {"first_of": list(sources)}
        enum = as_mapping(symbol.get("enum"))
        if enum:
            column["enum"] = {as_label(number): as_label(label) for label, number in enum.items()}
        conversion = str(symbol.get("conversion") or "")
        if symbol.get("format") not in {None, "gauge"}:
            self.draft.lost(f"{here}.format", f"format {symbol['format']!r}")
        return self._converted(column, conversion, here) if conversion else column

    def _converted(self, column: ColumnForm, conversion: str, here: str) -> ColumnForm | None:
        kind, _, rest = conversion.partition(":")
        if kind == "to_one":  # there, the number is 1 and the text its label: the text is what it says
            return {**column, "as": "text", "use": "state"}
        if kind in _SIMPLE:
            return {**column, "as": _SIMPLE[kind]}
        if kind == "hextoint":
            return {**column, "as": "int_little_endian" if rest.lower().startswith("little") else "int_big_endian"}
        if kind == "regexp":
            pattern = self.draft.pattern(rest, here)
            return None if pattern is None else {**column, "as": "text", "extract": pattern}
        self.draft.lost(f"{here}.conversion", f"conversion {conversion!r}: the text is taken as it is")
        return {**column, "as": "text"}

    def _tag(self, table: TableForm, tag: Foreign, where: str) -> None:
        for key in tag.keys() - _TAG_KEYS:
            self.draft.lost(f"{where}.{key}", "a key without counterpart was left out")
        if isinstance(tag.get("index"), int) and not tag.get("column"):
            self._index_tag(table, tag, where)
            return
        found = self._tag_column(tag, where, lambda oid: [oid])
        if found is not None:
            place_tag(self.draft, table, *found, tag.get("index_transform"))

    def _tag_column(
        self, tag: Foreign, where: str, sources: Callable[[str], list[str]]
    ) -> tuple[str, ColumnForm] | None:
        """Return the name and the column of a tag, or None with the loss noted."""
        source = as_mapping(tag.get("column") or tag.get("symbol") or tag)
        here = f"{where}.{source.get('name')}"
        if source is not tag:
            for key in source.keys() - _TAG_COLUMN_KEYS:
                self.draft.lost(f"{here}.{key}", "a key without counterpart was left out")
        oid = self.draft.oid(source.get("OID"), here)
        if oid is None:
            return None
        own: Foreign = {key: tag[key] for key in ("conversion", "enum") if key in tag}
        column = self._column({**source, **own}, sources(oid), here)
        if column is None:
            return None
        name = as_identifier(tag.get("tag") or source.get("tag") or source.get("name"))
        return name, {**column, "use": "tag", "refresh": TAG_REFRESH}

    def _index_tag(self, table: TableForm, tag: Foreign, where: str) -> None:
        """A tag that is one number of the index, counted from 1."""
        name = as_identifier(tag.get("tag") or f"index_{tag['index']}")
        number = int(as_number(tag["index"]))
        if not 1 <= number <= 16:
            self.draft.lost(where, f"index {number} as tag {name}")
            return
        table.setdefault("tags", {})[unique(name, taken(table))] = index_number(number)

    def device_tags(self, tags: Sequence[object]) -> None:
        """Tags of the whole profile, which every row gets."""
        for tag in tags:
            if not isinstance(tag, Mapping):
                continue
            for key in tag.keys() - _DEVICE_TAG_KEYS:
                self.draft.lost(f"metric_tags.{key}", "a key without counterpart was left out")
            found = self._tag_column(tag, "metric_tags", _instances)
            if found is not None:
                self.draft.device_tag(*found)


def _instances(oid: str) -> list[str]:
    """Return what a scalar's OID can mean: 288 lack the .0 of their instance, others name one of a table."""
    return [oid] if oid.endswith(".0") else [f"{oid}.0", oid]


def _seconds(symbol: Foreign) -> int | None:
    """Return how often a symbol is polled, where it says so and our intervals go as far."""
    text = str(symbol.get("poll_time_sec") or "")
    return int(text) if text.isascii() and text.isdigit() and 0 < int(text[:9]) <= 7 * 86_400 else None


def _same_but_oid(one: ColumnForm, other: ColumnForm) -> bool:
    places = {"oid", "first_of"}
    return {key: value for key, value in one.items() if key not in places} == {
        key: value for key, value in other.items() if key not in places
    }
