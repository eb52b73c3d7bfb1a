"""The time between two polls, when neither clock can be trusted blindly."""

import pytest

from streams.gauges.limits import RateLimits
from streams.gauges.reasons import Doubt, NoRate
from streams.gauges.samples.clock import Elapsed, PollTime, between

DAY_CS = 8_640_000


def at(
    ms: int, uptime_cs: int | None, boots: int | None = None, first_ms: int = 0, slot: int | None = None
) -> PollTime:
    """Return a moment; one at 0 is of slot 0, every other one of slot 60 if nothing else is said."""
    return PollTime(ms, first_ms, uptime_cs, boots, (60 if ms else 0) if slot is None else slot)


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        pytest.param(at(0, DAY_CS), at(60_000, DAY_CS + 6000), Elapsed(0), id="clocks-agree"),
        pytest.param(at(0, DAY_CS), at(60_700, DAY_CS + 6000), Elapsed(0), id="clocks-agree-roughly"),
        pytest.param(at(0, DAY_CS), at(-30_000, DAY_CS + 6000), Elapsed(90_000, Doubt.UPTIME_CLOCK),
                     id="ours-went-back"),
        pytest.param(at(0, DAY_CS), at(90_000, DAY_CS + 6000), Elapsed(-30_000, Doubt.UPTIME_CLOCK), id="ours-leapt"),
        pytest.param(at(0, DAY_CS), at(3_660_000, DAY_CS + 6000), Elapsed(-3_600_000, Doubt.UPTIME_CLOCK),
                     id="ours-leapt-by-an-hour-which-is-no-gap"),
        pytest.param(at(0, DAY_CS), at(10**9, DAY_CS + 6000), NoRate.REBOOT, id="up-for-less-than-the-gap"),
        pytest.param(at(0, DAY_CS), at(60_000, 500), NoRate.REBOOT, id="uptime-fell"),
        pytest.param(at(0, 1000), at(60_000, 5000), NoRate.REBOOT, id="up-for-less-than-since-the-last-poll"),
        pytest.param(at(0, 1000, 7), at(60_000, 5000, 7, slot=40), Elapsed(-20_000, Doubt.UPTIME_CLOCK),
                     id="engine-boots-say-that-only-our-clock-leapt"),
        pytest.param(at(0, DAY_CS, 7), at(60_000, DAY_CS + 6000, 8), NoRate.REBOOT, id="engine-boots-changed"),
        pytest.param(at(0, None, 7), at(60_000, None, 8), NoRate.REBOOT, id="engine-boots-alone"),
        pytest.param(at(0, None, 7), at(60_000, None, 7), Elapsed(0), id="engine-boots-alone-same"),
        pytest.param(at(0, 2**32 - 3000), at(60_000, 3000), Elapsed(0), id="uptime-wraps-after-497-days"),
        pytest.param(at(0, 2**32 - 3000), at(-5000, 3000), Elapsed(65_000, Doubt.UPTIME_CLOCK),
                     id="uptime-wraps-while-our-clock-goes-back"),
        pytest.param(at(0, 2**32 - 3000), at(60_000, DAY_CS), NoRate.REBOOT, id="late-fall-that-is-no-wrap"),
        pytest.param(at(0, DAY_CS), at(210_000, DAY_CS + 21_000), Elapsed(0), id="three-intervals-and-late"),
        pytest.param(at(0, DAY_CS), at(211_000, DAY_CS + 21_100), NoRate.GAP, id="a-gap"),
        pytest.param(at(0, DAY_CS), at(5_000, DAY_CS + 500), NoRate.TOO_SOON, id="a-late-poll-and-one-in-time"),
        pytest.param(at(0, None), at(60_000, None), Elapsed(0, uptime_known=False), id="no-uptime"),
        pytest.param(at(0, DAY_CS), at(60_000, None), Elapsed(0, uptime_known=False), id="no-uptime-now"),
        pytest.param(at(0, None), at(-1, None), NoRate.CLOCK_STEP, id="no-uptime-and-our-clock-went-back"),
        pytest.param(at(0, None), at(0, None), NoRate.CLOCK_STEP, id="no-uptime-and-no-time"),
        pytest.param(at(0, None), at(211_000, None), NoRate.GAP, id="no-uptime-and-a-gap"),
        pytest.param(at(0, None), at(30_000, None), Elapsed(0, Doubt.MAY_HAVE_STEPPED, uptime_known=False),
                     id="no-uptime-and-our-clock-is-not-with-the-slots"),
        pytest.param(at(0, None), at(55_000, None), Elapsed(0, uptime_known=False),
                     id="no-uptime-and-a-poll-a-bit-late"),
        pytest.param(at(0, None, 7), at(90_000, None, 7), Elapsed(0, Doubt.MAY_HAVE_STEPPED),
                     id="engine-boots-tell-nothing-of-our-clock"),
        pytest.param(at(0, DAY_CS), at(60_000, DAY_CS),
                     Elapsed(0, Doubt.UPTIME_FROZEN, uptime_stood=True, uptime_known=False), id="uptime-stands-still"),
        pytest.param(at(0, DAY_CS, 7), at(60_000, DAY_CS, 7), Elapsed(0, Doubt.UPTIME_FROZEN, uptime_stood=True),
                     id="uptime-stands-still-but-engine-boots-are-known"),
        pytest.param(at(0, DAY_CS), at(60_000, DAY_CS + 16_000), Elapsed(0, Doubt.UPTIME_DISAGREES, uptime_known=False),
                     id="uptime-leapt-by-the-slots"),
        pytest.param(at(0, DAY_CS), at(60_000, 2 * DAY_CS), Elapsed(0, Doubt.UPTIME_DISAGREES, uptime_known=False),
                     id="uptime-leapt-by-a-day-which-is-no-gap"),
        pytest.param(at(0, 2**32 - 3000), at(60_000, 1000), NoRate.REBOOT, id="fall-that-no-clock-bears-out"),
        pytest.param(at(0, DAY_CS), at(61_100, DAY_CS + 6000), Elapsed(0), id="clocks-agree-within-2-percent"),
        pytest.param(at(0, DAY_CS), at(61_300, DAY_CS + 6000), Elapsed(-1300, Doubt.UPTIME_CLOCK),
                     id="clocks-disagree-by-more"),
        pytest.param(at(0, DAY_CS), at(60_000, DAY_CS + 6500, first_ms=5000), Elapsed(0),
                     id="uptime-answered-after-a-retry"),
        pytest.param(at(0, DAY_CS, first_ms=5000), at(60_000, DAY_CS + 5500), Elapsed(0), id="retry-in-the-last-poll"),
        pytest.param(at(0, 200), at(60_000, 6200), Elapsed(0), id="up-for-just-longer-than-since-the-last-poll"),
        pytest.param(at(0, 90), at(60_000, 6090), Elapsed(0, may_have_rebooted=True), id="up-since-the-last-poll"),
    ],
)  # fmt: skip
def test_two_clocks_check_each_other(before, now, expected):
    assert between(before, now, 60, RateLimits()) == expected


def test_an_uptime_that_stands_for_less_than_a_gap_of_the_tolerance_stands_all_the_same():
    stood = Elapsed(0, Doubt.UPTIME_FROZEN, uptime_stood=True, uptime_known=False)
    assert between(at(0, DAY_CS), at(1000, DAY_CS, slot=1), 1, RateLimits()) == stood
