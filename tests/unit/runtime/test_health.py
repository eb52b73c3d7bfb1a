from dataclasses import replace

import pytest

from streams.runtime.health import Observed, judge

GOOD = Observed(now_s=100, loop_seen_s=99, progress_s=99, in_work=3, assigned=True, recovered=True)


@pytest.mark.parametrize(
    ("seen", "live", "ready"),
    [
        pytest.param(GOOD, True, True, id="all-is-well"),
        pytest.param(replace(GOOD, assigned=False), True, False, id="no-partitions-yet"),
        pytest.param(replace(GOOD, recovered=False), True, False, id="recovering"),
        pytest.param(replace(GOOD, loop_seen_s=60), False, False, id="loop-blocked"),
        pytest.param(replace(GOOD, progress_s=10), False, False, id="offsets-stand-still"),
        pytest.param(replace(GOOD, progress_s=10, in_work=0), True, True, id="idle-is-not-stuck"),
    ],
)
def test_a_worker_that_makes_no_progress_is_not_live(seen, live, ready):
    health = judge(seen, progress_timeout_s=60, loop_timeout_s=30)
    assert (health.live, health.ready) == (live, ready)
    assert bool(health.why) is not (live and ready)
