"""Derived values, worked out for all rows at once; one is as absent, and as doubtful, as what it is made of."""

import numpy as np

from streams.gauges.findings import Findings
from streams.gauges.plan import DerivedPlan
from streams.gauges.sample import Numbers
from streams.gauges.words import NoRate


def add_derived(found: Findings) -> None:
    """Add every derived value of the plan, in order: a later one may be made of an earlier one."""
    first = len(found.plan.names) - len(found.plan.derived)
    for position, value in enumerate(found.plan.derived, start=first):
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
