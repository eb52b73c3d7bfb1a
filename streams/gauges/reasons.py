"""The reasons for absent numbers, and the doubts about present ones."""

import enum
from collections.abc import Mapping
from typing import Final


class NoRate(enum.StrEnum):
    """The reason for which a number is absent; stands in `missing` of a Gauge, and is the label of its metric.

    A cell that the device did not give carries the poll's own reason instead of one of these.
    """

    FIRST_SAMPLE = "first-sample"
    REBOOT = "reboot"
    GAP = "gap"
    TOO_SOON = "too-soon"
    CLOCK_STEP = "clock-step"
    AGENT_FROZEN = "agent-frozen"
    ROW_NEW = "row-new"
    ROW_GONE = "row-gone"
    DISCONTINUITY = "discontinuity"
    PREVIOUS_MISSING = "previous-missing"
    COLUMN_CHANGED = "column-changed"
    COUNTER_FROZEN = "counter-frozen"
    RESET = "reset"
    WRAPPED_TOO_OFTEN = "wrapped-too-often"
    ABOVE_LINE_RATE = "above-line-rate"
    OUT_OF_RANGE = "out-of-range"
    NOT_A_NUMBER = "not-a-number"
    LINE_RATE_UNKNOWN = "line-rate-unknown"
    DIVISION_BY_ZERO = "division-by-zero"
    NO_SUCH_METRIC = "no-such-metric"
    WRONG_UNIT = "wrong-unit"
    BAD_EXPRESSION = "bad-expression"
    NAME_TAKEN = "name-taken"


class Doubt(enum.StrEnum):
    """The reason for which a present rate is uncertain; several are joined by a plus sign. No doubt = no entry."""

    WRAPPED = "wrapped"
    MAY_HAVE_RESET = "may-have-reset"
    MAY_HAVE_WRAPPED = "may-have-wrapped"
    UPTIME_CLOCK = "uptime-clock"
    UPTIME_FROZEN = "uptime-frozen"
    UPTIME_DISAGREES = "uptime-disagrees"
    MAY_HAVE_STEPPED = "may-have-stepped"


DOUBT_SEPARATOR: Final = "+"

#: every word in words
EXPLAINED: Final[Mapping[str, str]] = {
    NoRate.FIRST_SAMPLE: "nothing to compare with: a new series, or its state could not be read",
    NoRate.REBOOT: "the device has restarted since the last poll",
    NoRate.GAP: "the last poll is too long ago for a mean to say anything",
    NoRate.TOO_SOON: "the last poll is so near that the counter's own refresh would be a spike",
    NoRate.CLOCK_STEP: "our clock went backwards, and the device's uptime is not known",
    NoRate.AGENT_FROZEN: "uptime and every counter stood still: the agent answers from memory",
    NoRate.ROW_NEW: "the row was not in the last poll",
    NoRate.ROW_GONE: "the row was in the last poll, and is in this one no more",
    NoRate.DISCONTINUITY: "the row's ifCounterDiscontinuityTime says that its counters were reset",
    NoRate.PREVIOUS_MISSING: "this cell was missing in the last poll",
    NoRate.COLUMN_CHANGED: "width, unit or scale is not what it was: the two numbers do not compare",
    NoRate.COUNTER_FROZEN: "octets stood still while packets of the same way moved: a zero would be false",
    NoRate.RESET: "the counter fell, and that was no wrap",
    NoRate.WRAPPED_TOO_OFTEN: "a 32-bit counter wrapped, and on this line maybe more than once",
    NoRate.ABOVE_LINE_RATE: "more than the line can carry: no such traffic was there",
    NoRate.OUT_OF_RANGE: "the raw value does not fit the counter's width",
    NoRate.NOT_A_NUMBER: "a level that is NaN or infinite, or a value past what a double holds",
    NoRate.LINE_RATE_UNKNOWN: "derived: a share of a speed that is not known",
    NoRate.DIVISION_BY_ZERO: "derived: a ratio to nothing",
    NoRate.NO_SUCH_METRIC: "derived: this group of this device lacks an input",
    NoRate.WRONG_UNIT: "derived: a share of a line's speed is of a counter of octets or bits, and this is none",
    NoRate.BAD_EXPRESSION: "derived: the expression that came with the sample cannot be worked out",
    NoRate.NAME_TAKEN: "derived: left out, since something else of the row has its name",
    Doubt.WRAPPED: "the counter passed 2^32; once, unless it may have wrapped unseen too",
    Doubt.MAY_HAVE_RESET: "it fell, a wrap fits, but nothing says that the device did not restart",
    Doubt.MAY_HAVE_WRAPPED: "a 32-bit counter that could have wrapped unseen on this line",
    Doubt.UPTIME_CLOCK: "our clock stepped, by uptime and the slots; the duration is the device's own",
    Doubt.UPTIME_FROZEN: "uptime stood still while counters moved; the duration is ours",
    Doubt.UPTIME_DISAGREES: "uptime moved otherwise than our clock, and the slots are with ours: the duration is ours",
    Doubt.MAY_HAVE_STEPPED: "uptime is not known, and our clock moved otherwise than the slots: it stepped, or a poll "
    "was late",
}
