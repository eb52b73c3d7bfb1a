"""Derived values, worked out for all rows at once; one is as absent, and as doubtful, as what it is made of."""

import math
from typing import NoReturn

import numpy as np

from pollers.profiles.absent import Absent, Cell, Reason
from pollers.profiles.evaluate import Get, compile_expression
from pollers.profiles.expr import Call, ExpressionError
from schemas.errors import RecordError
from streams.gauges.findings import Findings
from streams.gauges.plan import DerivedPlan, Formula
from streams.gauges.sample import Numbers
from streams.gauges.words import NoRate


def add_derived(found: Findings) -> None:
    """Add every derived value of the plan, in order: a later one may be made of an earlier one."""
    first = len(found.plan.names) - len(found.plan.derived)
    for position, value in enumerate(found.plan.derived, start=first):
        if isinstance(value, Formula):
            absent = _evaluate_formula(found, position, value)
        else:
            found.numbers[position] = _evaluate(found.numbers, value)
            absent = np.flatnonzero(~np.isfinite(found.numbers[position])).tolist()
            for row in absent:
                found.numbers[position, row] = np.nan
                found.why(row, value.name, _reason(found, value, row))
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
        numbers = self._found.numbers[self._formula.places[name]]

        def get(row: int) -> Cell:
            number = float(numbers[row])
            return Absent(self._found.reason(row, name) or NoRate.NO_SUCH_METRIC) if math.isnan(number) else number

        return get

    def rows_of(self, call: Call) -> NoReturn:
        raise ExpressionError(f"no {call.function} among the rates of one row")


def _evaluate_formula(found: Findings, position: int, formula: Formula) -> list[int]:
    """Work out a value that came with the sample, and return the rows that do not have it."""
    try:
        get = compile_expression(formula.expression, _Numbers(found, formula))
    except ExpressionError as error:
        raise RecordError(f"derived value {formula.name!r}: expected {error}") from error
    absent: list[int] = []
    for row in range(found.numbers.shape[1]):
        cell = get(row)
        if isinstance(cell, Absent | str):
            absent.append(row)
            reason = cell.reason if isinstance(cell, Absent) else Reason.WRONG_TYPE
            found.why(row, formula.name, _of_operand(found, row, reason))
            found.numbers[position, row] = np.nan
        else:
            found.numbers[position, row] = cell
    return absent


def _of_operand(found: Findings, row: int, reason: str) -> str:
    """Return the operand's own reason where an operand is what is missing."""
    kind, _, name = reason.partition(":")
    return found.reason(row, name) or reason if kind == Reason.MISSING_OPERAND else reason


def _evaluate(numbers: Numbers, value: DerivedPlan) -> Numbers:
    if value.over is None:
        return np.full(numbers.shape[1], np.nan)
    over: Numbers = numbers[list(value.over)].sum(axis=0)
    under = numbers[list(value.under)].sum(axis=0) if value.divisor is None else value.divisor
    with np.errstate(divide="ignore", invalid="ignore"):
        return over / under


def _reason(found: Findings, value: DerivedPlan, row: int) -> str:
    if value.over is None:
        return NoRate.NO_SUCH_METRIC
    for name in value.inputs:
        if (reason := found.reason(row, name)) is not None:
            return reason
    return NoRate.LINE_RATE_UNKNOWN if value.divisor is not None else NoRate.ZERO_DENOMINATOR
