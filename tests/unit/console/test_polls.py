"""The last polls of a device: packed, by slot, each told once, the newest fifty."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import to_avro
from schemas.records import Outcome, PollStatus
from streams.console.models.devices import KEPT, Polls
from streams.console.models.states import DeviceHealth
from tests.unit.console.test_api import poll

polls = st.builds(
    lambda slot, outcome, job, since, late: replace(
        poll("a", slot, outcome, str(outcome)), job=job, unreachable_since_ms=since, lateness_ms=late
    ),
    st.integers(1, 80), st.sampled_from(list(Outcome)), st.sampled_from(["x", "y"]),
    st.none() | st.integers(0, 2**40), st.integers(-(2**40), 2**40),
)  # fmt: skip


def by_hand(told: list[PollStatus]) -> list[PollStatus]:
    known: dict[tuple[int, str], PollStatus] = {}
    for each in told:
        key, before = (each.slot, each.job), known.get((each.slot, each.job))
        if before is None or (before.outcome == "MISSED" and each.outcome != "MISSED"):
            known[key] = each
        known = dict(sorted(known.items())[-KEPT:])
    return list(known.values())


@given(st.lists(polls, max_size=150))
def test_what_is_kept_is_what_was_told(told):
    kept = Polls()
    for each in told:
        before = list(kept)
        assert kept.take(to_avro(each)) is (list(kept) != before)
    assert list(kept) == by_hand(told)
    assert kept.last == (kept[-1] if told else None)
    assert kept[-3:] == list(kept)[-3:]


def test_the_worst_of_the_newest_poll_of_each_job_is_the_devices_state():
    kept = Polls()
    assert kept.state is DeviceHealth.UNKNOWN
    for slot, job, outcome in ((60, "x", Outcome.TIMEOUT), (120, "x", Outcome.SUCCESS), (60, "y", Outcome.PARTIAL)):
        kept.take(to_avro(replace(poll("a", slot, outcome), job=job)))
    assert kept.state is DeviceHealth.PARTIAL
