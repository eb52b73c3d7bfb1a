"""The audit: what is expected, what counts, and that it finds exactly what was left out."""

import re
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import RecordError
from schemas.records import EnrichedResource, Enrichment, Job, Outcome, PollStatus, Resource
from streams.scheduling.audit import Audit, AuditReport, OffPhase, Unaccounted, Window
from streams.scheduling.filter_fields import ENRICHED
from streams.scheduling.filters import compile_over
from streams.scheduling.phase import phase
from streams.scheduling.slots import SlotRun

KEY = "lab|network|cisco|switch|sw1"
JOB = Job(plugin="interfaces", profile="if-mib", interval_s=60)
OTHER = Job(plugin="ping", profile="", interval_s=10)
T0 = 1_700_000_000
PHASE = phase(KEY, JOB.name, 60)
WINDOW = Window(T0, T0 + 600, read_at_s=T0 + 10_000)


def resource(*jobs: Job, since_s: int = T0 - 1_000) -> EnrichedResource:
    site, resource_class, subclass, kind, name = KEY.split("|")
    return EnrichedResource(
        resource=Resource(
            site=site,
            resource_class=resource_class,
            resource_subclass=subclass,
            resource_type=kind,
            resource_id=name,
            endpoint="192.0.2.1",
            plugins=("file",),
            first_seen_ms=0,
            last_seen_ms=0,
        ),
        enrichments={},
        jobs=jobs,
        jobs_since_ms=since_s * 1000,
    )


def status(
    slot: int,
    outcome: Outcome = Outcome.SUCCESS,
    *,
    job: Job = JOB,
    slots: int = 1,
    late_ms: int = 5,
    worker: str = "w1",
) -> PollStatus:
    return PollStatus(
        resource=KEY,
        site="lab",
        endpoint="192.0.2.1",
        job=job.name,
        slot=slot,
        slots=slots,
        interval_s=job.interval_s,
        outcome=outcome,
        reason="overload" if outcome is Outcome.MISSED else "",
        started_at_ms=slot * 1000 + late_ms,
        lateness_ms=late_ms,
        duration_ms=20,
        packets_sent=1,
        retries=0,
        values=0,
        worker=worker,
    )


def slots_of(job: Job = JOB, window: Window = WINDOW) -> list[int]:
    at = phase(KEY, job.name, job.interval_s)
    return [slot for slot in range(window.since, window.until + 1) if (slot - at) % job.interval_s == 0]


def audited(
    statuses: list[PollStatus],
    resources: list[tuple[EnrichedResource | None, int]] | None = None,
    window: Window = WINDOW,
) -> AuditReport:
    audit = Audit(window)
    for record, at_s in resources or [(resource(JOB), T0 - 1_000)]:
        audit.resource(KEY, record, at_s * 1000)
    for each in statuses:
        audit.status(each)
    return audit.report()


def test_a_full_account_misses_nothing() -> None:
    report = audited([status(slot) for slot in slots_of()])
    assert (report.expected, report.missing, report.polled_twice) == (10, [], [])
    assert report.final == Counter({Outcome.SUCCESS: 10})
    assert report.longest_unpolled_s == 0
    assert report.lateness_quantile_ms(0.99) == 5


def test_slots_that_nobody_speaks_of_are_listed_as_runs() -> None:
    slots = slots_of()
    report = audited([status(slot) for slot in slots if slot not in (slots[2], slots[3], slots[7])])
    assert report.missing == [
        Unaccounted(KEY, JOB.name, SlotRun(slots[2], 2)),
        Unaccounted(KEY, JOB.name, SlotRun(slots[7], 1)),
    ]
    assert report.missing_slots == 3
    assert report.longest_unpolled_s == 120


@pytest.mark.parametrize(
    ("outcomes", "final"),
    [
        pytest.param([Outcome.MISSED, Outcome.TIMEOUT], Outcome.TIMEOUT, id="polled-outranks-missed"),
        pytest.param([Outcome.TIMEOUT, Outcome.MISSED], Outcome.TIMEOUT, id="missed-later-changes-nothing"),
        pytest.param([Outcome.INTERNAL, Outcome.SUCCESS], Outcome.INTERNAL, id="the-earliest-poll-counts"),
        pytest.param([Outcome.MISSED, Outcome.MISSED], Outcome.MISSED, id="missed"),
    ],
)
def test_the_final_outcome_of_a_slot(outcomes: list[Outcome], final: Outcome) -> None:
    slot = slots_of()[4]
    report = audited([status(slot, outcome, late_ms=nth) for nth, outcome in enumerate(outcomes)])
    assert report.final == Counter({final: 1})


def test_a_ranged_missed_covers_its_slots_and_no_others() -> None:
    slots = slots_of()
    report = audited([status(slots[1], Outcome.MISSED, slots=8), status(slots[0]), status(slots[5])])
    assert report.final == Counter({Outcome.MISSED: 7, Outcome.SUCCESS: 2})
    assert [each.slots for each in report.missing] == [SlotRun(slots[9], 1)]
    assert report.missed_reasons == Counter({"overload": 7})


def test_a_ranged_missed_that_begins_before_the_window_counts() -> None:
    first = slots_of()[0] - 20 * 60
    report = audited([status(first, Outcome.MISSED, slots=30)])
    assert (report.missing, report.final) == ([], Counter({Outcome.MISSED: 10}))


def test_two_polls_of_a_slot_are_told_from_one_record_written_twice() -> None:
    slots = slots_of()
    report = audited(
        [status(slot) for slot in slots]
        + [status(slots[0]), status(slots[1], Outcome.TIMEOUT, late_ms=900, worker="w2")]
    )
    assert report.repeated == 1
    assert [(each.slot, [poll.worker for poll in each.polls]) for each in report.polled_twice] == [
        (slots[1], ["w1", "w2"])
    ]
    assert report.final == Counter({Outcome.SUCCESS: 10})


def test_nothing_is_expected_within_one_interval_of_a_resources_appearing() -> None:
    since = slots_of()[3]
    report = audited([], [(resource(JOB, since_s=since), since)])
    assert report.expected == 6
    assert report.missing[0].slots.first == since + 60


def test_nothing_is_expected_after_a_resource_went_and_its_last_interval_is_not_judged() -> None:
    gone = slots_of()[5] + 1
    report = audited([], [(resource(JOB), T0 - 1_000), (None, gone)])
    assert (report.expected, report.at_edges) == (5, 1)


def test_a_slot_in_the_last_interval_that_was_polled_counts() -> None:
    last = slots_of()[5]
    report = audited([status(last)], [(resource(JOB), T0 - 1_000), (None, last + 1)])
    assert (report.expected, report.at_edges, report.final.total()) == (6, 0, 1)


def test_a_job_goes_on_when_others_come_and_go() -> None:
    changed = slots_of()[5]
    records = [(resource(JOB), T0 - 1_000), (resource(JOB, OTHER, since_s=changed), changed), (resource(JOB), changed)]
    report = audited([status(slot) for slot in slots_of()], [(record, at) for record, at in records])
    assert (report.expected, report.missing) == (10, [])


def test_a_resource_that_comes_back_is_expected_again_one_interval_later() -> None:
    gone, back = slots_of()[2] + 1, slots_of()[6] + 1
    records = [(resource(JOB), T0 - 1_000), (None, gone), (resource(JOB, since_s=back), back)]
    report = audited([], [(record, at) for record, at in records])
    assert report.expected + report.at_edges == 3 + 2


def test_slots_that_cannot_be_settled_yet_are_not_judged() -> None:
    slots = slots_of()
    report = audited([], window=Window(T0, T0 + 600, read_at_s=slots[4] + 60 + 30.0, settle_s=30.0))
    assert report.expected == 5


def test_a_status_before_the_first_expected_slot_is_harmless() -> None:
    slots = slots_of()
    report = audited([status(slot) for slot in slots], [(resource(JOB, since_s=slots[0]), slots[0])])
    assert (report.expected, report.unexpected, report.missing) == (9, 1, [])


def test_statuses_outside_of_the_window_are_passed_over() -> None:
    assert audited([status(slots_of()[0] - 60), status(slots_of()[-1] + 60)]).unexpected == 0


def test_statuses_off_phase_are_listed_once_beside_a_full_account() -> None:
    slots = slots_of()
    right, wrong = [status(slot) for slot in slots], [status(slot + 7) for slot in slots[:2]]
    missed = status(slots[0] + 9, Outcome.MISSED, slots=3)
    report = audited([*right, *wrong, *wrong, missed])
    assert report.off_phase == [
        OffPhase(KEY, JOB.name, SlotRun(slots[0] + 7, 1), Outcome.SUCCESS, "w1"),
        OffPhase(KEY, JOB.name, SlotRun(slots[1] + 7, 1), Outcome.SUCCESS, "w1"),
        OffPhase(KEY, JOB.name, SlotRun(slots[0] + 9, 3), Outcome.MISSED, "w1"),
    ]
    assert (report.expected, report.missing, report.unexpected, report.repeated) == (10, [], 0, 2)


@pytest.mark.parametrize(
    ("resources", "window"),
    [
        pytest.param([(resource(OTHER), T0 - 1_000)], WINDOW, id="never-wanted-or-compacted-away"),
        pytest.param([(resource(JOB), T0 - 1_000), (resource(OTHER), T0 + 60)], WINDOW, id="of-the-job-before"),
        pytest.param([(resource(JOB), T0 - 1_000), (None, T0 + 60)], WINDOW, id="the-resource-went"),
        pytest.param([(resource(JOB, since_s=T0 + 300), T0 + 300)], WINDOW, id="it-appeared-an-interval-ago"),
        pytest.param([(resource(JOB), T0 - 1_000)], WINDOW._replace(read_at_s=T0 + 300), id="not-settled"),
    ],
)
def test_a_poll_in_phase_is_never_off_phase(
    resources: list[tuple[EnrichedResource | None, int]], window: Window
) -> None:
    report = audited([status(slot) for slot in slots_of()], resources, window)
    assert (report.off_phase, report.unexpected) == ([], 10 - report.final[Outcome.SUCCESS])
    assert report.unexpected > 0


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param({"slots": 0}, id="no-slots"),
        pytest.param({"slots": -2}, id="fewer"),
        pytest.param({"interval_s": 0}, id="no-interval"),
        pytest.param({"interval_s": 1}, id="an-interval-that-is-not-the-jobs"),
        pytest.param({"slot": -60}, id="before-1970"),
        pytest.param({"job": "interfaces"}, id="no-job"),
    ],
)
def test_a_status_of_slots_that_no_job_can_have_is_refused(damage: dict[str, int | str]) -> None:
    audit = Audit(WINDOW)
    with pytest.raises(RecordError, match=f"a status of {re.escape(KEY)}"):
        audit.status(replace(status(slots_of()[0]), **damage))  # type: ignore[arg-type]


def test_a_resource_whose_job_has_no_interval_is_refused_and_the_record_before_stands() -> None:
    audit = Audit(WINDOW)
    audit.resource(KEY, resource(JOB), 0)
    with pytest.raises(RecordError, match="below 1 s"):
        audit.resource(KEY, resource(replace(JOB, interval_s=0)), 0)
    assert audit.report().expected == 10


@pytest.mark.parametrize(
    ("expression", "judged"),
    [
        pytest.param("resource_endpoint = '192.0.2.1'", (1, 10, 1), id="it-fits"),
        pytest.param("resource_endpoint = '192.0.2.9'", (0, 0, 0), id="what-is-known-last-does-not-fit"),
        pytest.param("facts.sys_descr LIKE '%IOS%'", (1, 10, 1), id="by-what-enrichment-found"),
    ],
)
def test_an_audit_of_some_resources_judges_no_others(expression: str, judged: tuple[int, int, int]) -> None:
    audit = Audit(WINDOW, compile_over(expression, ENRICHED))
    device = Enrichment(plugin="device-facts", collected_at_ms=0, ttl_s=60, facts={"sys_descr": "Cisco IOS"})
    before = replace(resource(JOB), resource=replace(resource().resource, endpoint="192.0.2.9"))
    audit.resource(KEY, before, (T0 - 1_000) * 1000)
    audit.resource(KEY, replace(resource(JOB), enrichments={"device": device}), (T0 - 999) * 1000)
    audit.status(status(PHASE + T0 - T0 % 60 + 121))
    report = audit.report()
    assert (report.resources, report.expected, len(report.off_phase)) == judged


def test_reports_of_partitions_add_up() -> None:
    slots = slots_of()
    whole = audited([status(slot) for slot in slots])
    whole.add(audited([status(slot) for slot in [*slots[1:], slots[0] + 1]]))
    whole.add(AuditReport(unreadable=2))
    assert (whole.resources, whole.expected, whole.missing_slots) == (2, 20, 1)
    assert (len(whole.off_phase), whole.unreadable) == (1, 2)
    assert whole.final == Counter({Outcome.SUCCESS: 19})


@given(
    st.lists(
        st.sampled_from(["poll", "missed", "ranged", "nothing", "twice", "missed-and-poll"]), min_size=1, max_size=9
    )
)
def test_exactly_what_was_left_out_is_missing(fates: list[str]) -> None:
    slots, statuses = slots_of(), list[PollStatus]()
    for slot, fate in zip(slots, fates, strict=False):
        if fate in ("missed", "missed-and-poll"):
            statuses.append(status(slot, Outcome.MISSED))
        if fate == "ranged":
            statuses.append(status(slot - 600, Outcome.MISSED, slots=11))
        if fate in ("poll", "twice", "missed-and-poll"):
            statuses.append(status(slot))
        if fate == "twice":
            statuses.append(status(slot, worker="w2"))
    covered_by_ranges = {
        slot for fate, last in zip(fates, slots, strict=False) if fate == "ranged" for slot in slots if slot <= last
    }
    left_out = set(slots[len(fates) :]) | {slot for slot, fate in zip(slots, fates, strict=False) if fate == "nothing"}
    report = audited(statuses)
    found = {run.first + nth * 60 for _, _, run in report.missing for nth in range(run.slots)}
    assert found == left_out - covered_by_ranges
    assert len(report.polled_twice) == fates.count("twice")
    assert report.expected == report.final.total() + report.missing_slots
