"""Overload: no stacking, no poll after its time, and suspects in their own share of the room."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.records import Job
from streams.scheduling.inflight import Caps, Decision, InFlight, PollId

MINUTE = Job(plugin="interfaces", profile="if-mib", interval_s=60)
CAPS = Caps(polls=3, suspects=1)
BUSY = 10.0  #: slots a second of a worker that owns many more than these


def poll(key: str, slot: int = 60) -> PollId:
    return PollId(key, MINUTE, slot)


def full(caps: Caps = CAPS) -> InFlight:
    inflight = InFlight(caps)
    for n in range(caps.polls):
        assert inflight.admit_poll(poll(f"busy{n}"), 60.0).decision is Decision.START
    return inflight


def test_a_poll_starts_where_there_is_room_and_waits_where_there_is_none() -> None:
    inflight = full()
    assert inflight.admit_poll(poll("late"), 60.0).decision is Decision.WAIT
    assert inflight.finish(poll("busy0"), 61.0, badly=False).start == [poll("late")]
    assert (inflight.running, inflight.waiting) == (3, 0)


def test_a_running_poll_is_not_stacked_upon() -> None:
    inflight = full()
    offer = inflight.admit_poll(poll("busy0", 120), 120.0)
    assert offer.decision is Decision.STACKED
    assert [missed.poll.slot for missed in offer.missed] == [120]
    assert "slot 60 was still running" in offer.missed[0].reason


def test_two_jobs_of_one_resource_do_not_hinder_one_another() -> None:
    inflight = InFlight(CAPS)
    other = Job(plugin="ping", profile="", interval_s=60)
    inflight.admit_poll(poll("r"), 60.0)
    assert inflight.admit_poll(PollId("r", other, 61), 61.0).decision is Decision.START


def test_a_waiting_poll_gives_its_place_to_the_next_slot() -> None:
    inflight = full()
    inflight.admit_poll(poll("r", 60), 60.0)
    offer = inflight.admit_poll(poll("r", 120), 120.0)
    assert offer.decision is Decision.WAIT
    assert [missed.poll for missed in offer.missed] == [poll("r", 60)]
    assert "3 polls were running" in offer.missed[0].reason
    assert inflight.finish(poll("busy0"), 121.0, badly=False).start == [poll("r", 120)]


def test_the_same_slot_delivered_again_is_adopted_running_or_waiting() -> None:
    inflight = full()
    inflight.admit_poll(poll("r"), 60.0)
    assert inflight.admit_poll(poll("busy0"), 61.0).decision is Decision.ADOPT
    assert inflight.admit_poll(poll("r"), 61.0).decision is Decision.ADOPT


def test_a_slot_older_than_its_interval_is_missed_not_polled_late() -> None:
    offer = InFlight(CAPS).admit_poll(poll("r", 60), 121.5)
    assert offer.decision is Decision.TOO_OLD
    assert offer.missed[0].reason == "61.5 s late at an interval of 60 s"


def test_who_waited_too_long_is_missed_at_the_sweep() -> None:
    inflight = full()
    inflight.admit_poll(poll("r", 60), 60.0)
    assert inflight.sweep(119.0) == ([], [])
    assert [missed.poll for missed in inflight.sweep(120.0).missed] == [poll("r", 60)]
    assert inflight.waiting == 0


def test_suspects_fill_only_their_share() -> None:
    inflight = InFlight(CAPS)
    for n in range(3):
        inflight.admit_poll(poll(f"dead{n}", 60), 60.0)
    for n in range(3):
        inflight.finish(poll(f"dead{n}", 60), 70.0, badly=True)
    dead = [inflight.admit_poll(poll(f"dead{n}", 120), 120.0).decision for n in range(3)]
    assert dead == [Decision.START, Decision.WAIT, Decision.WAIT]
    healthy = [inflight.admit_poll(poll(f"well{n}", 120), 120.0).decision for n in range(2)]
    assert healthy == [Decision.START, Decision.START]


def test_a_suspect_that_answers_is_none_any_more() -> None:
    inflight = InFlight(CAPS)
    for n in range(2):
        inflight.admit_poll(poll(f"r{n}", 60), 60.0)
        inflight.finish(poll(f"r{n}", 60), 70.0, badly=True)
    inflight.admit_poll(poll("r0", 120), 120.0)
    inflight.finish(poll("r0", 120), 121.0, badly=False)
    inflight.admit_poll(poll("r1", 180), 180.0)
    assert inflight.admit_poll(poll("r0", 180), 180.0).decision is Decision.START


def test_suspects_are_not_starved_by_a_long_line_of_healthy_ones() -> None:
    inflight = InFlight(CAPS)
    inflight.admit_poll(poll("dead", 60), 60.0)
    inflight.finish(poll("dead", 60), 70.0, badly=True)
    for n in range(9):
        inflight.admit_poll(poll(f"well{n}", 120), 120.0)
    inflight.admit_poll(poll("dead", 120), 120.0)
    assert inflight.finish(poll("well0", 120), 121.0, badly=False).start == [poll("dead", 120)]


def test_a_revoked_partition_leaves_no_trace_and_its_late_finish_is_no_error() -> None:
    inflight = full()
    inflight.admit_poll(poll("r"), 60.0)
    inflight.drop(["busy0", "r"])
    assert (inflight.running, inflight.waiting) == (2, 0)
    assert inflight.finish(poll("busy0"), 62.0, badly=False) == ([], [])
    assert inflight.running == 2


def test_pressure_rises_to_one_before_a_slot_is_lost() -> None:
    inflight = full()
    assert inflight.pressure(60.0, BUSY) == 1.0
    inflight.admit_poll(poll("r", 60), 60.0)
    assert inflight.pressure(105.0, BUSY) == 1.5
    assert inflight.sweep(105.0).missed == []


def test_a_poll_that_comes_late_presses_for_two_minutes() -> None:
    inflight = InFlight(CAPS)
    inflight.admit_poll(poll("r"), 105.0)
    inflight.finish(poll("r"), 106.0, badly=False)
    assert [inflight.pressure(at_s, BUSY) for at_s in (106.0, 179.0, 180.0)] == [1.5, 1.5, 0.0]


def test_suspects_that_wait_press_as_others_do() -> None:
    inflight = InFlight(CAPS)
    for n in range(2):
        inflight.admit_poll(poll(f"dead{n}"), 60.0)
        inflight.finish(poll(f"dead{n}"), 110.0, badly=True)
    for n in range(2):
        inflight.admit_poll(poll(f"dead{n}", 120), 120.0)
    assert inflight.pressure(165.0, BUSY) == 1.5


def test_pressure_tells_the_part_of_its_interval_that_a_poll_takes_on_average() -> None:
    inflight = InFlight(Caps(polls=100, suspects=25))
    for n in range(30):
        inflight.admit_poll(poll(f"r{n}"), 60.0)
    assert inflight.pressure(60.0, slots_per_s=40 / 60) == pytest.approx(2 * 30 / 40)
    assert inflight.pressure(60.0, slots_per_s=0.0) == 0.3  # whose schedules are not built


offers = st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 3), st.booleans(), st.booleans()), max_size=80)


@given(offers, st.integers(1, 3))
def test_every_offered_slot_ends_once_and_no_series_runs_twice(
    steps: list[tuple[str, int, bool, bool]], cap: int
) -> None:
    """Each slot is polled or missed exactly once, within its time, whatever happens in between."""
    inflight = InFlight(Caps(polls=cap, suspects=1))
    job = Job(plugin="p", profile="", interval_s=4)
    now, last, running, polled, missed = 0, dict[str, int](), dict[str, PollId](), list[PollId](), list[PollId]()

    def start(polls: "list[PollId]") -> None:
        for each in polls:
            assert each.key not in running
            assert now < each.slot + job.interval_s
            running[each.key] = each
            polled.append(each)
        assert len(running) <= cap

    for key, wait, finishes, badly in steps:
        now += wait
        if finishes and running:
            ended = running.pop(min(running))
            after = inflight.finish(ended, now, badly=badly)
        else:
            after = inflight.sweep(now)
        start(list(after.start))
        missed += [each.poll for each in after.missed]
        slot = now // 4 * 4
        if last.get(key, -1) < slot:
            last[key] = slot
            offer = inflight.admit_poll(PollId(key, job, slot), now)
            missed += [each.poll for each in offer.missed]
            if offer.decision is Decision.START:
                start([PollId(key, job, slot)])
    missed += [each.poll for each in inflight.sweep(now + 1_000).missed]
    assert inflight.waiting == 0
    ended_once = polled + missed
    assert len(ended_once) == len(set(ended_once))
    assert {key: slot for key, _, slot in sorted(ended_once, key=lambda each: each.slot)} == last
