"""The check of the demo must itself be able to fail."""

import time
from typing import Any

import pytest

from streams.playground.check import expected, verdict
from streams.playground.check.judge import Judge
from streams.playground.simulators import server, truth
from streams.playground.simulators.devices import fleet

EPOCH_S = 1_790_000_000.0
DEVICES = fleet()
BY_ID = {device.device_id: device for device in DEVICES}
BY_ROLE = {device.role: device for device in DEVICES}


def _judge() -> Judge:
    return Judge(server.description(DEVICES, 1161, EPOCH_S))


def _gauge(role: str, *, to_s: float = 60.0, port: int = 0, duration_s: float = 10.0, **changes: Any) -> dict[str, Any]:
    """Return the gauge that a right pipeline would publish, with changes."""
    device = BY_ROLE[role]
    interface = device.interfaces[port]
    at = EPOCH_S + to_s
    gauges: dict[str, float] = {"mtu": interface.mtu}
    missing: dict[str, str] = {}
    for name, quantity in expected.QUANTITIES.items():
        rate = truth.mean_rate(device, interface, truth.Quantity(quantity), EPOCH_S, at - duration_s, at)
        if rate is None:
            missing[name] = "reboot"
        else:
            gauges[name] = rate
    up = {True: "up", False: "down"}
    return {
        "resource": f"{device.site}|network|switch|{device.vendor}|{device.device_id}",
        "job": "snmp/auto/10",
        "group": "interface",
        "slot": int(at),
        "row": interface.name,
        "time_ms": at * 1000,
        "duration_s": duration_s,
        "gauges": gauges,
        "states": {"admin_state": up[interface.admin_up], "oper_state": up[interface.oper_up]},
        "dimensions": {"alias": interface.alias},
        "missing": missing,
        **changes,
    }


def _take(judge: Judge, gauge: dict[str, Any]) -> None:
    question = judge.gauge(gauge, repr(gauge).encode())
    if question is not None:
        judge.settle(question, server.judge(BY_ID, EPOCH_S, question.asked()))


def test_true_gauges_agree() -> None:
    judge = _judge()
    for role in ("ordinary", "reboots", "wraps-32-bit", "huge-counters", "clears-counters"):
        for port in range(48):
            _take(judge, _gauge(role, port=port))
    assert judge.problems == []
    assert judge.agreed == 5 * 48 * 12
    assert judge.disagreed == 0
    assert max(judge.errors) < 1e-9


@pytest.mark.parametrize(
    ("role", "changes", "said"),
    [
        pytest.param("ordinary", {"gauges": {"mtu": 1500, "octets_in": 1.0}}, "octets_in is", id="wrong-rate"),
        pytest.param(
            "ordinary", {"states": {"admin_state": "down", "oper_state": "up"}}, "admin_state", id="wrong-state"
        ),
        pytest.param("ordinary", {"dimensions": {}}, "alias is", id="name-missing"),
        pytest.param("ordinary", {"row": "Gi9/9/9"}, "has no interface", id="unknown-row"),
        pytest.param("ordinary", {"missing": {"errors_in": "reboot"}, "gauges": {}}, "'reboot'", id="false-reboot"),
        pytest.param("ordinary", {"gauges": {"mtu": 1500}}, "absent without a reason", id="absent-without-reason"),
        pytest.param("silent", {}, "never answers, but has a gauge", id="made-up-number"),
    ],
)
def test_what_is_wrong_is_found(role: str, changes: dict[str, Any], said: str) -> None:
    judge = _judge()
    _take(judge, _gauge(role, **changes))
    assert any(said in problem for problem in judge.problems), judge.problems


def test_a_rate_over_a_reboot_is_found() -> None:
    every = BY_ROLE["reboots"].reboots_every_s
    assert every is not None
    judge = _judge()
    _take(judge, _gauge("reboots", to_s=every + 4))
    assert judge.problems == []
    assert judge.restarts_seen == {"reboots: reboot": 12}
    spike = _gauge("reboots", to_s=every + 5)
    _take(judge, {**spike, "gauges": {**spike["gauges"], "octets_in": 0.0}})
    assert "although the counter restarted" in judge.problems[0]


def _row_gauge(number: int, group: str, row: str, *, to_s: float = 60.0, **changes: Any) -> dict[str, Any]:
    """Return the gauge of a row that a right pipeline would publish, with changes."""
    device, duration_s = DEVICES[number], 10.0
    true = server.rows(device, to_s - duration_s, to_s)[group, row]
    return {
        "resource": f"{device.site}|network|switch|{device.vendor}|{device.device_id}",
        "job": "snmp/auto/10",
        "group": group,
        "slot": EPOCH_S + to_s,
        "row": row,
        "time_ms": (EPOCH_S + to_s) * 1000,
        "duration_s": duration_s if true.rates else None,
        "gauges": {**true.levels, **true.rates},
        "states": true.states,
        "dimensions": {},
        "missing": {},
        **changes,
    }


def _take_row(judge: Judge, gauge: dict[str, Any]) -> None:
    question = judge.gauge(gauge, repr(gauge).encode())
    if question is not None:
        judge.settle(question, server.judge_row(BY_ID, EPOCH_S, question.asked()))


def test_true_rows_agree_and_nothing_of_them_is_lacking_then() -> None:
    judge = _judge()
    for number in (0, 1):
        rows = server.rows(DEVICES[number], 0, 1)
        assert {group for group, _ in rows} >= {"cpu", "memory", "temperature", "rotation", "bgp_peer"}
        for group, row in rows:
            _take_row(judge, _row_gauge(number, group, row))
    assert judge.problems == []
    assert not [text for text in verdict.lacking(judge) if "has been seen" in text and ": no " in text]


@pytest.mark.parametrize(
    ("number", "group", "row", "changes", "said"),
    [
        pytest.param(1, "cpu", "CPU 1", {"gauges": {"cpu_utilization": 99.0}}, "cpu_utilization is", id="wrong-load"),
        pytest.param(0, "memory", "CPU 0", {"gauges": {}}, "memory_used is", id="level-absent"),
        pytest.param(0, "power", "Power Supply 2", {"states": {"power_state": "ok"}}, "failed", id="wrong-state"),
        pytest.param(0, "bgp_peer", "192.0.2.1", {"states": {"peer_state": "idle"}}, "'established'", id="false-peer"),
        pytest.param(0, "bgp_peer", "192.0.2.1", {"missing": {"updates_in": "reboot"}}, "'reboot'", id="false-reboot"),
    ],
)
def test_a_wrong_row_is_found(number: int, group: str, row: str, changes: dict[str, Any], said: str) -> None:
    judge = _judge()
    _take_row(judge, _row_gauge(number, group, row, **changes))
    assert any(said in problem for problem in judge.problems), judge.problems


def test_a_wrong_rate_of_a_row_and_a_row_that_no_device_has_are_found() -> None:
    judge = _judge()
    good = _row_gauge(0, "bgp_peer", "192.0.2.1")
    _take_row(judge, {**good, "gauges": {**good["gauges"], "updates_in": 1e6}})
    _take_row(judge, {**good, "row": "192.0.2.9"})
    assert (judge.disagreed, len(judge.problems)) == (1, 2)
    assert "has no row '192.0.2.9'" in judge.problems[1]


def test_a_repeat_must_be_the_same() -> None:
    judge = _judge()
    gauge = _gauge("ordinary")
    assert judge.gauge(gauge, b"once") is not None
    assert judge.gauge(gauge, b"once") is None
    assert (judge.repeats, judge.problems) == (1, [])
    judge.gauge(gauge, b"other")
    assert "repeat differs" in judge.problems[0]


@pytest.mark.parametrize(("role", "outcome", "wrong"), [
    ("silent", "TIMEOUT", False), ("wrong-community", "UNREACHABLE", False), ("silent", "SUCCESS", True),
    ("wrong-community", "AUTH", True),
])  # fmt: skip
def test_mute_devices_must_be_reported_as_not_answering(role: str, outcome: str, wrong: bool) -> None:
    judge = _judge()
    judge.status(
        {"resource": f"a|b|c|d|{BY_ROLE[role].device_id}", "slot": EPOCH_S + 60, "outcome": outcome, "reason": ""}
    )
    assert bool(judge.problems) == wrong


def test_a_poll_that_lacks_something_is_found_unless_the_device_is_slow_by_design() -> None:
    judge = _judge()
    for role in ("slow", "lossy", "reboots", "ordinary"):
        device = BY_ROLE[role].device_id
        judge.status({"resource": f"a|b|c|d|{device}", "slot": EPOCH_S + 60, "outcome": "PARTIAL", "reason": "lost"})
    assert judge.problems == [f"{BY_ROLE['ordinary'].device_id} slot {EPOCH_S + 60}: PARTIAL: lost"]


def test_a_good_poll_without_all_its_gauges_is_found() -> None:
    judge = _judge()
    for port in range(47):
        _take(judge, _gauge("ordinary", port=port))
    gauge = _gauge("ordinary")
    judge.status({"resource": gauge["resource"], "slot": gauge["slot"], "outcome": "SUCCESS", "reason": ""})
    assert verdict.unfinished(judge, gauge["slot"] + 5) == []
    assert "47 of 48 gauges" in verdict.unfinished(judge, time.time() + 1e9)[0]


def test_what_has_not_been_seen_is_lacking() -> None:
    rows = sum(len(device["rows"]) for device in _judge().devices.values())
    assert rows > 10
    assert len(verdict.lacking(_judge())) == 24 + 3 + rows
