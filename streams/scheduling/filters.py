"""The resource filter: the reference's SQL-like language, from a text to a function over resources.

    filter     := any | (nothing: every resource)
    any        := all { OR all }
    all        := one { AND one }
    one        := NOT one | ( any ) | comparison
    comparison := field ( = | == | eq | != | <> | ne ) text
                | field [NOT] LIKE text          % any characters, _ one character
                | field [NOT] IN ( text {, text} )
    field      := resource_site | resource_class | resource_subclass | resource_type | resource_id
                | resource_endpoint | resource_plugin | resource_metadata.<label>
    text       := '...' or "...", the quote doubled inside; a bare word or number too

Keywords and operators in words are case-insensitive; comparisons are not. A label that a resource lacks reads as "".
`resource_plugin` has as many values as plugins saw the resource; it compares as any of them.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from schemas.records import LABEL_NAME, Resource
from streams.scheduling.filter_tokens import FilterError, Kind, Token, tokens

__all__ = ["FIELDS", "And", "Equal", "Expression", "FilterError", "In", "Like", "Not", "Or", "compile_filter", "parse"]

MAX_DEPTH: Final = 50
METADATA: Final = "resource_metadata."
FIELDS: Final[Mapping[str, Callable[[Resource], Sequence[str]]]] = {
    "resource_site": lambda resource: (resource.site,),
    "resource_class": lambda resource: (resource.resource_class,),
    "resource_subclass": lambda resource: (resource.resource_subclass,),
    "resource_type": lambda resource: (resource.resource_type,),
    "resource_id": lambda resource: (resource.resource_id,),
    "resource_endpoint": lambda resource: (resource.endpoint,),
    "resource_plugin": lambda resource: resource.plugins,
}
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
Test: TypeAlias = Callable[[Resource], bool]


def compile_filter(text: str) -> Test:
    """Return whether a resource fits the filter, as a function; an empty filter fits all. Raises FilterError."""
    expression = parse(text)
    return _test(expression) if expression is not None else lambda _resource: True


def parse(text: str) -> Expression | None:
    """Return the filter as a tree, or None for an empty one. Raises FilterError."""
    parser = _Parser(text)
    if parser.at_end():
        return None
    expression = parser.any_of()
    if not parser.at_end():
        raise parser.error("expected AND, OR or the end")
    return expression


class _Parser:
    """Recursive descent, one method per rule of the module's grammar."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens(text)
        self._depth = 0
        self.next = next(self._tokens)

    def error(self, expected: str) -> FilterError:
        return FilterError(f"{expected}, found {self.next}", self._text, self.next.at)

    def at_end(self) -> bool:
        return self.next.kind is Kind.END

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
        if self.next.kind is not Kind.WORD or self.next.is_word(*_KEYWORDS):
            raise self.error("expected a field, NOT or '('")
        name = self.next.value
        label = name.removeprefix(METADATA)
        if name not in FIELDS and (label == name or not LABEL_NAME.match(label)):
            raise self.error(f"expected a field ({', '.join(FIELDS)}, {METADATA}<label>)")
        self._take()
        return name

    def _take_operator(self, *, after_not: bool = False) -> str:
        words = ("like", "in") if after_not else ("like", "in", "eq", "ne", "not")
        if self.next.is_word(*words) or (not after_not and self.next.is_sign(*_EQUAL, *_UNEQUAL)):
            return self._take().value.lower()
        raise self.error("expected LIKE or IN" if after_not else "expected =, !=, [NOT] LIKE or [NOT] IN")

    def _literal(self) -> str:
        if self.next.kind is Kind.TEXT or (self.next.kind is Kind.WORD and not self.next.is_word(*_KEYWORDS)):
            return self._take().value
        raise self.error("expected a text in quotes")


def _test(expression: Expression) -> Test:
    match expression:
        case Equal(field, text):
            values = _values(field)
            return lambda resource: text in values(resource)
        case In(field, texts):
            values, wanted = _values(field), frozenset(texts)
            return lambda resource: not wanted.isdisjoint(values(resource))
        case Like(field, pattern):
            values, fits = _values(field), like(pattern).match
            return lambda resource: any(fits(value) is not None for value in values(resource))
        case Not(of):
            inner = _test(of)
            return lambda resource: not inner(resource)
        case And(several):
            tests = [_test(one) for one in several]
            return lambda resource: all(test(resource) for test in tests)
        case Or(several):
            tests = [_test(one) for one in several]
            return lambda resource: any(test(resource) for test in tests)


def _values(field: str) -> Callable[[Resource], Sequence[str]]:
    if field in FIELDS:
        return FIELDS[field]
    label = field.removeprefix(METADATA)
    return lambda resource: (resource.labels.get(label, ""),)


def like(pattern: str) -> "re.Pattern[str]":
    """Return a LIKE pattern as a regular expression that takes no longer than pattern times text, whatever they are.

    Between two `%` the first place that fits is as good as any later one, so the groups are atomic: no way back.
    """
    first, *rest = (re.sub("_", ".", re.escape(part)) for part in pattern.split("%"))
    if not rest:
        return re.compile(rf"{first}\Z", re.DOTALL)
    middle = "".join(f"(?>.*?{part})" for part in rest[:-1] if part)
    return re.compile(rf"{first}{middle}.*{rest[-1]}\Z" if rest[-1] else f"{first}{middle}", re.DOTALL)
