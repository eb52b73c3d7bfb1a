"""A partition's schedule: what is due, and that putting and removing leave no trace."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import RecordError
from schemas.records import Job
from streams.scheduling.due import Due, MissedRun, Schedule
from streams.scheduling.phase import phase
from streams.scheduling.slots import Span, slots_within

MINUTE = Job(plugin="interfaces", profile="if-mib", interval_s=60)
TEN = Job(plugin="ping", profile="", interval_s=10)

jobs = st.lists(
    st.builds(Job, plugin=st.sampled_from(["a", "b"]), profile=st.just("p"), interval_s=st.integers(1, 12)), max_size=4
)
changes = st.lists(st.tuples(st.sampled_from([f"r{n}" for n in range(8)]), st.none() | jobs), max_size=40)


def schedule_after(steps: list[tuple[str, list[Job] | None]]) -> tuple[Schedule, dict[str, list[Job]]]:
    schedule, model = Schedule(), dict[str, list[Job]]()
    for key, wanted in steps:
        if wanted is None:
            schedule.remove(key)
            model.pop(key, None)
        else:
            schedule.put(key, wanted)
            model[key] = list(dict.fromkeys(wanted))
    return schedule, {key: wanted for key, wanted in model.items() if wanted}


@given(changes, st.integers(0, 2 * 10**9))
def test_due_is_exactly_what_the_rule_says_whatever_was_put_and_removed(
    steps: list[tuple[str, list[Job] | None]], slot: int
) -> None:
    schedule, model = schedule_after(steps)
    by_rule = {
        Due(key, job)
        for key, wanted in model.items()
        for job in wanted
        if (slot - phase(key, job.name, job.interval_s)) % job.interval_s == 0
    }
    due = schedule.due(slot)
    assert set(due) == by_rule
    assert len(due) == len(by_rule)
    assert {key: list(schedule.jobs_of(key)) for key in schedule} == model


@given(changes, st.integers(0, 10**6), st.integers(0, 100))
def test_missed_within_is_what_would_have_been_due_second_by_second(
    steps: list[tuple[str, list[Job] | None]], first: int, length: int
) -> None:
    schedule, _ = schedule_after(steps)
    span = Span(first, first + length)
    by_second = [(due.key, due.job, slot) for slot in span.seconds for due in schedule.due(slot)]
    ranged = [
        (key, job, run.first + nth * job.interval_s)
        for key, job, run in schedule.missed_within(span)
        for nth in range(run.slots)
    ]
    assert sorted(ranged, key=repr) == sorted(by_second, key=repr)


@given(changes)
def test_removing_every_resource_leaves_nothing_behind(steps: list[tuple[str, list[Job] | None]]) -> None:
    schedule, model = schedule_after(steps)
    for key in model:
        schedule.remove(key)
    assert len(schedule) == 0
    assert schedule.longest_interval_s == 0
    assert schedule._buckets == {}


def test_a_changed_interval_moves_the_job() -> None:
    schedule = Schedule()
    schedule.put("r", [MINUTE])
    schedule.put("r", [TEN])
    assert [due.job for second in range(60) for due in schedule.due(second)] == [TEN] * 6
    assert schedule.longest_interval_s == 10


def test_a_gap_gives_each_job_its_own_run() -> None:
    schedule = Schedule()
    schedule.put("r", [MINUTE, TEN])
    span = Span(1_000, 4_599)
    expected = {
        MissedRun("r", job, run)
        for job in (MINUTE, TEN)
        if (run := slots_within(span, phase("r", job.name, job.interval_s), job.interval_s))
    }
    assert set(schedule.missed_within(span)) == expected
    assert {run.slots.slots for run in expected} == {60, 360}


def test_an_impossible_interval_is_the_records_fault_and_changes_nothing() -> None:
    schedule = Schedule()
    schedule.put("r", [MINUTE])
    with pytest.raises(RecordError, match="interval"):
        schedule.put("r", [Job(plugin="a", profile="b", interval_s=0)])
    assert list(schedule.jobs_of("r")) == [MINUTE]


def test_resources_share_one_object_per_job() -> None:
    schedule = Schedule()
    for n in range(100):
        schedule.put(f"r{n}", [Job(plugin="a", profile="b", interval_s=60)])
    assert len({id(schedule.jobs_of(key)[0]) for key in schedule}) == 1


def test_slots_a_second_add_up_over_jobs_and_intervals() -> None:
    schedule = Schedule()
    schedule.put("a", [MINUTE, TEN])
    schedule.put("b", [TEN])
    assert schedule.slots_per_s == pytest.approx(1 / 60 + 2 / 10)
    schedule.remove("b")
    assert schedule.slots_per_s == pytest.approx(1 / 60 + 1 / 10)
