"""`advance`: the one fold from samples to gauges. The state is the last two samples of a series.

Two, so that a replayed slot is answered from the same predecessor, byte for byte; of a slot's samples the first that
was stored counts. So a series may be replayed from any point without changing what it gives.
"""

import enum
from collections import Counter
from typing import NamedTuple

from streams.gauges.fold.compare import compare
from streams.gauges.fold.ends import add_ends
from streams.gauges.fold.evaluate import add_derived
from streams.gauges.fold.findings import Findings, Rows
from streams.gauges.fold.plan import Rules, plan_of
from streams.gauges.reasons import NoRate
from streams.gauges.samples.clock import between
from streams.gauges.samples.sample import DecodedSample


class State(NamedTuple):
    last: DecodedSample
    prior: DecodedSample | None


class Arrival(enum.StrEnum):
    """How a sample stands to what is known of its series; the label of its metric."""

    NEW = "new"
    REPLAYED = "replayed"  #: its slot is the last one: the gauges of the stored sample are given again
    LATE = "late"  #: its slot is before the last one: no record


class Step(NamedTuple):
    rows: Rows | None  #: None: nothing is to be published
    state: State
    arrival: Arrival

    def counts(self) -> Counter[str]:
        """Return how often each reason and each doubt was given, for the metrics; `name-taken` once per row too."""
        if self.rows is None:
            return Counter()
        gone = (row.missing for row in self.rows.gone)
        words = (*self.rows.missing.values(), *self.rows.doubts.values(), *gone)
        counts: Counter[str] = Counter(word for row in words for _, word in row)
        if self.rows.taken:
            counts[NoRate.NAME_TAKEN] += len(self.rows.taken) * self.rows.sample.shape.rows
        return counts


def advance(state: State | None, sample: DecodedSample, rules: Rules) -> Step:
    """Return the gauges of a sample and the new state."""
    if state is None:
        return Step(rows_of(None, sample, rules), State(sample, None), Arrival.NEW)
    if sample.slot < state.last.slot:
        return Step(None, state, Arrival.LATE)
    if sample.slot == state.last.slot:
        return Step(rows_of(state.prior, state.last, rules), state, Arrival.REPLAYED)
    return Step(rows_of(state.last, sample, rules), State(sample, state.last), Arrival.NEW)


def rows_of(before: DecodedSample | None, now: DecodedSample, rules: Rules) -> Rows:
    """Return the gauges of a sample and its predecessor."""
    found = Findings(now, plan_of(now.shape, rules))
    if before is None:
        found.no_rates(NoRate.FIRST_SAMPLE, range(now.shape.rows))
    elif isinstance(span := between(before.moment, now.moment, now.shape.fixed.interval_s, rules.limits), NoRate):
        found.no_rates(span, range(now.shape.rows))
    else:
        compare(found, before, span, rules.limits)
    if before is not None and before.shape is not now.shape:
        add_ends(found, before, rules)
    found.blank()
    if found.plan.derived:
        add_derived(found)
    return found.rows()
