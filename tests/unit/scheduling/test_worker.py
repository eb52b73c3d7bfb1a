"""A worker in simulated time: sick devices take nothing from the others, and overload shows before slots are lost."""

import functools

import pytest

from schemas.records import Job
from streams.scheduling.inflight import Caps
from tests.unit.scheduling.worker_sim import Worker, p99, shared

MINUTE = Job(plugin="interfaces", profile="if-mib", interval_s=60)
TEN_S = Job(plugin="interfaces", profile="if-mib", interval_s=10)
DEVICES = 1_000
DEAD_S, SLOW_S = 0.9 * MINUTE.interval_s, 0.7 * MINUTE.interval_s
#: rounds in which it is found out who is sick
WARM_UP = 5
WELL = frozenset(f"r{number}" for number in range(DEVICES) if number % 100 >= 11)


def of_a_hundred(dead: int, slow: int) -> dict[str, float]:
    """Return how long the polls take, seconds, where so many of each hundred devices are dead or slow."""
    sick = [DEAD_S] * dead + [SLOW_S] * slow
    return {f"r{number}": sick[number % 100] if number % 100 < len(sick) else 1.0 for number in range(DEVICES)}


@functools.cache
def worker(*, dead: int, slow: int, suspects: int, room: int = 60) -> Worker:
    lived = Worker(MINUTE, of_a_hundred(dead, slow), Caps(polls=room, suspects=suspects))
    lived.live(10 * MINUTE.interval_s)
    return lived


def lateness_of_the_well_s(of: Worker) -> list[float]:
    return [late_s for key in WELL for late_s in of.lateness_s[key][WARM_UP:]]


def test_a_tenth_of_dead_and_a_hundredth_of_slow_devices_leave_the_lateness_of_the_others_as_it_was() -> None:
    without, beside_sick = worker(dead=0, slow=0, suspects=15), worker(dead=10, slow=1, suspects=15)
    late_s = lateness_of_the_well_s(beside_sick)
    assert p99(late_s) == p99(lateness_of_the_well_s(without))
    assert len(late_s) == len(WELL) * (10 - WARM_UP)  # each slot was polled, none missed


def test_without_a_share_of_their_own_sick_devices_would_make_the_others_late() -> None:
    assert p99(lateness_of_the_well_s(worker(dead=10, slow=1, suspects=60))) > 10.0


def test_dead_and_slow_devices_do_not_call_for_a_worker_where_there_is_room_for_them() -> None:
    lived = worker(dead=10, slow=1, suspects=100, room=400)
    assert lived.missed == []
    assert max(pressure for _, pressure in lived.pressure) < 0.5


@pytest.mark.parametrize("polls_per_s", [50, 90])
def test_a_worker_that_cannot_keep_up_calls_for_another_before_a_slot_is_lost_and_as_long_as_they_are(
    polls_per_s: int,
) -> None:
    saturated = Worker(TEN_S, of_a_hundred(0, 0), Caps(polls=2_000, suspects=500), shared(polls_per_s))
    saturated.live(150)
    first_lost_s = saturated.missed[0][0]
    assert max(pressure for at_s, pressure in saturated.pressure if at_s < first_lost_s - 3) > 1.0
    since = [pressure for at_s, pressure in saturated.pressure if at_s >= first_lost_s]
    assert all(max(since[at : at + TEN_S.interval_s]) > 1.0 for at in range(len(since)))


def test_a_worker_that_keeps_up_calls_for_none() -> None:
    busy = Worker(TEN_S, of_a_hundred(0, 0), Caps(polls=2_000, suspects=500), shared(110))
    busy.live(150)
    assert busy.missed == []
    assert max(pressure for _, pressure in busy.pressure) < 0.5
