"""Explains one number of one row: the two samples behind it, and the rule that decided."""

from collections.abc import Iterable
from typing import NamedTuple

from schemas.records import Gauge, RawCounters
from streams.gauges.fold.advance import Arrival, State, advance
from streams.gauges.fold.plan import Rules, plan_of
from streams.gauges.fold.rates import cell_of
from streams.gauges.reasons import DOUBT_SEPARATOR, EXPLAINED
from streams.gauges.records.gauge import gauges_of
from streams.gauges.samples.clock import UPTIME_WRAP_CS
from streams.gauges.samples.sample import DecodedSample, from_record


class AskedNumber(NamedTuple):
    """The number to explain."""

    resource: str  #: identity
    group: str
    row: str
    name: str
    slot: int | None = None  #: Unix seconds; None = the newest
    job: str = ""  #: empty = whichever has the group


class SampleReading(NamedTuple):
    """The values of one sample for this number."""

    slot: int  #: Unix seconds
    answered_at_ms: int  #: our clock
    uptime_cs: int | None
    engine_boots: int | None
    discontinuity_cs: int | None
    raw: int | None  #: of a counter, as the device sent it


class Operand(NamedTuple):
    """A number of the same row from which a derived value is computed."""

    name: str
    value: float | None
    words: str  #: why it is absent, or in doubt


class Explanation(NamedTuple):
    """How a number was computed, or why there is none."""

    asked: AskedNumber
    job: str
    interval_s: int
    unit: str
    value: float | None
    words: tuple[str, ...]  #: the reason why it is absent, or the doubts of a number that is there
    before: SampleReading | None  #: None: there was no sample before this one in what was read
    now: SampleReading
    duration_s: float | None  #: that the fold took
    ours_s: float | None  #: between both readings by our clock
    devices_s: float | None  #: by sysUpTime
    slots_s: int | None  #: by the schedule
    passed: int | None  #: what the counter moved by, wraps included
    width: int | None  #: of the counter, bits; None: it is none
    scale: float
    line_rate_bits_per_s: int  #: 0 where it is not known
    most_per_s: float | None  #: the fastest rate that the line can carry, in the unit; None: no bound
    made_of: tuple[Operand, ...]  #: of a derived value
    expression: str  #: likewise

    @property
    def rules(self) -> tuple[str, ...]:
        """Return the meaning of each word, as in docs/gauges.md."""
        return tuple(EXPLAINED.get(word, "the poll's own reason: the device did not give it") for word in self.words)


class NotKept(NamedTuple):
    """The samples behind the number are no longer in Kafka."""

    oldest_slot: int | None  #: of the series; None: there is no sample of it at all
    what: str  #: for people


def explained(samples: Iterable[RawCounters], asked: AskedNumber, rules: Rules) -> Explanation | NotKept:
    """Return how the number was computed; samples are in topic order, and those of other series are ignored.

    Raises RecordError where a sample's columns do not fit one another.
    """
    states: dict[str, State] = {}
    found: tuple[DecodedSample | None, DecodedSample] | None = None
    oldest: int | None = None
    for record in samples:
        if (record.resource, record.group) != asked[:2] or (asked.job and record.job != asked.job):
            continue
        before = states.get(record.job)
        sample = from_record(record)
        step = advance(before, sample, rules)
        states[record.job] = step.state
        oldest = sample.slot if oldest is None else min(oldest, sample.slot)
        if step.arrival is Arrival.NEW and asked.slot in {None, sample.slot}:
            previous = before.last if before is not None else None
            if _has(previous, sample, asked.row):
                found = (previous, sample)
    if found is None:
        return NotKept(oldest, _absence(oldest, asked))
    return _why(*found, asked, rules)


def _absence(oldest: int | None, asked: AskedNumber) -> str:
    if oldest is None:
        return f"raw-counters has no sample of group {asked.group} of {asked.resource} in the time that was read"
    if asked.slot is not None and asked.slot < oldest:
        return f"slot {asked.slot} is before the oldest sample that was read, slot {oldest}"
    at = "any slot" if asked.slot is None else f"slot {asked.slot}"
    return f"there is no row {asked.row!r} in a sample of {at}; the oldest that was read is slot {oldest}"


def _has(before: DecodedSample | None, now: DecodedSample, row: str) -> bool:
    return row in now.shape.fixed.row_keys or (before is not None and row in before.shape.fixed.row_keys)


def _why(before: DecodedSample | None, now: DecodedSample, asked: AskedNumber, rules: Rules) -> Explanation:
    state = None if before is None else State(before, None)
    rows = advance(state, now, rules).rows
    gauges = [] if rows is None else gauges_of(rows)
    gauge = next(each for each in gauges if each.row == asked.row)
    fixed = now.shape.fixed
    word = gauge.missing.get(asked.name) or gauge.confidence.get(asked.name) or ""
    if not word and asked.name not in gauge.gauges:
        word = dict(fixed.absent).get(asked.name, "no-such-metric")
    old = None if before is None else _reading(before, asked)
    new = _reading(now, asked)
    place, row = _place(now, asked.name), now.shape.positions().get(asked.row)
    spec = None if place is None else now.shape.counters[place]
    formula = next((each for each in plan_of(now.shape, rules).derived if each.name == asked.name), None)
    cell = None if place is None or row is None else cell_of(now.shape, place, row, rules.limits)
    return Explanation(
        asked=asked._replace(slot=now.slot),
        job=fixed.job,
        interval_s=fixed.interval_s,
        unit=gauge.units.get(asked.name, ""),
        value=gauge.gauges.get(asked.name),
        words=tuple(word.split(DOUBT_SEPARATOR)) if word else (),
        before=old,
        now=new,
        duration_s=gauge.duration_s,
        ours_s=None if old is None else (new.answered_at_ms - old.answered_at_ms) / 1000,
        devices_s=_uptime_s(old, new),
        slots_s=None if old is None else new.slot - old.slot,
        passed=None if old is None or cell is None else _passed(old.raw, new.raw, cell.width),
        width=None if cell is None else cell.width,
        scale=1.0 if spec is None else spec.scale,
        line_rate_bits_per_s=fixed.line_rates[row] if row is not None and fixed.line_rates else 0,
        most_per_s=None if cell is None or cell.bound.rise == float("inf") else cell.bound.rise,
        made_of=tuple(_operand(gauge, name) for name in (() if formula is None else formula.inputs)),
        expression="" if formula is None or formula.expression is None else formula.expression.text,
    )


def _place(sample: DecodedSample, name: str) -> int | None:
    return next((place for place, spec in enumerate(sample.shape.counters) if spec.name == name), None)


def _reading(sample: DecodedSample, asked: AskedNumber) -> SampleReading:
    row, place = sample.shape.positions().get(asked.row), _place(sample, asked.name)
    lacking = {(part.column, at) for part in sample.missing for at in part.rows}
    offset_ms = 0 if sample.offsets_ms is None or row is None else int(sample.offsets_ms[row])
    reset = None if sample.discontinuities_cs is None or row is None else int(sample.discontinuities_cs[row])
    has = place is not None and row is not None and (asked.name, row) not in lacking
    return SampleReading(
        slot=sample.slot,
        answered_at_ms=sample.polled_at_ms + offset_ms,
        uptime_cs=sample.uptime_cs,
        engine_boots=sample.engine_boots,
        discontinuity_cs=None if reset is None or reset < 0 else reset,
        raw=int(sample.counts[place, row]) if has else None,
    )


def _uptime_s(before: SampleReading | None, now: SampleReading) -> float | None:
    if before is None or before.uptime_cs is None or now.uptime_cs is None:
        return None
    return (now.uptime_cs - before.uptime_cs) % UPTIME_WRAP_CS / 100


def _passed(before: int | None, now: int | None, width: int) -> int | None:
    """Return by how much the counter moved, one wrap of a 32-bit one counted; negative where a 64-bit one fell."""
    if before is None or now is None:
        return None
    return (now - before) % 2**32 if width == 32 else now - before


def _operand(gauge: Gauge, name: str) -> Operand:
    return Operand(name, gauge.gauges.get(name), gauge.missing.get(name) or gauge.confidence.get(name) or "")
