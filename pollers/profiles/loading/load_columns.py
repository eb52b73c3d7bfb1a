"""Parses columns and index parts from YAML."""

from collections.abc import Mapping, Sequence
from typing import Final

from pollers.profiles import model
from pollers.profiles.language.patterns import Pattern, compile_pattern
from pollers.profiles.loading.nodes import Node
from pollers.profiles.loading.section import ProfileSection, as_oid

COLUMN_KEYS: Final = ("oid", "first_of", "use", "unit", "scale", "width", "enum", "as", "extract", "refresh")
SOURCE_KEYS: Final = ("oid", "scale", "width")
#: what is a text however it is read
_TEXTS: Final = frozenset({model.As.HEX, model.As.MAC, model.As.IP, model.As.DATE})
INDEX_KEYS: Final = ("name", "type", "length", "implied", "use", "enum")


def read_column(table: ProfileSection, name: str, node: Node) -> model.ColumnSpec:
    """Parse a column; one with invalid sources is returned without them, with the problems noted.

    A bare OID is short for `{oid: ...}`."""
    short = isinstance(node.value, str)
    section = ProfileSection(
        Node(node.at, {"oid": node}) if short else node, f"{table.path}.columns.{name}", table.problems
    )
    scale, width = _scale_and_width(section)
    sources = _read_sources(section, scale, width)
    enum = section.text_map("enum")
    use = section.choice("use", [use.value for use in model.Use])
    refresh_s = section.duration_s("refresh")
    if refresh_s and use in {"counter", "discontinuity"}:
        section.problem(node.at, "refresh", f"no refresh on a {use}: it is read in every poll")
    if use == "counter":
        _check_counter(section, sources, enum)
    column = model.ColumnSpec(
        name=name,
        use=model.Use(use) if use else model.Use.STATE if enum else model.Use.GAUGE,
        sources=sources,
        unit=section.text("unit") or "1",
        enum=enum,
        read_as=model.As(section.choice("as", [way.value for way in model.As]) or "auto"),
        extract=_read_extract(section),
        refresh_s=refresh_s,
        at=node.at,
    )
    if column.use in {model.Use.GAUGE, model.Use.COUNTER} and column.read_as in _TEXTS and not (enum or column.extract):
        section.problem(node.at, "as", f"a way to read a number, as this is a {column.use}, or use: tag")
    section.finish(COLUMN_KEYS)
    return column


def _check_counter(section: ProfileSection, sources: Sequence[model.Source], enum: Mapping[str, str]) -> None:
    scales = {source.scale for source in sources}
    if min(scales, default=1.0) <= 0:
        section.problem(section.at, "scale", "a number above 0, as a counter only grows")
    if len(scales) > 1:
        section.problem(section.at, "first_of", "one scale for all sources of a counter")
    if enum:
        section.problem(section.at, "enum", "no enum on a counter, or use: state")


def _scale_and_width(section: ProfileSection) -> tuple[float, int | None]:
    scale = section.number("scale")
    width = section.choice("width", ("32", "64"))
    return 1.0 if scale is None else scale, int(width) if width else None


def _read_sources(section: ProfileSection, scale: float, width: int | None) -> tuple[model.Source, ...]:
    if ("oid" in section) is ("first_of" in section):
        section.problem(section.at, "", "either oid or first_of")
        section.take("oid")
        section.take("first_of")
        return ()
    if "oid" in section:
        oid = section.oid("oid")
        return (model.Source(oid, scale, width),) if oid else ()
    found: list[model.Source] = []
    items = section.items("first_of")
    if not items:
        section.problem(section.at, "first_of", "at least one OID")
    for item in items:
        if isinstance(item.value, str):
            oid = section.parse_text(item.at, "first_of", item.value, as_oid, "OIDs in numbers, or {oid: ...}")
            found.extend([model.Source(oid, scale, width)] if oid else [])
            continue
        inner = ProfileSection(item, f"{section.path}.first_of", section.problems)
        oid = inner.oid("oid")
        own_scale = inner.number("scale")
        own_width = inner.choice("width", ("32", "64"))
        inner.finish(SOURCE_KEYS)
        if oid:
            found.append(
                model.Source(oid, scale if own_scale is None else own_scale, int(own_width) if own_width else width)
            )
    return tuple(found)


def _read_extract(section: ProfileSection) -> model.Extract | None:
    node = section.take("extract")
    if node is None:
        return None
    if isinstance(node.value, Mapping):
        inner = ProfileSection(node, f"{section.path}.extract", section.problems)
        given = "pattern" in inner
        pattern: Pattern | None = inner.parsed("pattern", compile_pattern, "")
        template = inner.text("template")
        inner.finish(("pattern", "template"))
        if not given:
            inner.problem(node.at, "pattern", "a pattern")
    else:
        text = section.as_text(node, "extract")
        pattern = None if text is None else section.parse_text(node.at, "extract", text, compile_pattern, "")
        template = None
    return model.Extract(pattern, template) if pattern else None


def read_index(table: ProfileSection) -> tuple[model.IndexPart, ...]:
    """Parse the parts of a table's index, in order."""
    parts: list[model.IndexPart] = []
    for position, node in enumerate(table.items("index")):
        section = ProfileSection(node, f"{table.path}.index[{position}]", table.problems)
        name = section.name("name")
        kind = section.choice("type", [kind.value for kind in model.IndexType]) or "integer"
        use = section.choice("use", ("tag", "reference")) or "tag"
        part_length = section.integer("length", 1, 128)
        implied = section.flag("implied")
        enum = section.text_map("enum")
        section.finish(INDEX_KEYS)
        if name is None:
            section.problem(node.at, "name", "a name for this part of the index")
            continue
        parts.append(
            model.IndexPart(
                name=name,
                type=model.IndexType(kind),
                length=part_length,
                implied=implied,
                use=model.Use(use),
                enum=enum,
            )
        )
    return tuple(parts)
