"""Computes derived values for all rows of a poll; each inherits the gaps and doubts of its operands.

The evaluator of profiles' expressions says what is right, row by row. Where an expression is plain arithmetic, whole
columns give the same numbers at once, and it is asked only for the rows that come out without one.
"""

from typing import Final, NoReturn

import numpy as np

from pollers.profiles.language.absent import Absent, Cell, Reason
from pollers.profiles.language.evaluate import Get, compile_expression
from pollers.profiles.language.expr import Call, ExpressionError, Literal, NameNode, OperationNode, Tree
from pollers.profiles.language.functions import ARITHMETIC
from streams.gauges.fold.derived import Formula
from streams.gauges.fold.findings import Findings
from streams.gauges.reasons import NoRate
from streams.gauges.samples.sample import Numbers

#: operators in which a NaN stays one
_PLAIN: Final = frozenset("+-*/")


def add_derived(found: Findings) -> None:
    """Add every derived value of the plan, in order: later ones may use earlier ones."""
    first = len(found.plan.names) - len(found.plan.derived)
    for position, formula in enumerate(found.plan.derived, start=first):
        values = _RowValues(found, formula)
        numbers = found.numbers[position]
        with np.errstate(all="ignore"):
            whole = None if formula.expression is None else values.whole(formula.expression.tree)
        numbers[:] = np.nan if whole is None else whole
        if not np.isfinite(numbers).all():
            _ask_for_rows(found, numbers, values)
        for row in found.doubtful():
            doubt = next(filter(None, (found.doubt(row, name) for name in formula.inputs)), None)
            if doubt is not None and not np.isnan(numbers[row]):
                found.add_doubt(row, formula.name, doubt)


def _ask_for_rows(found: Findings, numbers: Numbers, values: "_RowValues") -> None:
    """Work out the rows that have no finite number yet, and say why there is none."""
    get = values.compiled()
    for row in np.flatnonzero(~np.isfinite(numbers)).tolist():
        cell = get(row)
        if isinstance(cell, Absent | str):
            numbers[row] = np.nan
            found.why(row, values.formula.name, values.reason(cell, row))
        else:
            numbers[row] = cell


class _RowValues:
    """The numbers of one poll, and the speeds of its lines, as the names of an expression."""

    def __init__(self, found: Findings, formula: Formula) -> None:
        self.formula: Final = formula
        self._found: Final = found
        self._columns: Final = {
            **{name: found.numbers[place] for name, place in formula.places.items()},
            **{name: speeds for name, speeds in formula.speeds.items() if not isinstance(speeds, NoRate)},
        }

    def whole(self, tree: Tree) -> Numbers | float | None:
        """Return plain arithmetic for all rows, not finite where there is no number; None of any other expression."""
        match tree:
            case Literal(float(value)):
                return np.float64(value)
            case NameNode(path):
                return self._columns.get(".".join(path))
            case OperationNode(op, (left_tree, right_tree)) if op in _PLAIN:
                left, right = self.whole(left_tree), self.whole(right_tree)
                if left is None or right is None:
                    return None
                if op == "/" and isinstance(right_tree, OperationNode):  # nothing is left of what is infinite
                    right = np.where(np.isfinite(right), right, np.nan)
                return np.asarray(ARITHMETIC[op](left, right))
        return None

    def compiled(self) -> Get:
        try:
            if self.formula.expression is not None:
                return compile_expression(self.formula.expression, self)
        except ExpressionError:  # it reads, but asks for what rates of one row cannot say
            pass
        return lambda _row: Absent(NoRate.BAD_EXPRESSION)

    def column(self, path: tuple[str, ...]) -> Get:
        name = ".".join(path)
        if name not in self._columns:
            why = self.formula.speeds.get(name) or self._found.lacking(name)
            return lambda _row: Absent(str(why))
        numbers = self._columns[name]
        unknown = NoRate.LINE_RATE_UNKNOWN if name in self.formula.speeds else NoRate.NO_SUCH_METRIC

        def get(row: int) -> Cell:
            number = float(numbers[row])
            return Absent(self._found.reason(row, name) or unknown) if np.isnan(number) else number

        return get

    def rows_of(self, call: Call) -> NoReturn:
        raise ExpressionError(f"no {call.function} among the rates of one row")

    def reason(self, cell: Absent | str, row: int) -> str:
        """Return why there is no number; where an operand is what is missing, the operand's own reason."""
        if isinstance(cell, str):
            return Reason.WRONG_TYPE
        kind, _, name = cell.reason.partition(":")
        if kind != Reason.MISSING_OPERAND:
            return cell.reason
        operand = self.column(tuple(name.split(".")))(row)
        return operand.reason if isinstance(operand, Absent) else cell.reason
