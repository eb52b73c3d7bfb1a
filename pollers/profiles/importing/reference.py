"""Imports the reference system's metric groups: JSON with OIDs, and Python expressions over them.

The texts are parsed by Python's own parser and translated node by node into our expressions; nothing is ever run. What
was read by enrichment (`static` values, index maps) is a snapshot of one device and no profile: it is reported as lost.
"""

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Final

from pollers.profiles.importing.draft import Draft, Imported, Loss, as_identifier, as_profile_name, taken, unique
from pollers.profiles.importing.forms import ColumnForm, Foreign, TableForm

PREFIX: Final = "panoptes"
_INDEX: Final = "__index"
_MAX_TEXT: Final = 2_000
_OPERATORS: Final[dict[type, str]] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Mod: "%", ast.Pow: "**",
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
    ast.And: "and", ast.Or: "or",
}  # fmt: skip
_SAME: Final = {"abs", "min", "max", "round"}
_PLAIN: Final = {"int", "float", "str"}


class _Untranslatable(ValueError):
    """A part of a Python text that has no counterpart."""


def import_file(text: str, file: str) -> Imported:
    """Return a profile for each device with metric groups in the file."""
    found = Imported()
    try:
        source = json.loads(text)
    except (ValueError, RecursionError) as error:
        found.losses.append(Loss(file, "file", f"no JSON: {error}"))
        return found
    stem = as_profile_name(PurePath(file).stem, PREFIX)
    for number, (groups, oids) in enumerate(_definitions(source), 1):
        draft = Draft(stem if number == 1 else f"{stem[:60]}-{number}", file, "the reference system's metric groups")
        for position, group in enumerate(groups):
            if isinstance(group, Mapping):
                _Group(draft, oids, group, f"metrics_groups[{position}]").read()
        found.profiles[draft.name] = draft.document()
        found.losses += draft.losses
    return found


def _definitions(source: object) -> Iterator[tuple[Sequence[object], Foreign]]:
    """Yield (metrics_groups, oids) wherever they stand beside one another."""
    waiting = [source]
    while waiting:
        here = waiting.pop()
        if isinstance(here, Mapping):
            if isinstance(here.get("metrics_groups"), list) and isinstance(here.get("oids"), Mapping):
                yield here["metrics_groups"], here["oids"]
            else:
                waiting.extend(here.values())
        elif isinstance(here, list):
            waiting.extend(here)


class _Group:
    """One metrics group: a table where its metrics have an index, else a set of scalars."""

    def __init__(self, draft: Draft, oids: Foreign, group: Foreign, where: str) -> None:
        self.draft = draft
        self.oids = oids
        self.group = group
        self.where = where
        self.name = unique(as_identifier(group.get("group_name")), [*draft.tables, *draft.scalars])
        self.columns: dict[str, ColumnForm] = {}
        self.tags: dict[str, str] = {}
        self.table: TableForm = {"columns": self.columns, "tags": self.tags}
        self._computes = False

    def read(self) -> None:
        for metric, definition in _mapping(self.group.get("metrics")).items():
            self._metric(str(metric), definition)
        for dimension, definition in _mapping(self.group.get("dimensions")).items():
            self._dimension(str(dimension), definition)
        shown = [column for column in self.columns.values() if column["use"] != "reference"]
        if not shown and not self._computes:
            return
        # where every value is a count over other tables there is one row, which is what a set of scalars has
        (self.draft.tables if self.columns else self.draft.scalars)[self.name] = self.table
        self.draft.emit[unique(as_identifier(self.group.get("group_name")), self.draft.emit)] = self.name

    def _metric(self, metric: str, definition: object) -> None:
        where = f"{self.where}.{metric}"
        if not isinstance(definition, Mapping):
            self.draft.lost(where, f"the constant {definition!r}, a snapshot of one device")
            return
        kind = "counter" if definition.get("metric_type") == "counter" else "gauge"
        text, transform = str(definition.get("value", "")), definition.get("transform")
        try:
            plain = re.fullmatch(r"\s*(\w+)\.\$index\s*", text)
            if plain and not transform:
                source = self._source(plain[1])
                self.columns[unique(as_identifier(metric), taken(self.table))] = {**source, "use": kind}
                return
            expression = self._expression(text)
            if transform:
                expression = self._transformed(str(transform), expression)
        except _Untranslatable as error:
            self.draft.lost(where, f"{text!r}: {error}")
            return
        if self.draft.compute(self.name, self.table, as_identifier(metric), expression):
            self._computes = True

    def _dimension(self, dimension: str, definition: object) -> None:
        text = str(definition.get("value", "") if isinstance(definition, Mapping) else definition)
        try:
            plain = re.fullmatch(r"\s*(\w+)\.\$index\s*", text)
            if plain:
                column: ColumnForm = {**self._source(plain[1]), "use": "tag"}
                self.columns[unique(as_identifier(dimension), taken(self.table))] = column
            else:
                expression = self._expression(text)
                self.tags[unique(as_identifier(dimension), taken(self.table))] = expression
        except _Untranslatable as error:
            self.draft.lost(f"{self.where}.dimensions.{dimension}", f"{text!r}: {error}")

    def _source(self, name: str) -> ColumnForm:
        definition = _mapping(self.oids.get(name))
        if definition.get("method") == "static":
            raise _Untranslatable(f"{name} holds values that enrichment read from one device")
        if definition.get("index_transform"):
            raise _Untranslatable(f"{name} has an index map that enrichment made for one device")
        oid = self.draft.oid(definition.get("oid"), f"{self.where}.{name}")
        if oid is None:
            raise _Untranslatable(f"{name} is not among the oids")
        return {"oid": oid}

    def _column(self, name: str) -> str:
        """Return the name under which a column of this group can be used in expressions."""
        key = as_identifier(f"raw_{name}")
        if key not in self.columns:
            self.columns[key] = {**self._source(name), "use": "reference"}
        return key

    def _expression(self, text: str) -> str:
        return self._translate(_parse(text.replace("$index", _INDEX)), {})

    def _transformed(self, text: str, value: str) -> str:
        tree = _parse(text)
        if not isinstance(tree, ast.Lambda) or len(tree.args.args) != 1:
            raise _Untranslatable(f"transform {text!r}")
        return self._translate(tree.body, {tree.args.args[0].arg: f"({value})"})

    def _translate(self, node: ast.expr, names: Mapping[str, str]) -> str:  # noqa: C901, PLR0911, PLR0912
        match node:
            case ast.Constant(value=str(text)):
                return _quoted(text)
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                return repr(number)
            case ast.Name(id=name) if name in names:
                return names[name]
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if attribute == _INDEX:
                return self._column(name)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return f"-{self._translate(operand, names)}"
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return f"(not {self._translate(operand, names)})"
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
                return f"({self._translate(left, names)} {_OPERATORS[type(op)]} {self._translate(right, names)})"
            case ast.BoolOp(op=op, values=values):
                return f"({f' {_OPERATORS[type(op)]} '.join(self._translate(value, names) for value in values)})"
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return f"if({', '.join(self._translate(part, names) for part in (test, body, orelse))})"
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return self._comparison(left, op, right, names)
            case ast.Call(func=ast.Name(id="len"), args=[ast.ListComp() as listing]):
                return self._count(listing)
            case ast.Call(func=ast.Name(id=name), args=args) if name in _SAME:
                return f"{name}({', '.join(self._translate(arg, names) for arg in args)})"
            case ast.Call(func=ast.Name(id=name), args=[arg]) if name in _PLAIN:
                return self._translate(arg, names)
        raise _Untranslatable(f"{ast.unparse(node)[:80]!r} has no counterpart")

    def _comparison(self, left: ast.expr, op: ast.cmpop, right: ast.expr, names: Mapping[str, str]) -> str:
        here = self._translate(left, names)
        if isinstance(op, ast.In | ast.NotIn):
            if isinstance(right, ast.List | ast.Tuple):
                listing = ", ".join(_number_or_text(self._translate(item, names)) for item in right.elts)
                test = f"({here} in [{listing}])"
            else:
                test = f"({self._translate(right, names)} contains {here})"
            return f"(not {test})" if isinstance(op, ast.NotIn) else test
        if type(op) not in _OPERATORS:
            raise _Untranslatable(f"{type(op).__name__} has no counterpart")
        return f"({here} {_OPERATORS[type(op)]} {_number_or_text(self._translate(right, names))})"

    def _count(self, listing: ast.ListComp) -> str:
        """len([x for x in column.values() if ...]) counts the rows of a table for which that is true."""
        match listing:
            case ast.ListComp(
                elt=ast.Name(id=element),
                generators=[
                    ast.comprehension(
                        target=ast.Name(id=target),
                        iter=ast.Call(func=ast.Attribute(value=ast.Name(id=column), attr="values"), args=[]),
                        ifs=[*tests],
                    )
                ],
            ) if element == target:
                table = as_identifier(f"rows_of_{column}")
                self.draft.tables.setdefault(
                    table, {"columns": {"value": {**self._source(column), "use": "reference"}}}
                )
                inner = [self._translate(test, {target: f"{table}.value"}) for test in tests]
                return f"count({' and '.join(inner) or f'{table}.index'})"
        raise _Untranslatable("a count over what enrichment read from one device")


def _parse(text: str) -> ast.expr:
    if len(text) > _MAX_TEXT:
        raise _Untranslatable("too long")
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _Untranslatable(f"no Python expression ({error})") from error


def _quoted(text: str) -> str:
    if "'" not in text:
        return f"'{text}'"
    if '"' not in text:
        return f'"{text}"'
    raise _Untranslatable("a text with both kinds of quotes")


def _number_or_text(text: str) -> str:
    """The reference system compares numbers as texts; here they are numbers."""
    match = re.fullmatch(r"'(-?\d{1,15})'", text)
    return match[1] if match else text


def _mapping(value: object) -> Foreign:
    return value if isinstance(value, Mapping) else {}
