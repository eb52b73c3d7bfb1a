"""Compiles resource filters, in the reference's SQL-like language, into functions over resources.

The language is the same for whatever has other fields, such as the rows of sinks: see `compile_over`.

    filter     := any | (nothing: every resource)
    any        := all { OR all }
    all        := one { AND one }
    one        := NOT one | ( any ) | comparison
    comparison := field ( = | == | eq | != | <> | ne ) text
                | field [NOT] LIKE text          % any characters, _ one character
                | field [NOT] IN ( text {, text} )
    field      := resource_site | resource_class | resource_subclass | resource_type | resource_id
                | resource_endpoint | resource_plugin | resource_metadata.<label>
                | facts.<name> | <namespace>.<name>             of what enrichment found, where that is known
    text       := '...' or "...", the quote doubled inside; a bare word or number too

Keywords and operators in words are case-insensitive; comparisons are not. A label that a resource lacks reads as "".
`resource_plugin` has as many values as plugins saw the resource; it compares as any of them, and so does a name that
many rows of an enrichment have (`interfaces.alias`).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Never, TypeAlias, TypeVar

from schemas.records import LABEL_NAME, EnrichedResource, Resource
from streams.scheduling.filter_fields import FOUND, RESOURCE, Fields
from streams.scheduling.filter_tokens import FilterError, Token, TokenKind, tokens

__all__ = ["Expression", "Fields", "FilterError", "Fits", "compile_filter", "compile_over", "parse"]
__all__ += ["And", "Equal", "In", "Like", "Not", "Or"]

MAX_DEPTH: Final = 50
S = TypeVar("S")
_EQUAL: Final = ("=", "==")
_UNEQUAL: Final = ("!=", "<>")
_KEYWORDS: Final = ("and", "or", "not", "in", "like", "eq", "ne")


@dataclass(frozen=True, slots=True)
class Equal:
    field: str
    text: str


@dataclass(frozen=True, slots=True)
class Like:
    field: str
    pattern: str


@dataclass(frozen=True, slots=True)
class In:
    field: str
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Not:
    of: "Expression"


@dataclass(frozen=True, slots=True)
class And:
    of: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Or:
    of: tuple["Expression", ...]


Expression: TypeAlias = Equal | Like | In | Not | And | Or
#: a filter of what is known of a resource
Fits: TypeAlias = Callable[[EnrichedResource], bool]


def compile_filter(text: str) -> Callable[[Resource], bool]:
    """Compile a filter to a function of a resource; an empty filter matches all. Raises FilterError."""
    return compile_over(text, RESOURCE)


def compile_over(text: str, fields: Fields[S]) -> Callable[[S], bool]:
    """Compile a filter to a function of any object with these fields; an empty filter matches all. Raises
    FilterError.
    """
    expression = parse(text, fields)
    return _test(expression, fields) if expression is not None else lambda _thing: True


def parse(text: str, fields: Fields[Never] = RESOURCE) -> Expression | None:
    """Parse the filter to a tree, or None for an empty one. Raises FilterError."""
    parser = _Parser(text, fields)
    if parser.at_end():
        return None
    expression = parser.any_of()
    if not parser.at_end():
        raise parser.error("expected AND, OR or the end")
    return expression


class _Parser:
    """Recursive descent, one method per rule of the module's grammar."""

    def __init__(self, text: str, fields: Fields[Never]) -> None:
        self._text = text
        self._fields = fields
        self._tokens = tokens(text)
        self._depth = 0
        self.next = next(self._tokens)

    def error(self, expected: str) -> FilterError:
        return FilterError(f"{expected}, found {self.next}", self._text, self.next.at)

    def at_end(self) -> bool:
        return self.next.kind is TokenKind.END

    def _take(self) -> Token:
        token, self.next = self.next, next(self._tokens, self.next)
        return token

    def _sign(self, sign: str) -> None:
        if not self.next.is_sign(sign):
            raise self.error(f"expected {sign!r}")
        self._take()

    def any_of(self) -> Expression:
        found = [self._all_of()]
        while self.next.is_word("or"):
            self._take()
            found.append(self._all_of())
        return found[0] if len(found) == 1 else Or(tuple(found))

    def _all_of(self) -> Expression:
        found = [self._one()]
        while self.next.is_word("and"):
            self._take()
            found.append(self._one())
        return found[0] if len(found) == 1 else And(tuple(found))

    def _one(self) -> Expression:
        if self._depth >= MAX_DEPTH:
            raise FilterError(f"expected at most {MAX_DEPTH} levels of NOT and parentheses", self._text, self.next.at)
        self._depth += 1
        try:
            if self.next.is_word("not"):
                self._take()
                return Not(self._one())
            if self.next.is_sign("("):
                self._take()
                inner = self.any_of()
                self._sign(")")
                return inner
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> Expression:
        field = self._field()
        operator = self._take_operator()
        if operator in (*_UNEQUAL, "ne"):
            return Not(Equal(field, self._literal()))
        if operator in (*_EQUAL, "eq"):
            return Equal(field, self._literal())
        if operator == "not":
            operator = self._take_operator(after_not=True)
            return Not(self._like_or_in(field, operator))
        return self._like_or_in(field, operator)

    def _like_or_in(self, field: str, operator: str) -> Expression:
        if operator == "like":
            return Like(field, self._literal())
        self._sign("(")
        texts = [self._literal()]
        while self.next.is_sign(","):
            self._take()
            texts.append(self._literal())
        self._sign(")")
        return In(field, tuple(texts))

    def _field(self) -> str:
        if self.next.kind is not TokenKind.WORD or self.next.is_word(*_KEYWORDS):
            raise self.error("expected a field, NOT or '('")
        name = self.next.value
        named, prefix = self._fields.named, self._fields.prefix
        label = name.removeprefix(prefix)
        is_found = self._fields.found is not None and FOUND.fullmatch(name) is not None
        if name not in named and not is_found and (label == name or not LABEL_NAME.match(label)):
            why = next((f": {why}" for start, why in self._fields.unknown.items() if name.startswith(start)), "")
            more = ", <namespace>.<name> of what enrichment found" if self._fields.found else ""
            raise self.error(f"expected a field ({', '.join(named)}, {prefix}<label>{more}){why}")
        self._take()
        return name

    def _take_operator(self, *, after_not: bool = False) -> str:
        words = ("like", "in") if after_not else ("like", "in", "eq", "ne", "not")
        if self.next.is_word(*words) or (not after_not and self.next.is_sign(*_EQUAL, *_UNEQUAL)):
            return self._take().value.lower()
        raise self.error("expected LIKE or IN" if after_not else "expected =, !=, [NOT] LIKE or [NOT] IN")

    def _literal(self) -> str:
        if self.next.kind is TokenKind.TEXT or (self.next.kind is TokenKind.WORD and not self.next.is_word(*_KEYWORDS)):
            return self._take().value
        raise self.error("expected a text in quotes")


def field_values(name: str, fields: Fields[S]) -> Callable[[S], Sequence[str]]:
    """Return a function that gives a field's values; an absent field has one, "". Raises FilterError."""
    parse(f"{name} = ''", fields)
    return _values(name, fields)


def _test(expression: Expression, fields: Fields[S]) -> Callable[[S], bool]:
    match expression:
        case Equal(field, text):
            values = _values(field, fields)
            return lambda thing: text in values(thing)
        case In(field, texts):
            values, wanted = _values(field, fields), frozenset(texts)
            return lambda thing: not wanted.isdisjoint(values(thing))
        case Like(field, pattern):
            values, fits = _values(field, fields), like(pattern).match
            return lambda thing: any(fits(value) is not None for value in values(thing))
        case Not(of):
            inner = _test(of, fields)
            return lambda thing: not inner(thing)
        case And(several):
            tests = [_test(one, fields) for one in several]
            return lambda thing: all(test(thing) for test in tests)
        case Or(several):
            tests = [_test(one, fields) for one in several]
            return lambda thing: any(test(thing) for test in tests)


def _values(field: str, fields: Fields[S]) -> Callable[[S], Sequence[str]]:
    if field in fields.named:
        return fields.named[field]
    found = fields.found
    if found is not None and not field.startswith(fields.prefix):
        namespace, _, name = field.partition(".")
        return lambda thing: found(thing, namespace, name) or ("",)
    label, labels = field.removeprefix(fields.prefix), fields.labels
    return lambda thing: (labels(thing).get(label, ""),)


def like(pattern: str) -> "re.Pattern[str]":
    """Convert a LIKE pattern to a regular expression that runs in time pattern x text at most.

    Between two `%` the first place that fits is as good as any later one, so the groups are atomic: no way back.
    """
    first, *rest = (re.sub("_", ".", re.escape(part)) for part in pattern.split("%"))
    if not rest:
        return re.compile(rf"{first}\Z", re.DOTALL)
    middle = "".join(f"(?>.*?{part})" for part in rest[:-1] if part)
    return re.compile(rf"{first}{middle}.*{rest[-1]}\Z" if rest[-1] else f"{first}{middle}", re.DOTALL)
