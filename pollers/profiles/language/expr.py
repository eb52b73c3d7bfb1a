"""Parses the expressions of profiles to a tree, by a small grammar of their own; `eval` is never used.

    or      = and {"or" and}                 compare = sum [op sum]    op: == != < <= > >= in, not in, contains
    and     = not {"and" not}                sum     = term {("+"|"-") term}
    not     = "not" not | compare            term    = unary {("*"|"/"|"%") unary}
    power   = atom ["**" unary]              unary   = "-" unary | power
    atom    = number | 'text' | name{.name} | function(args) | (or) | [atom, ...]

Names are columns of the row, `alias.column` of a joined table, or `set.column` of a set of scalars; in the functions
over tables (`AGGREGATES`) they are columns of the table named.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from pollers.profiles.language.patterns import PatternError, compile_pattern

MAX_LENGTH: Final = 1_000
MAX_DEPTH: Final = 40
MAX_OPERATIONS: Final = 100

#: function -> (fewest, most) arguments
FUNCTIONS: Final[dict[str, tuple[int, int]]] = {
    "abs": (1, 1),
    "concat": (1, 8),
    "extract": (2, 2),
    "first": (1, 8),
    "floor": (1, 1),
    "if": (3, 3),
    "lower": (1, 1),
    "max": (2, 8),
    "min": (2, 8),
    "number": (1, 1),
    "only_if": (2, 2),
    "present": (1, 1),
    "round": (1, 2),
    "trim": (1, 1),
}
#: functions over the rows of a table
AGGREGATES: Final[dict[str, tuple[int, int]]] = {
    "avg_of": (1, 2),
    "count": (1, 1),
    "max_of": (1, 2),
    "min_of": (1, 2),
    "sum": (1, 2),
}
_WORDS: Final = {"and", "or", "not", "in", "contains"}
_COMPARE: Final = {"==", "!=", "<", "<=", ">", ">=", "in", "contains"}
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?(?:[eE][-+]?\d{1,3})?)"
    r"|(?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)"
    r"|(?P<text>'[^']*'|\"[^\"]*\")"
    r"|(?P<op>\*\*|==|!=|<=|>=|[-+*/%<>()\[\],]))"
)


class ExpressionError(ValueError):
    """The text is not a valid expression; the message says what was expected, and where."""


@dataclass(frozen=True, slots=True)
class Literal:
    value: float | str


@dataclass(frozen=True, slots=True)
class NameNode:
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Call:
    function: str
    args: "tuple[Tree, ...]"


@dataclass(frozen=True, slots=True)
class OperationNode:
    op: str
    args: "tuple[Tree, ...]"


@dataclass(frozen=True, slots=True)
class ListNode:
    items: tuple[Literal, ...]


Tree: TypeAlias = Literal | NameNode | Call | OperationNode | ListNode


class Expression(NamedTuple):
    text: str
    tree: Tree


def names(tree: Tree) -> Iterator[tuple[str, ...]]:
    """Yield the names that a tree reads, including those inside aggregates."""
    if isinstance(tree, NameNode):
        yield tree.path
    elif isinstance(tree, Call | OperationNode):
        for arg in tree.args:
            yield from names(arg)


def aggregates(tree: Tree) -> Iterator[Call]:
    """Yield the aggregate calls in a tree."""
    if isinstance(tree, Call) and tree.function in AGGREGATES:
        yield tree
    elif isinstance(tree, Call | OperationNode):
        for arg in tree.args:
            yield from aggregates(arg)


def parse(text: str) -> Expression:
    """Parse an expression. Raises ExpressionError."""
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"an expression of at most {MAX_LENGTH} characters")
    parser = _Parser(list(_tokens(text)))
    tree = parser.disjunction(0)
    if parser.peek() is not None:
        raise ExpressionError(f"an operator or the end, not {parser.peek()!r}")
    if sum(1 for _ in _operations(tree)) > MAX_OPERATIONS:
        raise ExpressionError(f"at most {MAX_OPERATIONS} operations")
    return Expression(text, tree)


def _operations(tree: Tree) -> Iterator[Tree]:
    """Yield every call and operation; iterative, since a chain of operators leans to one side without bound."""
    waiting = [tree]
    while waiting:
        here = waiting.pop()
        if isinstance(here, Call | OperationNode):
            yield here
            waiting.extend(here.args)


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise ExpressionError(f"a number, name, 'text' or operator at column {position + 1}")
        position = match.end()
        kind = match.lastgroup or ""
        yield kind, match[kind]


def _check_pattern(text: str) -> None:
    try:
        compile_pattern(text)
    except PatternError as error:
        raise ExpressionError(str(error)) from error


class _Parser:
    """Recursive descent over a list of tokens; `depth` is bounded, so no input exhausts the stack."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0

    def peek(self) -> str | None:
        """Return the next token's text where it is an operator or a word of the grammar."""
        if self._at >= len(self._tokens):
            return None
        kind, text = self._tokens[self._at]
        return f"'{text}" if kind == "text" else text

    def _take(self, *wanted: str) -> str | None:
        if self._at < len(self._tokens):
            kind, text = self._tokens[self._at]
            if text in wanted and kind in {"op", "name"}:
                self._at += 1
                return text
        return None

    def _need(self, wanted: str) -> None:
        if self._take(wanted) is None:
            raise ExpressionError(f"{wanted!r}, not {self.peek() or 'the end'!r}")

    def disjunction(self, depth: int) -> Tree:
        if depth > MAX_DEPTH:
            raise ExpressionError(f"an expression nested at most {MAX_DEPTH} deep")
        tree = self._conjunction(depth)
        while self._take("or"):
            tree = OperationNode("or", (tree, self._conjunction(depth)))
        return tree

    def _conjunction(self, depth: int) -> Tree:
        tree = self._negation(depth)
        while self._take("and"):
            tree = OperationNode("and", (tree, self._negation(depth)))
        return tree

    def _negation(self, depth: int) -> Tree:
        if self._take("not"):
            if depth > MAX_DEPTH:
                raise ExpressionError(f"an expression nested at most {MAX_DEPTH} deep")
            return OperationNode("not", (self._negation(depth + 1),))
        return self._comparison(depth)

    def _comparison(self, depth: int) -> Tree:
        left = self._sum(depth)
        negated = self._take("not") is not None
        op = self._take("in") if negated else self._take(*_COMPARE)
        if op is None:
            if negated:
                raise ExpressionError("'in' after 'not'")
            return left
        tree: Tree = OperationNode(op, (left, self._sum(depth)))
        return OperationNode("not", (tree,)) if negated else tree

    def _sum(self, depth: int) -> Tree:
        tree = self._term(depth)
        while op := self._take("+", "-"):
            tree = OperationNode(op, (tree, self._term(depth)))
        return tree

    def _term(self, depth: int) -> Tree:
        tree = self._unary(depth)
        while op := self._take("*", "/", "%"):
            tree = OperationNode(op, (tree, self._unary(depth)))
        return tree

    def _unary(self, depth: int) -> Tree:
        if depth > MAX_DEPTH:
            raise ExpressionError(f"an expression nested at most {MAX_DEPTH} deep")
        if self._take("-"):
            return OperationNode("negate", (self._unary(depth + 1),))
        tree = self._atom(depth)
        return OperationNode("**", (tree, self._unary(depth + 1))) if self._take("**") else tree

    def _atom(self, depth: int) -> Tree:
        if self._at >= len(self._tokens):
            raise ExpressionError("a number, name or 'text', not the end")
        kind, text = self._tokens[self._at]
        self._at += 1
        if kind == "number":
            if math.isinf(number := float(text)):
                raise ExpressionError(f"a number that fits a double, not {text!r}")
            return Literal(number)
        if kind == "text":
            return Literal(text[1:-1])
        if kind == "name" and text not in _WORDS:
            return self._call(text, depth) if self._take("(") else NameNode(tuple(text.split(".")))
        if text == "(":
            tree = self.disjunction(depth + 1)
            self._need(")")
            return tree
        if text == "[":
            return self._listing(depth)
        raise ExpressionError(f"a number, name or 'text', not {text!r}")

    def _call(self, function: str, depth: int) -> Tree:
        known = FUNCTIONS.get(function) or AGGREGATES.get(function)
        if known is None:
            raise ExpressionError(f"one of the functions {', '.join(sorted(FUNCTIONS | AGGREGATES))}, not {function!r}")
        args = [self.disjunction(depth + 1)]
        while self._take(","):
            args.append(self.disjunction(depth + 1))
        self._need(")")
        fewest, most = known
        if not fewest <= len(args) <= most:
            count = str(fewest) if fewest == most else f"{fewest} to {most}"
            raise ExpressionError(f"{count} arguments for {function}, not {len(args)}")
        if function == "extract" and not (isinstance(args[1], Literal) and isinstance(args[1].value, str)):
            raise ExpressionError("extract(text, 'pattern') with the pattern written out")
        if function == "extract":
            _check_pattern(str(getattr(args[1], "value", "")))
        return Call(function, tuple(args))

    def _listing(self, depth: int) -> Tree:
        items: list[Literal] = []
        while True:
            item = self._atom(depth)
            if not isinstance(item, Literal):
                raise ExpressionError("numbers or 'texts' between [ and ]")
            items.append(item)
            if not self._take(","):
                break
        self._need("]")
        return ListNode(tuple(items))
