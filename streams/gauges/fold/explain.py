"""Explains a step of the fold in words: what was measured, what is missing and why."""

import datetime as dt
from collections.abc import Iterator

from schemas.records import Gauge
from streams.gauges.fold.advance import Arrival, State, Step
from streams.gauges.reasons import DOUBT_SEPARATOR, EXPLAINED, NoRate
from streams.gauges.samples.sample import DecodedSample


def explain(before: State | None, step: Step, sample: DecodedSample, gauges: list[Gauge]) -> Iterator[str]:
    """Yield lines that explain the step for a sample."""
    fixed = sample.shape.fixed
    yield f"{fixed.resource} {fixed.group} slot {sample.slot}{_when(sample.slot)}: {_arrival(before, step)}"
    units = {spec.name: f" {spec.unit}/s" for spec in sample.shape.counters}
    units |= {name: f" {unit}" for name, unit in zip(sample.shape.levels, sample.shape.level_units, strict=True)}
    for name in () if step.rows is None else step.rows.taken:
        yield f"  {name}: {_words(NoRate.NAME_TAKEN)}"
    for gauge in gauges:
        over = "" if gauge.duration_s is None else f" (rates over {gauge.duration_s:.3f} s)"
        yield f"  {gauge.row}{over}"
        for name, number in gauge.gauges.items():
            doubt = gauge.confidence.get(name)
            yield f"    {name} = {number:.6g}{units.get(name, '')}{'' if doubt is None else f'  [{_words(doubt)}]'}"
        for name, text in gauge.states.items():
            yield f"    {name} is {text}"
        for name, reason in gauge.missing.items():
            yield f"    {name}: no value: {_words(reason)}"


def _when(slot: int) -> str:
    """Return the time of a slot, or nothing for one that no calendar has: it may stand in milliseconds."""
    try:
        return dt.datetime.fromtimestamp(slot, tz=dt.UTC).strftime(" (%Y-%m-%d %H:%M:%S UTC)")
    except (ValueError, OverflowError, OSError):
        return ""


def _arrival(before: State | None, step: Step) -> str:
    if step.arrival is Arrival.LATE and before is not None:
        return f"late, the last slot is {before.last.slot} already: nothing is made of it"
    if step.arrival is Arrival.REPLAYED:
        return "this slot is known: the gauges of the sample that came first are given again"
    return "first of its series" if before is None else f"after slot {before.last.slot}"


def _words(words: str) -> str:
    return "; ".join(
        f"{word}: {EXPLAINED[word]}" if word in EXPLAINED else word for word in words.split(DOUBT_SEPARATOR)
    )
