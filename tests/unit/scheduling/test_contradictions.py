"""Two statuses of one slot: which of them contradict each other."""

import pytest

from tests.chaos.follower import Status, contradictions

INTERVAL_S, DIED_S = 5, 1000.0


def status(slot: int, outcome: str, worker: str = "h:1", *, slots: int = 1, job: str = "snmp") -> Status:
    return Status("sw1", job, slot, slots, outcome, "", float(slot), worker)


@pytest.mark.parametrize(
    ("statuses", "found"),
    [
        pytest.param([status(990, "SUCCESS"), status(990, "MISSED", "h:2")], False, id="its-worker-died-afterwards"),
        pytest.param([status(1010, "SUCCESS"), status(1010, "MISSED", "h:2")], True, id="nobody-died-afterwards"),
        pytest.param([status(990, "TIMEOUT"), status(990, "MISSED")], True, id="of-the-worker-that-polled"),
        pytest.param([status(1010, "MISSED"), status(1010, "SUCCESS", "h:2")], False, id="the-poll-outranks"),
        pytest.param([status(1010, "SUCCESS"), status(1000, "MISSED", slots=3)], True, id="in-a-range"),
        pytest.param([status(1010, "SUCCESS"), status(1000, "MISSED", slots=2)], False, id="beside-a-range"),
        pytest.param([status(1010, "SUCCESS"), status(1010, "MISSED", job="j")], False, id="another-job"),
        pytest.param([status(990, "SUCCESS"), status(990, "SUCCESS", "h:2")], False, id="polled-twice"),
    ],
)
def test_a_missed_after_a_poll_is_a_contradiction_unless_a_death_explains_it(statuses: list[Status], found: bool):
    assert bool(contradictions(statuses, INTERVAL_S, DIED_S)) is found
