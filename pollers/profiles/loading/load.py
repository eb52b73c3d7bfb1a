"""Parses profiles from YAML strictly: reports every problem with file, line, key and what was expected."""

from collections.abc import Mapping
from typing import Final

from pollers.profiles import model
from pollers.profiles.language.expr import Expression, ExpressionError, Literal, parse
from pollers.profiles.language.patterns import compile_pattern
from pollers.profiles.loading.load_columns import read_column, read_index
from pollers.profiles.loading.nodes import Node, merge_table
from pollers.profiles.loading.section import ProfileSection, as_oid
from pollers.profiles.place import FileLine, Problem

TOP_KEYS: Final = (
    "format",
    "profile",
    "description",
    "extends",
    "replaces",
    "match",
    "yields",
    "interval",
    "static_tags",
    "scalars",
    "tables",
    "computed",
    "emit",
)
SCALARS_KEYS: Final = ("columns", "row", "when", "tags", "static_tags", "join", "line_rate")
#: in the place of an expression that could not be parsed: names that stand for it are names all the same
_UNREAD: Final = Expression("", Literal(0.0))
TABLE_KEYS: Final = (*SCALARS_KEYS, "index", "like")


def read_profile(root: Node, name: str) -> tuple[model.Profile, list[Problem]]:
    """Return the profile of a (merged) document, and its problems.

    Where something is, the profile is of no use but to be checked further: what could not be read is there by name.
    """
    problems: list[Problem] = []
    top = ProfileSection(root, "", problems)
    top.integer("format", 1, model.FORMAT)
    top.take("profile")
    top.take("extends")
    top.take("replaces")
    description = top.text("description") or ""
    match = _read_match(top)
    yields = top.flag("yields")
    interval_s = top.duration_s("interval")
    static_tags = top.text_map("static_tags")
    computed = _read_computed(top)
    tables = {key: _read_table(node, key, top, computed, scalar=True) for key, node in top.entries("scalars")}
    written = dict(top.entries("tables"))
    for key, node in written.items():
        if key in tables:
            top.problem(node.at, f"tables.{key}", "a name that is not in scalars")
        tables[key] = _read_table(_like_another(node, key, top, written), key, top, computed, scalar=False)
    for owner, found in computed.items():
        if owner not in tables:
            at = next(iter(found.values())).at
            top.problem(at, f"computed.{owner}", f"a table before the point: one of {', '.join(tables) or '(none)'}")
    groups = {key: group for key, node in top.entries("emit") if (group := _read_group(key, node, top, tables))}
    top.finish(TOP_KEYS)
    profile = model.Profile(
        name=name,
        description=description,
        match=match,
        yields=yields,
        interval_s=interval_s,
        static_tags=static_tags,
        tables=tables,
        groups=groups,
        at=root.at,
    )
    return profile, problems


def _read_match(top: ProfileSection) -> model.Match | None:
    node = top.take("match")
    if node is None:
        return None
    section = ProfileSection(node, "match", top.problems)
    oids: list[str] = []
    for item in section.items("sys_object_id"):
        text = section.as_text(item, "sys_object_id") or ""
        stem, wild = text.removesuffix(".*"), ".*" if text.endswith(".*") else ""
        oid = section.parse_text(item.at, "sys_object_id", stem, as_oid, "an OID, or the start of one and .*")
        oids += [oid + wild] if oid else []
    descr = section.parsed("sys_descr", compile_pattern, "")
    section.finish(("sys_object_id", "sys_descr"))
    if not oids and descr is None:
        section.problem(node.at, "", "sys_object_id or sys_descr")
    return model.Match(sys_object_ids=tuple(oids), sys_descr=descr)


def read_expression(section: ProfileSection, at: FileLine, key: str, text: str) -> Expression:
    """Parse an expression; returns a placeholder with the problem noted where it is invalid."""
    try:
        return parse(text)
    except ExpressionError as error:
        section.problem(at, key, str(error))
        return _UNREAD


def _read_computed(top: ProfileSection) -> dict[str, dict[str, model.Computed]]:
    found: dict[str, dict[str, model.Computed]] = {}
    node = top.take("computed")
    if node is None:
        return found
    if not isinstance(node.value, Mapping):
        top.problem(node.at, "computed", "a mapping (table.name: ...)")
        return found
    for key, entry in node.value.items():
        table, point, name = key.partition(".")
        if not point or not name.isidentifier():
            top.problem(entry.at, f"computed.{key}", "table.name as key")
            continue
        found.setdefault(table, {})[name] = _read_one_computed(top, key, name, entry)
    return found


def _read_one_computed(top: ProfileSection, key: str, name: str, entry: Node) -> model.Computed:
    short = isinstance(entry.value, str)
    section = ProfileSection(Node(entry.at, {"expr": entry}) if short else entry, f"computed.{key}", top.problems)
    text = section.text("expr", needed=True)
    expression = _UNREAD if text is None else read_expression(section, entry.at, "expr", text)
    unit = section.text("unit") or "1"
    use = section.choice("use", ("gauge", "state", "reference")) or "gauge"
    section.finish(("expr", "unit", "use"))
    return model.Computed(name=name, expression=expression, use=model.Use(use), unit=unit, at=entry.at)


def _read_table(
    node: Node, name: str, top: ProfileSection, computed: Mapping[str, Mapping[str, model.Computed]], *, scalar: bool
) -> model.TableSpec:
    section = ProfileSection(node, f"{'scalars' if scalar else 'tables'}.{name}", top.problems)
    columns = {key: read_column(section, key, entry) for key, entry in section.entries("columns")}
    table = model.TableSpec(
        name=name,
        scalar=scalar,
        columns=columns,
        index=() if scalar else read_index(section),
        row=section.texts("row"),
        joins={key: join for key, entry in section.entries("join") if (join := _read_join(section, key, entry))},
        when=section.parsed("when", parse, ""),
        tags=_read_tags(section),
        static_tags=section.text_map("static_tags"),
        computed=computed.get(name, {}),
        line_rate=section.text("line_rate"),
        at=node.at,
    )
    section.finish(SCALARS_KEYS if scalar else TABLE_KEYS)
    return table


def _like_another(node: Node, key: str, top: ProfileSection, written: Mapping[str, Node]) -> Node:
    """Return the table with what it takes over from the one that it is `like`."""
    if not isinstance(node.value, Mapping) or "like" not in node.value:
        return node
    name, own = node.value["like"], {key: value for key, value in node.value.items() if key != "like"}
    other = written.get(name.value) if isinstance(name.value, str) else None
    if other is None or not isinstance(other.value, Mapping) or "like" in other.value:
        top.problem(name.at, f"tables.{key}.like", "a table of this profile that is not like another itself")
        return Node(node.at, own)
    return merge_table(other, Node(node.at, own))


def _read_tags(section: ProfileSection) -> dict[str, Expression]:
    tags: dict[str, Expression] = {}
    for key, entry in section.entries("tags"):
        text = section.as_text(entry, f"tags.{key}")
        tags[key] = _UNREAD if text is None else read_expression(section, entry.at, f"tags.{key}", text)
    return tags


def _read_join(section: ProfileSection, alias: str, entry: Node) -> model.Join | None:
    inner = ProfileSection(entry, f"{section.path}.join.{alias}", section.problems)
    table = inner.text("table") or alias
    on: list[tuple[str, ...] | model.Slice] = []
    for item in inner.items("on"):
        if isinstance(item.value, str):
            if item.value != "index":
                on.append(tuple(item.value.split(".")))
        elif bounds := _read_slice(inner, item):
            on.append(bounds)
    to = inner.text("to")
    inner.finish(("table", "on", "to"))
    return model.Join(alias=alias, table=table, on=tuple(on), to=None if to == "index" else to, at=entry.at)


def _read_slice(section: ProfileSection, item: Node) -> model.Slice | None:
    inner = ProfileSection(item, f"{section.path}.on", section.problems)
    node = inner.take("slice")
    inner.finish(("slice",))
    bounds = node.value if node else None
    try:
        if isinstance(bounds, tuple) and len(bounds) == 2:
            start, end = (int(str(bound.value)) for bound in bounds)
            if -128 <= start <= 128 and -128 <= end <= 128:
                return model.Slice(start, end)
    except ValueError:
        pass
    section.problem(item.at, "on", "a name, `index`, or {slice: [first, last]}")
    return None


def _read_group(
    name: str, node: Node, top: ProfileSection, tables: Mapping[str, model.TableSpec]
) -> model.Group | None:
    short = isinstance(node.value, str | tuple)
    section = ProfileSection(Node(node.at, {"tables": node}) if short else node, f"emit.{name}", top.problems)
    first_of = section.texts("first_of")
    listed = (*section.texts("table"), *section.texts("tables"))
    interval_s = section.duration_s("interval")
    section.finish(("table", "tables", "first_of", "interval"))
    if bool(first_of) is bool(listed):
        section.problem(node.at, "", "a table, tables, or first_of")
        return None
    for table in (*first_of, *listed):
        if table not in tables:
            section.problem(node.at, "", f"a table that exists, not {table!r}: one of {', '.join(tables) or '(none)'}")
            return None
    return model.Group(name=name, tables=first_of or listed, first_of=bool(first_of), interval_s=interval_s, at=node.at)
