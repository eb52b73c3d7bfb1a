"""Phases: fixed for ever, and even over the interval."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.scheduling.phase import phase


@pytest.mark.parametrize(
    ("identity", "job", "interval_s", "expected"),
    [
        pytest.param("lab|network|cisco|switch|sw1", "interfaces/if-mib/60", 60, 7, id="one-minute"),
        pytest.param("lab|network|cisco|switch|sw1", "interfaces/if-mib/300", 300, 163, id="five-minutes"),
        pytest.param("zürich|network|juniper|router|r1", "interfaces//10", 10, 9, id="not-ascii"),
        pytest.param("", "", 86_400, 71_496, id="empty-names"),
        pytest.param("any", "thing", 1, 0, id="every-second"),
    ],
)
def test_a_phase_never_changes_between_releases(identity: str, job: str, interval_s: int, expected: int) -> None:
    assert phase(identity, job, interval_s) == expected


@given(st.text(), st.text(), st.integers(1, 10**6))
def test_a_phase_lies_within_its_interval(identity: str, job: str, interval_s: int) -> None:
    assert 0 <= phase(identity, job, interval_s) < interval_s


def test_the_two_names_are_told_apart_where_they_meet() -> None:
    assert phase("a|b", "c", 86_400) != phase("a|", "bc", 86_400)


def test_an_interval_below_a_second_is_refused() -> None:
    with pytest.raises(ValueError, match="interval"):
        phase("a", "b", 0)


@pytest.mark.parametrize("interval_s", [10, 60, 300])
def test_consecutive_names_spread_over_the_whole_interval(interval_s: int) -> None:
    """10,000 resources: chi-square of the seconds' loads within 5 standard deviations of that of a fair die."""
    loads = Counter(
        phase(f"dc1|network|cisco|switch|sw{n:05}", "interfaces/if-mib/60", interval_s) for n in range(10_000)
    )
    mean = 10_000 / interval_s
    chi_square = sum((loads[second] - mean) ** 2 / mean for second in range(interval_s))
    freedom = interval_s - 1
    assert chi_square < freedom + 5 * (2 * freedom) ** 0.5


def test_no_second_has_more_than_its_share_of_ten_thousand_resources() -> None:
    """See docs/benchmarks/schedule.md for how often that holds for other names."""
    loads = Counter(phase(f"dc1|network|cisco|switch|sw{n:05}", "interfaces/if-mib/60", 60) for n in range(10_000))
    assert max(loads.values()) <= 1.3 * 10_000 / 60
