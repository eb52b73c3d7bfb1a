"""Derived values, worked out for all rows at once; one is as absent, and as doubtful, as what it is made of."""

import math
from typing import NoReturn

import numpy as np

from pollers.profiles.language.absent import Absent, Cell, Reason
from pollers.profiles.language.evaluate import Get, compile_expression
from pollers.profiles.language.expr import Call, ExpressionError
from streams.gauges.fold.findings import Findings
from streams.gauges.fold.plan import DerivedPlan, Formula
from streams.gauges.reasons import NoRate


def add_derived(found: Findings) -> None:
    """Add every derived value of the plan, in order: a later one may be made of an earlier one."""
    first = len(found.plan.names) - len(found.plan.derived)
    for position, value in enumerate(found.plan.derived, start=first):
        if isinstance(value, Formula):
            absent = _evaluate_formula(found, position, value)
        else:
            absent = _evaluate_declared(found, position, value)
        for row in found.doubtful() - set(absent):
            for name in value.inputs:
                if (doubt := found.doubt(row, name)) is not None:
                    found.add_doubt(row, value.name, doubt)
                    break


class _Numbers:
    """The numbers of one poll as the names of an expression."""

    def __init__(self, found: Findings, formula: Formula) -> None:
        self._found = found
        self._formula = formula

    def column(self, path: tuple[str, ...]) -> Get:
        name = ".".join(path)
        if name not in self._formula.places:
            return lambda _row: Absent(self._found.lacking(name))
        numbers = self._found.numbers[self._formula.places[name]]

        def get(row: int) -> Cell:
            number = float(numbers[row])
            return Absent(self._found.reason(row, name) or NoRate.NO_SUCH_METRIC) if math.isnan(number) else number

        return get

    def rows_of(self, call: Call) -> NoReturn:
        raise ExpressionError(f"no {call.function} among the rates of one row")


def _evaluate_formula(found: Findings, position: int, formula: Formula) -> list[int]:
    """Work out a value that came with the sample, and return the rows that do not have it."""
    rows = range(found.numbers.shape[1])
    get = _compiled(found, formula)
    absent: list[int] = []
    for row in rows:
        cell = get(row)
        if isinstance(cell, Absent | str):
            absent.append(row)
            reason = cell.reason if isinstance(cell, Absent) else Reason.WRONG_TYPE
            found.why(row, formula.name, _of_operand(found, formula, row, reason))
            found.numbers[position, row] = np.nan
        else:
            found.numbers[position, row] = cell
    return absent


def _compiled(found: Findings, formula: Formula) -> Get:
    try:
        if formula.expression is not None:
            return compile_expression(formula.expression, _Numbers(found, formula))
    except ExpressionError:  # it reads, but asks for what rates of one row cannot say
        pass
    return lambda _row: Absent(NoRate.BAD_EXPRESSION)


def _of_operand(found: Findings, formula: Formula, row: int, reason: str) -> str:
    """Return the operand's own reason where an operand is what is missing."""
    kind, _, name = reason.partition(":")
    if kind != Reason.MISSING_OPERAND:
        return reason
    return found.reason(row, name) or (reason if name in formula.places else found.lacking(name))


def _evaluate_declared(found: Findings, position: int, value: DerivedPlan) -> list[int]:
    """Work out a value that the configuration declares, and return the rows that do not have it."""
    numbers = found.numbers
    if value.absent is not None:
        numbers[position] = np.nan
        for row in range(numbers.shape[1]):
            found.why(row, value.name, value.absent)
        return list(range(numbers.shape[1]))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        over = numbers[list(value.over)].sum(axis=0)
        under = numbers[list(value.under)].sum(axis=0) if value.divisor is None else value.divisor
        numbers[position] = over / under
    absent: list[int] = np.flatnonzero(~np.isfinite(numbers[position])).tolist()
    for row in absent:
        numbers[position, row] = np.nan
        found.why(row, value.name, _reason(found, value, row, float(under[row])))
    return absent


def _reason(found: Findings, value: DerivedPlan, row: int, under: float) -> str:
    for name in value.inputs:
        if (reason := found.reason(row, name)) is not None:
            return reason
    if value.divisor is not None and math.isnan(under):
        return NoRate.LINE_RATE_UNKNOWN
    return NoRate.NOT_A_NUMBER if under else NoRate.ZERO_DENOMINATOR
