"""Every word that a gauge may carry beside its numbers: why a number is absent, and why a present one is in doubt."""

import enum


class NoRate(enum.StrEnum):
    """Why there is no number; the value stands in `missing` of a Gauge and is the label of its metric.

    A cell that the device did not give carries the poll's own reason instead of one of these.
    """

    FIRST_SAMPLE = "first-sample"  #: nothing to compare with: a new series, or its state could not be read
    REBOOT = "reboot"  #: the device has restarted since the last poll
    GAP = "gap"  #: the last poll is too long ago for a mean to say anything
    TOO_SOON = "too-soon"  #: the last poll is so near that the counter's own refresh would be a spike
    CLOCK_STEP = "clock-step"  #: our clock went backwards, and the device's uptime is not known
    AGENT_FROZEN = "agent-frozen"  #: uptime and every counter stood still: the agent answers from memory
    ROW_NEW = "row-new"  #: the row was not in the last poll
    DISCONTINUITY = "discontinuity"  #: the row's ifCounterDiscontinuityTime says that its counters were reset
    PREVIOUS_MISSING = "previous-missing"  #: this cell was missing in the last poll
    COLUMN_CHANGED = "column-changed"  #: width, unit or scale is not what it was: the two numbers do not compare
    RESET = "reset"  #: the counter fell, and that was no wrap
    WRAPPED_TOO_OFTEN = "wrapped-too-often"  #: a 32-bit counter wrapped, and on this line maybe more than once
    ABOVE_LINE_RATE = "above-line-rate"  #: more than the line can carry: no such traffic was there
    OUT_OF_RANGE = "out-of-range"  #: the raw value does not fit the counter's width
    NOT_A_NUMBER = "not-a-number"  #: a level that is NaN or infinite
    LINE_RATE_UNKNOWN = "line-rate-unknown"  #: derived: a share of a speed that is not known
    ZERO_DENOMINATOR = "zero-denominator"  #: derived: a ratio to nothing
    NO_SUCH_METRIC = "no-such-metric"  #: derived: this group of this device lacks an input


class Doubt(enum.StrEnum):
    """Why a present rate is less than certain; several are joined by a plus sign. No doubt = no entry."""

    WRAPPED = "wrapped"  #: the counter passed 2^32 once, and no other number of times fits
    MAY_HAVE_RESET = "may-have-reset"  #: it fell, a wrap fits, but the device's uptime is not known
    MAY_HAVE_WRAPPED = "may-have-wrapped"  #: a 32-bit counter rose, but could have wrapped unseen on this line
    UPTIME_CLOCK = "uptime-clock"  #: our clock stepped; the duration is the device's own
    UPTIME_FROZEN = "uptime-frozen"  #: uptime stood still while counters moved; the duration is ours


DOUBT_SEPARATOR = "+"
