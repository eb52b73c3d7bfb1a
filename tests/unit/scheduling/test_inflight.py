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


PING, FACTS = (Job(plugin=name, profile="", interval_s=60) for name in ("ping", "facts"))


def test_two_jobs_of_one_resource_run_one_after_the_other_while_others_go_on() -> None:
    inflight = InFlight(CAPS)
    inflight.admit_poll(poll("r"), 60.0)
    offer = inflight.admit_poll(PollId("r", PING, 61), 61.0)
    assert (offer.decision, offer.missed) == (Decision.WAIT, ())
    assert inflight.admit_poll(PollId("r", PING, 61), 61.5).decision is Decision.ADOPT
    assert inflight.admit_poll(poll("other"), 62.0).decision is Decision.START
    assert inflight.finish(poll("r"), 63.0, badly=False).start == [PollId("r", PING, 61)]
    assert (inflight.running, inflight.waiting) == (2, 0)


def test_jobs_of_one_resource_take_turns_in_the_order_in_which_they_came() -> None:
    inflight = InFlight(CAPS)
    started = []
    inflight.admit_poll(poll("r", 60), 60.0)
    for job in (PING, FACTS):
        inflight.admit_poll(PollId("r", job, 60), 60.0)
    running = poll("r", 60)
    for now_s in (75.0, 90.0, 105.0, 120.0):
        if now_s == 90.0:  # the first job is due again, and has to wait until the third has had its turn
            inflight.admit_poll(poll("r", 90), 90.0)
        started += (after := inflight.finish(running, now_s, badly=False)).start
        assert len(after.start) <= 1
        running = after.start[0] if after.start else running
    assert [each.job for each in started] == [PING, FACTS, MINUTE]


def test_who_waited_for_its_resource_has_its_place_behind_those_that_wait_for_room() -> None:
    inflight = full()
    inflight.admit_poll(PollId("busy0", PING, 60), 60.0)
    inflight.admit_poll(poll("r"), 61.0)
    assert inflight.finish(poll("busy0"), 62.0, badly=False).start == [poll("r")]
    assert inflight.finish(poll("busy1"), 63.0, badly=False).start == [PollId("busy0", PING, 60)]


def test_two_jobs_that_wait_for_room_do_not_start_together() -> None:
    inflight = full()
    for job in (PING, FACTS):
        inflight.admit_poll(PollId("r", job, 60), 60.0)
    assert inflight.finish(poll("busy0"), 61.0, badly=False).start == [PollId("r", PING, 60)]
    assert inflight.finish(poll("busy1"), 62.0, badly=False).start == []
    assert inflight.finish(PollId("r", PING, 60), 63.0, badly=False).start == [PollId("r", FACTS, 60)]


def test_who_waits_for_its_resource_for_too_long_is_missed_with_that_reason_and_presses_for_no_worker() -> None:
    inflight = InFlight(CAPS)
    inflight.admit_poll(poll("r"), 60.0)
    inflight.admit_poll(PollId("r", PING, 60), 60.0)
    assert inflight.pressure(119.0, BUSY) < 0.5
    (missed,) = inflight.sweep(120.0).missed
    assert missed.poll == PollId("r", PING, 60)
    assert missed.reason.endswith("another poll of the resource was running")
    assert inflight.waiting == 0
    assert inflight.pressure(121.0, BUSY) < 0.5


def test_a_slot_that_waits_for_its_resource_gives_its_place_to_the_next() -> None:
    inflight = InFlight(CAPS)
    inflight.admit_poll(poll("r"), 60.0)
    inflight.admit_poll(PollId("r", PING, 60), 60.0)
    (missed,) = inflight.admit_poll(PollId("r", PING, 120), 119.0).missed
    assert missed.poll == PollId("r", PING, 60)
    assert "another poll of the resource was running" in missed.reason
    assert inflight.finish(poll("r"), 119.5, badly=False).start == [PollId("r", PING, 120)]


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


def test_who_is_withdrawn_waits_no_more_and_the_others_of_its_resource_do() -> None:
    inflight = full()
    for waiting in (poll("r"), PollId("busy0", PING, 60), PollId("busy0", FACTS, 60)):
        inflight.admit_poll(waiting, 60.0)
        inflight.withdraw(waiting._replace(slot=0))  # of another slot: no error, and no effect
    inflight.withdraw(poll("r"))
    inflight.withdraw(PollId("busy0", PING, 60))
    inflight.withdraw(poll("busy1"))  # it runs: that ends with `finish`
    assert (inflight.running, inflight.waiting) == (3, 1)
    assert inflight.finish(poll("busy0"), 61.0, badly=False).start == [PollId("busy0", FACTS, 60)]
    inflight.withdraw(poll("busy0"))
    assert inflight.finish(poll("busy0"), 62.0, badly=False) == ([], [])


def test_suspects_whose_resource_or_job_has_left_are_forgotten_and_the_others_are_not() -> None:
    inflight = InFlight(Caps(polls=3, suspects=3))
    for key in ("left", "stays"):
        inflight.admit_poll(poll(key, 60), 60.0)
        inflight.finish(poll(key, 60), 61.0, badly=True)
    for slot in range(120, 600, 60):
        inflight.admit_poll(poll("stays", slot), slot)
        inflight.finish(poll("stays", slot), slot + 1, badly=True)
        inflight.sweep(slot + 2)
    assert inflight.suspects == 1
    inflight.sweep(10_000.0)
    assert inflight.suspects == 0


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


JOBS = [Job(plugin=name, profile="", interval_s=4) for name in "pq"]
offers = st.lists(
    st.tuples(
        st.tuples(st.sampled_from("abcd"), st.sampled_from(JOBS)), st.integers(0, 3), st.booleans(), st.booleans()
    ),
    max_size=80,
)


@given(offers, st.integers(1, 3))
def test_every_offered_slot_ends_once_and_no_resource_is_polled_twice_at_a_time(
    steps: list[tuple[tuple[str, Job], int, bool, bool]], cap: int
) -> None:
    """Each slot is polled or missed exactly once, within its time, whatever happens in between."""
    inflight = InFlight(Caps(polls=cap, suspects=1))
    now, last, running = 0, dict[tuple[str, Job], int](), dict[str, PollId]()
    polled, missed = list[PollId](), list[PollId]()

    def start(polls: "list[PollId]") -> None:
        for each in polls:
            assert each.key not in running
            assert now < each.slot + each.job.interval_s
            running[each.key] = each
            polled.append(each)
        assert len(running) <= cap

    for series, wait, finishes, badly in steps:
        now += wait
        if finishes and running:
            ended = running.pop(min(running))
            after = inflight.finish(ended, now, badly=badly)
        else:
            after = inflight.sweep(now)
        start(list(after.start))
        missed += [each.poll for each in after.missed]
        slot = now // 4 * 4
        if last.get(series, -1) < slot:
            last[series] = slot
            offer = inflight.admit_poll(PollId(*series, slot), now)
            missed += [each.poll for each in offer.missed]
            if offer.decision is Decision.START:
                start([PollId(*series, slot)])
    missed += [each.poll for each in inflight.sweep(now + 1_000).missed]
    assert inflight.waiting == 0
    ended_once = polled + missed
    assert len(ended_once) == len(set(ended_once))
    assert {(key, job): slot for key, job, slot in sorted(ended_once, key=lambda each: each.slot)} == last
