from collections.abc import Mapping
from dataclasses import replace

import pytest
from faust.types import TP

from streams.runtime.ops.health import Observed, Progress, Standing, Stuck, judge

STUCK, BUSY = TP("ticks", 3), TP("ticks", 4)
GOOD = Observed(
    now_s=100, loop_seen_s=99, standing=Standing(STUCK, 7, 99), waited_s=float("-inf"), assigned=True, recovered=True
)
STANDS = replace(GOOD, standing=Standing(STUCK, 7, 10))


@pytest.mark.parametrize(
    ("seen", "live", "ready"),
    [
        pytest.param(GOOD, True, True, id="all-is-well"),
        pytest.param(replace(GOOD, assigned=False), True, False, id="no-partitions-yet"),
        pytest.param(replace(GOOD, recovered=False), True, False, id="recovering"),
        pytest.param(replace(GOOD, loop_seen_s=60), False, False, id="loop-blocked"),
        pytest.param(STANDS, False, False, id="an-offset-stands-still"),
        pytest.param(replace(STANDS, waited_s=95), True, True, id="a-service-is-waited-for"),
        pytest.param(replace(GOOD, standing=None), True, True, id="idle-is-not-stuck"),
        pytest.param(replace(GOOD, unread=["topology"]), True, False, id="a-view-is-being-read"),
        pytest.param(replace(GOOD, waiting=[3]), True, False, id="a-partition-is-being-begun"),
        pytest.param(replace(GOOD, waiting=[3], stuck={3: Stuck("no", 50, 7)}), True, False, id="one-cannot-be-begun"),
        pytest.param(replace(GOOD, waiting=[3], stuck={3: Stuck("no", 39, 7)}), False, False, id="nor-for-too-long"),
    ],
)
def test_a_worker_that_makes_no_progress_is_not_live(seen, live, ready):
    health = judge(seen, progress_timeout_s=60, loop_timeout_s=30)
    assert (health.live, health.ready) == (live, ready)
    assert bool(health.why) is not (live and ready)


def test_what_stands_still_is_named():
    health = judge(STANDS, progress_timeout_s=60, loop_timeout_s=30)
    assert health.why == {
        "progress": "work at hand and no offset has moved for 90 s in topic ticks partition 3 at offset 7"
    }


def test_partitions_that_are_not_begun_are_named_each_with_its_reason():
    seen = replace(GOOD, waiting=[5, 3, 4], stuck={4: Stuck("BackendError: no entry", 90, 2)})
    assert judge(seen, progress_timeout_s=60, loop_timeout_s=30).why == {
        "partition 4": "cannot be begun, tried 2 times: BackendError: no entry",
        "beginning": "partitions are being begun: 3, 5",
    }
    late = judge(replace(seen, now_s=151, loop_seen_s=151, standing=None), progress_timeout_s=60, loop_timeout_s=30)
    assert late.why["begin"] == "partition 4 could not be begun for 61 s: BackendError: no entry"


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        pytest.param([{STUCK: 7, BUSY: 1}, {STUCK: 7, BUSY: 2}, {STUCK: 7, BUSY: 3}], (STUCK, 0), id="others-go-on"),
        pytest.param([{STUCK: 7}, {STUCK: 8}, {STUCK: 9}], (STUCK, 2), id="it-moves"),
        pytest.param([{STUCK: 7}, {}, {STUCK: 7}], (STUCK, 2), id="it-had-no-work-meanwhile"),
        pytest.param([{STUCK: 7}, {}], None, id="nothing-to-do"),
    ],
)
def test_a_partition_that_stands_still_is_not_hidden_by_others(
    looks: list[Mapping[TP, int]], expected: tuple[TP, int] | None
):
    progress = Progress()
    for now_s, look in enumerate(looks):
        progress = progress.seen(look, now_s)
    longest = progress.longest_standing()
    assert (longest and (longest.partition, longest.since_s)) == expected
