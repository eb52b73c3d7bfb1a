"""What a poll no longer has: the rows and columns of its predecessor whose series end here."""

from streams.gauges.fold.findings import Findings, Gone
from streams.gauges.fold.plan import Rules, plan_of
from streams.gauges.reasons import NoRate
from streams.gauges.samples.sample import DecodedSample


def add_ends(found: Findings, before: DecodedSample, rules: Rules) -> None:
    """Say which rows are gone, and once in each row why a column that it had is none of the agent's now.

    A poll whose rows are not complete ends none: a row that it lacks may still be there.
    """
    old = before.shape
    had = {*(spec.name for spec in old.counters), *old.levels, *old.states}
    for name, reason in found.now.shape.fixed.absent:
        if name in had:
            for row in range(found.now.shape.rows):
                found.why(row, name, reason)
    if not found.now.complete or found.now.shape.fixed.row_keys == old.fixed.row_keys:
        return
    plan = plan_of(old, rules)
    missing = tuple((name, str(NoRate.ROW_GONE)) for name in (*plan.names, *old.states))
    unknown = {(part.column, row) for part in before.missing for row in part.rows}
    there = found.now.shape.positions()
    found.gone = tuple(
        Gone(
            row=key,
            dimensions=tuple(
                (name, values[row]) for name, values in old.fixed.dimensions if (name, row) not in unknown
            ),
            units=plan.units,
            missing=missing,
        )
        for key, row in old.positions().items()
        if key not in there
    )
