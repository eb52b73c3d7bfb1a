"""Compiles expressions into functions of a row; an absent operand gives an absent result, with the reason."""

import math
import operator
from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeAlias

from pollers.profiles.language.absent import NOT_ANSWERED, Absent, Cell, Reason, first_of
from pollers.profiles.language.expr import (
    AGGREGATES,
    Call,
    Expression,
    ExpressionError,
    ListNode,
    Literal,
    NameNode,
    OperationNode,
    Tree,
)
from pollers.profiles.language.functions import ARITHMETIC, NUMERIC, TEXTUAL, as_text, search
from pollers.profiles.language.patterns import compile_pattern

_NOT_MET: Final = Absent(Reason.NOT_MET)
#: a row's number -> the value there; truth is 1.0 or 0.0
Get: TypeAlias = Callable[[int], Cell]


class Scope(Protocol):
    """Resolves the names of an expression to values."""

    def column(self, path: tuple[str, ...]) -> Get:
        """Return the getter of a column. Raises ExpressionError for a name that stands for nothing."""
        ...

    def rows_of(self, call: Call) -> "tuple[Sequence[int], Scope, Sequence[Tree]]":
        """Return the rows of the table that an aggregate reads, its names, and its arguments.

        Raises ExpressionError.
        """
        ...


def compile_expression(expression: Expression, scope: Scope) -> Get:
    """Compile the expression to a function of the row's number. Raises ExpressionError."""
    return _compile(expression.tree, scope)


def truth(value: Cell) -> bool | Absent:
    """Return whether a value counts as true: a number other than 0, a text that is not empty."""
    return value if isinstance(value, Absent) else bool(value)


def _compile(tree: Tree, scope: Scope) -> Get:
    if isinstance(tree, Literal):
        value = tree.value
        return lambda _row: value
    if isinstance(tree, NameNode):
        return scope.column(tree.path)
    if isinstance(tree, Call):
        return _aggregate(tree, scope) if tree.function in AGGREGATES else _call(tree, scope)
    if isinstance(tree, ListNode):
        raise ExpressionError("a list only behind 'in'")
    return _operation(tree, scope)


def _operation(tree: OperationNode, scope: Scope) -> Get:
    if tree.op in {"in", "contains"}:
        return _membership(tree, scope)
    args = [_compile(arg, scope) for arg in tree.args]
    labels = [_label(arg) for arg in tree.args]
    if tree.op in {"and", "or"}:
        return _logic(args[0], args[1], decisive=tree.op == "or")
    if tree.op == "not":
        return lambda row: value if isinstance(value := truth(args[0](row)), Absent) else float(not value)
    if tree.op in _ORDER:
        return _comparing(tree.op, args[0], args[1], labels)
    if tree.op == "negate":
        return _numeric(lambda value: -value, args, labels)
    return _numeric(ARITHMETIC[tree.op], args, labels)


_ORDER: Final = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _label(tree: Tree) -> str:
    return ".".join(tree.path) if isinstance(tree, NameNode) else ""


def operand(value: Absent, label: str) -> Absent:
    """Return the reason for a value whose operand is absent: the operand's name, or its own reason."""
    return Absent(f"{Reason.MISSING_OPERAND}:{label}") if label else value


def _numeric(function: Callable[..., float], args: Sequence[Get], labels: Sequence[str]) -> Get:
    def get(row: int) -> Cell:
        numbers: list[float] = []
        for arg, label in zip(args, labels, strict=True):
            value = arg(row)
            if isinstance(value, Absent):
                return operand(value, label)
            if isinstance(value, str):
                return Absent(Reason.WRONG_TYPE)
            numbers.append(value)
        try:
            result = float(function(*numbers))
        except ZeroDivisionError:
            return Absent(Reason.DIVISION_BY_ZERO)
        except (OverflowError, ValueError):
            return Absent(Reason.NOT_A_NUMBER)
        return result if math.isfinite(result) else Absent(Reason.NOT_A_NUMBER)

    return get


def _logic(left: Get, right: Get, *, decisive: bool) -> Get:
    """`and`, `or`: the side that decides alone does so even where the other is absent."""

    def get(row: int) -> Cell:
        first = truth(left(row))
        if not isinstance(first, Absent) and first is decisive:
            return float(decisive)
        second = truth(right(row))
        if not isinstance(second, Absent) and second is decisive:
            return float(decisive)
        if isinstance(first, Absent):
            return first
        return second if isinstance(second, Absent) else float(not decisive)

    return get


def _comparing(op: str, left: Get, right: Get, labels: Sequence[str]) -> Get:
    compare = _ORDER[op]

    def get(row: int) -> Cell:
        first, second = left(row), right(row)
        if isinstance(first, Absent):
            return operand(first, labels[0])
        if isinstance(second, Absent):
            return operand(second, labels[1])
        if isinstance(first, str) is not isinstance(second, str):
            return float(op == "!=") if op in {"==", "!="} else Absent(Reason.WRONG_TYPE)
        return float(compare(first, second))

    return get


def _membership(tree: OperationNode, scope: Scope) -> Get:
    left, right = tree.args
    value_of = _compile(left, scope)
    label = _label(left)
    if isinstance(right, ListNode):
        if tree.op == "contains":
            raise ExpressionError("a text behind 'contains'")
        wanted = frozenset(item.value for item in right.items)
        return lambda row: (
            operand(value, label) if isinstance(value := value_of(row), Absent) else float(value in wanted)
        )
    other = _compile(right, scope)

    def get(row: int) -> Cell:
        first, second = value_of(row), other(row)
        if isinstance(first, Absent) or isinstance(second, Absent):
            return operand(first, label) if isinstance(first, Absent) else operand(second, _label(right))  # type: ignore[arg-type]
        inner, outer = (first, second) if tree.op == "in" else (second, first)
        if not isinstance(inner, str) or not isinstance(outer, str):
            return Absent(Reason.WRONG_TYPE)
        return float(inner in outer)

    return get


def _call(tree: Call, scope: Scope) -> Get:
    args = [_compile(arg, scope) for arg in tree.args[: 1 if tree.function == "extract" else None]]
    labels = [_label(arg) for arg in tree.args]
    match tree.function:
        case "if" | "first" | "only_if" | "present":
            return _OF_ABSENT[tree.function](args)
        case "extract":
            return _extract(args[0], tree.args[1])
        case "lower" | "trim" | "concat" | "number":
            return _textual(TEXTUAL[tree.function], args, labels)
        case _:
            return _numeric(NUMERIC[tree.function], args, labels[: len(args)])


def _textual(function: Callable[..., float | str], args: Sequence[Get], labels: Sequence[str]) -> Get:
    def get(row: int) -> Cell:
        values: list[float | str] = []
        for arg, label in zip(args, labels, strict=True):
            value = arg(row)
            if isinstance(value, Absent):
                return operand(value, label)
            values.append(value)
        try:
            result = function(*values)
        except OverflowError:
            return Absent(Reason.TOO_LONG)
        except ValueError:
            return Absent(Reason.NOT_A_NUMBER)
        return Absent(Reason.NOT_A_NUMBER) if isinstance(result, float) and not math.isfinite(result) else result

    return get


def _choice(args: Sequence[Get]) -> Get:
    def get(row: int) -> Cell:
        chosen = truth(args[0](row))
        return chosen if isinstance(chosen, Absent) else args[1](row) if chosen else args[2](row)

    return get


def _only_if(args: Sequence[Get]) -> Get:
    value_of, condition = args

    def get(row: int) -> Cell:
        met = truth(condition(row))
        return met if isinstance(met, Absent) else value_of(row) if met else _NOT_MET

    return get


def _first(args: Sequence[Get]) -> Get:
    def get(row: int) -> Cell:
        value: Cell = NOT_ANSWERED
        for arg in args:
            value = first_of(value, arg(row))
            if not isinstance(value, Absent):
                return value
        return value

    return get


def _present(args: Sequence[Get]) -> Get:
    return lambda row: float(not isinstance(args[0](row), Absent))


#: functions that need not be absent where one of their arguments is
_OF_ABSENT: Final = {"if": _choice, "first": _first, "only_if": _only_if, "present": _present}


def _extract(text_of: Get, pattern_tree: Tree) -> Get:
    # that it is one, and none that could run away, was checked when the expression was parsed
    pattern = compile_pattern(str(pattern_tree.value) if isinstance(pattern_tree, Literal) else "")

    def get(row: int) -> Cell:
        value = text_of(row)
        return value if isinstance(value, Absent) else search(pattern, as_text(value))

    return get


def _aggregate(tree: Call, scope: Scope) -> Get:
    rows, inner, args = scope.rows_of(tree)
    getters = [_compile(arg, inner) for arg in args]

    def compute() -> Cell:
        if not rows:
            return Absent(Reason.NO_ROWS)
        values = [getters[0](row) for row in rows if len(getters) == 1 or truth(getters[1](row)) is True]
        if tree.function == "count":
            return float(sum(1 for value in values if truth(value) is True))
        numbers = [value for value in values if not isinstance(value, Absent | str)]
        if tree.function == "sum":
            return float(sum(numbers)) if numbers or not values else Absent(Reason.NO_ROWS)
        if not numbers:
            return Absent(Reason.NO_ROWS)
        if tree.function == "avg_of":
            return sum(numbers) / len(numbers)
        return float(max(numbers) if tree.function == "max_of" else min(numbers))

    known: list[Cell] = []

    def get(_row: int) -> Cell:
        if not known:
            known.append(compute())
        return known[0]

    return get
