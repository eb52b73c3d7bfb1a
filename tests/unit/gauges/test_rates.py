"""One counter of one row: what two readings say."""

import math

import pytest

from streams.gauges.fold.rates import Cell, Circumstances, Rate, rate
from streams.gauges.limits import Bound, RateLimits, bound
from streams.gauges.reasons import Doubt, NoRate

KNOWN = Circumstances()
OPEN_32 = Bound(math.inf, math.inf, -math.inf)
GBIT = bound("octets", 10**9, RateLimits())
FAST = bound("octets", 10**11, RateLimits())
NO_LINE = bound("octets", 0, RateLimits())
ERRORS = bound("errors", 10**9, RateLimits())


@pytest.mark.parametrize(
    ("before", "now", "cell", "known", "expected"),
    [
        pytest.param(100, 700, Cell(64, 1.0, GBIT), KNOWN, Rate(10.0), id="rises"),
        pytest.param(7, 7, Cell(64, 1.0, GBIT), KNOWN, Rate(0.0), id="stands-still"),
        pytest.param(0, 60, Cell(64, 8.0, GBIT), KNOWN, Rate(8.0), id="scaled"),
        pytest.param(0, 100, Cell(64, 1.0, GBIT), KNOWN, Rate(100 / 60), id="never-cut-to-an-integer"),
        pytest.param(2**32 - 60, 0, Cell(32, 1.0, OPEN_32), KNOWN, Rate(1.0, Doubt.WRAPPED), id="32-bit-wraps-once"),
        pytest.param(2**32 - 1, 599, Cell(32, 1.0, bound("octets", 10**8, RateLimits())), KNOWN, Rate(10.0,
                     Doubt.WRAPPED),
                     id="32-bit-wraps-to-its-end"),
        pytest.param(3 * 10**9, 1000, Cell(32, 1.0, bound("octets", 10**8, RateLimits())), KNOWN, NoRate.RESET,
                     id="fall-that-no-wrap-on-this-line-explains"),
        pytest.param(3 * 10**9, 1000, Cell(32, 1.0, FAST), KNOWN, NoRate.WRAPPED_TOO_OFTEN,
                     id="wrapped-maybe-more-than-once"),
        pytest.param(0, 1000, Cell(32, 1.0, FAST), KNOWN, Rate(1000 / 60, Doubt.MAY_HAVE_WRAPPED),
                     id="rose-but-could-have-wrapped-unseen"),
        pytest.param(0, 10**15, Cell(64, 1.0, ERRORS), KNOWN, NoRate.ABOVE_LINE_RATE, id="more-errors-than-packets"),
        pytest.param(2**32 - 10**9, 10**9, Cell(32, 1.0, bound("seconds", 10**9, RateLimits())), KNOWN, NoRate.RESET,
                     id="other-units-wrap-no-faster-than-packets"),
        pytest.param(0, 10**15, Cell(64, 1e300, OPEN_32), KNOWN, NoRate.NOT_A_NUMBER, id="past-a-double"),
        pytest.param(2**32 - 10**8, 10**8, Cell(32, 1e301, OPEN_32), KNOWN, NoRate.RESET, id="wrap-past-a-double"),
        pytest.param(10, 5, Cell(32, 1.0, ERRORS), KNOWN, NoRate.RESET, id="cleared-errors-are-no-wrap"),
        pytest.param(2**32 - 5, 55, Cell(32, 1.0, ERRORS), KNOWN, Rate(1.0, Doubt.WRAPPED), id="errors-may-wrap-too"),
        pytest.param(10, 5, Cell(32, 1.0, OPEN_32), KNOWN, NoRate.RESET, id="small-fall-without-a-line-is-a-reset"),
        pytest.param(2**32 - 60, 0, Cell(32, 1.0, OPEN_32), Circumstances(uptime_known=False),
                     Rate(1.0, Doubt.MAY_HAVE_RESET), id="wrap-while-uptime-is-unknown"),
        pytest.param(2**32 - 60, 0, Cell(32, 1.0, OPEN_32), Circumstances(may_have_rebooted=True), NoRate.RESET,
                     id="no-wrap-just-after-a-boot"),
        pytest.param(4 * 10**9, 10**8, Cell(32, 1.0, NO_LINE), KNOWN,
                     Rate((10**8 + 2**32 - 4 * 10**9) / 60, "wrapped+may-have-wrapped"), id="wrap-on-a-line-unknown"),
        pytest.param(2**32 - 5, 0, Cell(32, 1.0, NO_LINE), Circumstances(uptime_known=False),
                     Rate(5 / 60, "may-have-reset+may-have-wrapped"), id="wrap-while-line-and-uptime-are-unknown"),
        pytest.param(2**64 - 60, 0, Cell(64, 1.0, OPEN_32), KNOWN, NoRate.RESET, id="64-bit-does-not-wrap"),
        pytest.param(700, 100, Cell(64, 1.0, GBIT), KNOWN, NoRate.RESET, id="64-bit-reset"),
        pytest.param(2**63 - 60, 2**63, Cell(64, 1.0, GBIT), KNOWN, Rate(1.0), id="past-2^63"),
        pytest.param(2**64 - 61, 2**64 - 1, Cell(64, 1.0, GBIT), KNOWN, Rate(1.0), id="at-the-end-of-64-bits"),
        pytest.param(0, 10**10, Cell(64, 1.0, GBIT), KNOWN, NoRate.ABOVE_LINE_RATE, id="faster-than-the-line"),
        pytest.param(0, 60 * 137_500_000, Cell(64, 1.0, GBIT), KNOWN, Rate(137_500_000.0), id="within-the-margin"),
        pytest.param(0, 2**32, Cell(32, 1.0, OPEN_32), KNOWN, NoRate.OUT_OF_RANGE, id="33-bits-in-a-32-bit-counter"),
        pytest.param(2**32, 5, Cell(32, 1.0, OPEN_32), KNOWN, NoRate.OUT_OF_RANGE, id="33-bits-before"),
    ],
)  # fmt: skip
def test_a_counter_gives_a_rate_or_the_reason_why_not(before, now, cell, known, expected):
    assert rate(before, now, 60.0, cell, known) == expected


@pytest.mark.parametrize(
    ("unit", "line", "most_per_s"),
    [
        pytest.param("octets", 8000, 1000.0, id="octets"),
        pytest.param("bits", 8000, 8000.0, id="bits"),
        pytest.param("packets", 16_000, 100.0, id="packets-of-20-octets"),
        pytest.param("errors", 16_000, 100.0, id="what-happens-to-packets"),
        pytest.param("discards", 16_000, 100.0, id="what-does-not-come-through"),
        pytest.param("seconds", 8000, math.inf, id="others-have-none"),
        pytest.param("octets", 0, math.inf, id="unknown-speed"),
    ],
)
def test_a_line_bounds_what_fills_it(unit, line, most_per_s):
    assert bound(unit, line, RateLimits(line_rate_margin=1.0)).rise == most_per_s


def test_octets_on_a_line_of_unknown_speed_may_wrap_unseen():
    assert rate(0, 10, 60.0, Cell(32, 1.0, bound("octets", 0, RateLimits())), KNOWN) == Rate(
        10 / 60, Doubt.MAY_HAVE_WRAPPED
    )
    assert rate(0, 10, 60.0, Cell(32, 1.0, bound("errors", 0, RateLimits())), KNOWN) == Rate(10 / 60)
