"""The check of the lab finds what is wrong; what it reads is made up here, and exact."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.lab.check.judge import Judge, Stretch, Verdict, compare
from tests.lab.check.timeline import Counter, Octets, Session, Span, States, Timeline
from tests.lab.lab import read_spec
from tests.lab.spec import parse

SPEC = parse(read_spec("odd"))
PORT = Counter("legacy", "eth1", "in")
SESSION = Session("router", "10.99.64.1")
#: still until 100, a megabyte a second until 150, still until 180
INTERVAL_S = 10
STRETCH = Stretch(INTERVAL_S, 100.0, 150.0, 180.0)
OCTETS_PER_S = 1_000_000


def octets(at_s: float) -> int:
    return int(OCTETS_PER_S * min(max(at_s - STRETCH.from_s, 0), STRETCH.to_s - STRETCH.from_s))


def timeline() -> Timeline:
    made = Timeline({PORT: Octets()}, {SESSION: States()})
    for half in range(120, 400):
        at_s = half / 2
        made.octets[PORT].add(at_s, at_s, octets(at_s))
        made.sessions[SESSION].add(at_s, at_s, "idle" if 120 <= at_s < 130 else "established")
    return made


def gauge(to_s: float, moved: float, **more: Any) -> dict[str, Any]:
    return {
        "resource": "ams1|network|host|net-snmp|legacy", "group": "interface", "row": "eth1", "slot": int(to_s),
        "time_ms": int(to_s * 1000), "duration_s": float(INTERVAL_S), "missing": {}, "states": {},
        "gauges": {"octets_in": moved / INTERVAL_S}, **more,
    }  # fmt: skip


def session(at_s: float, state: str) -> dict[str, Any]:
    return {
        "resource": "ams1|network|router|net-snmp|router", "group": "bgp_peer", "row": SESSION.peer,
        "time_ms": int(at_s * 1000), "states": {"peer_state": state},
    }  # fmt: skip


def status(name: str, outcome: str) -> dict[str, Any]:
    return {"resource": f"ams1|network|host|net-snmp|{name}", "outcome": outcome, "slots": 1}


def published() -> list[tuple[str, dict[str, Any]]]:
    """Return what a pipeline would publish that makes no mistake."""
    gauges = [gauge(to_s, octets(to_s) - octets(to_s - INTERVAL_S)) for to_s in range(75, 190, INTERVAL_S)]
    return [
        *(("gauges", each) for each in gauges),
        *(("gauges", session(at_s, "idle" if 120 <= at_s < 130 else "established")) for at_s in range(75, 190, 10)),
        *(("poll-status", status(name, "SUCCESS")) for name in ("router", "legacy", "narrow")),
        ("poll-status", status("mute", "TIMEOUT")),
    ]


def judged(records: list[tuple[str, dict[str, Any]]]) -> Verdict:
    judge = Judge(SPEC.nodes)
    for topic, value in records:
        judge.take(topic, value)
    return compare(judge, timeline(), STRETCH)


def test_what_is_true_agrees() -> None:
    verdict = judged(published())
    assert verdict.wrong == []
    assert verdict.sums[PORT] == (50_000_000, 50_000_000)
    assert max(verdict.steady) < 0.001
    assert (verdict.rates, verdict.sessions["established"], verdict.sessions["idle"]) == (12, 11, 1)


def test_a_repeat_changes_nothing() -> None:
    assert judged([*published(), *published()]).sums == judged(published()).sums


Change = Callable[[list[tuple[str, dict[str, Any]]]], list[tuple[str, dict[str, Any]]]]


def without(slot: int) -> Change:
    return lambda records: [(topic, value) for topic, value in records if value.get("slot") != slot]


def instead(slot: int, moved: float) -> Change:
    wrong = gauge(slot, moved)
    return lambda records: [(topic, wrong if value.get("slot") == slot else value) for topic, value in records]


def beside(topic: str, value: dict[str, Any]) -> Change:
    return lambda records: [*records, (topic, value)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(without(125), "legacy:eth1 in: no rate from 115.000 to 125.000", id="an-interval-is-lost"),
        pytest.param(instead(125, 11_500_000), "a rate is 15.00% off, more than 1/10", id="a-rate-is-off"),
        pytest.param(instead(125, 14_000_000), "octets by a rate, by the kernel", id="a-rate-that-cannot-be"),
        pytest.param(instead(125, 10_100_000), "the rates' sum is 50100000, the kernel's", id="a-sum-is-off"),
        pytest.param(instead(175, 60_000), "the rates' sum is 50060000", id="traffic-after-its-end"),
        pytest.param(beside("gauges", session(95, "idle")), "is idle, by FRR established", id="a-state-is-wrong"),
        pytest.param(
            beside("gauges", session(125, "established")), "is established, by FRR idle", id="a-state-is-late"
        ),
        pytest.param(
            beside("gauges", {**session(95, "idle"), "row": "192.0.2.1"}),
            "router has no session with 192.0.2.1",
            id="a-session-that-is-none",
        ),
        pytest.param(beside("poll-status", status("legacy", "PARTIAL")), "not all good", id="a-bad-poll"),
        pytest.param(beside("poll-status", status("mute", "SUCCESS")), "mute is silent, and was polled", id="a-ghost"),
        pytest.param(beside("poll-status", status("else", "SUCCESS")), "else is none of the lab's", id="a-stranger"),
        pytest.param(lambda records: records[-4:], "nothing is shown of sums", id="nothing-published"),
    ],
)
def test_what_is_wrong_is_found(change: Change, said: str) -> None:
    assert any(said in wrong for wrong in judged(change(published())).wrong), judged(change(published())).wrong


def test_one_that_connects_may_be_in_any_state_of_it() -> None:
    assert judged([*published(), ("gauges", session(125, "active"))]).wrong == []


def test_what_an_agent_remembers_widens_what_may_have_moved() -> None:
    read = timeline().octets[PORT]
    assert read.moved(110.25, 120.25, 0) == Span(9_500_000, 10_500_000)
    assert read.moved(110.25, 120.25, 1) == Span(8_500_000, 11_500_000)
    assert read.moved(10, 120, 0) is None  # before the first reading
    assert read.moved(110, 1000, 0) is None  # after the last one


@pytest.mark.parametrize(("at_s", "since_s"), [(99.0, 60.0), (120.2, 120.0), (170.0, 150.0), (10.0, 10.0)])
def test_a_counter_is_still_since_its_first_reading_of_that_value(at_s: float, since_s: float) -> None:
    assert timeline().octets[PORT].still_since(at_s) == since_s


def test_what_lies_between_two_readings_is_on_the_line() -> None:
    read = timeline().octets[PORT]
    assert read.about(110.25) == 10_250_000
    assert read.about(10) is None


def test_what_has_not_been_seen_is_named() -> None:
    judge = Judge(SPEC.nodes)
    assert list(judge.missing(timeline())) == [
        "rates of legacy:eth1 in", "the session of router with 10.99.64.1",
        "any poll of router", "any poll of legacy", "any poll of narrow", "any poll of mute",
    ]  # fmt: skip
    for topic, value in published():
        judge.take(topic, value)
    assert list(judge.missing(timeline())) == []
    assert list(judge.missing(timeline(), since_s=185)) == [
        "rates of legacy:eth1 in",
        "the session of router with 10.99.64.1",
    ]
