"""The view's numbers come from gauges and statuses alone."""

from typing import Any

import pytest
from rich.console import Console

from streams.playground.demo import view
from streams.playground.demo.board import Board, bits, part

NOW_S = 1_790_000_100.0


def _gauge(device: str, row: str, octets_in: float | None, slot: int = 1_790_000_090, **changes: Any) -> dict[str, Any]:
    rates = {} if octets_in is None else {"octets_in": octets_in, "octets_out": octets_in / 2}
    return {
        "resource": f"ams1|network|switch|cisco|{device}",
        "row": row,
        "slot": slot,
        "dimensions": {"alias": f"to {row}"},
        "gauges": rates,
        "missing": {},
        **changes,
    }


def _status(device: str, outcome: str = "SUCCESS", slot: int = 1_790_000_090, reason: str = "") -> dict[str, Any]:
    return {
        "resource": f"ams1|network|switch|cisco|{device}",
        "endpoint": "127.0.0.1:161",
        "outcome": outcome,
        "reason": reason,
        "slot": slot,
        "started_at_ms": slot * 1000 + 7,
        "lateness_ms": 7,
    }


def test_the_busiest_interfaces_come_first_and_stale_ones_not_at_all() -> None:
    board = Board()
    board.gauge(_gauge("a", "x", 100.0), NOW_S)
    board.gauge(_gauge("b", "y", 1e9), NOW_S)
    board.gauge(_gauge("c", "z", 1e10, slot=1_789_990_000), NOW_S)
    busiest = board.busiest(5, NOW_S)
    assert [(traffic.device, traffic.row) for traffic in busiest] == [("b", "y"), ("a", "x")]
    assert busiest[0].bits_in_per_s == 8e9
    assert busiest[0].alias == "to y"


def test_a_gauge_without_rates_is_counted_with_its_reasons_and_shows_no_traffic() -> None:
    board = Board()
    missing = {"octets_in": "reboot", "octets_out": "reboot", "errors_in": "gap"}
    board.gauge(_gauge("a", "x", None, missing=missing), NOW_S)
    assert board.gauges == 1
    assert board.reasons == {"reboot": 1, "gap": 1}
    assert board.busiest(5, NOW_S) == []


def test_a_device_is_what_its_latest_slot_says_whatever_the_order() -> None:
    board = Board()
    board.status(_status("a", "TIMEOUT", slot=20, reason="no answer"))
    board.status(_status("a", "SUCCESS", slot=10))
    assert [polled.reason for polled in board.problems()] == ["no answer"]
    board.status(_status("a", "SUCCESS", slot=30))
    assert board.problems() == []
    assert board.answering() == 1


def test_rates_are_over_the_last_half_minute() -> None:
    board = Board()
    for slot in range(1_790_000_000, 1_790_000_100):
        board.status(_status("a", slot=slot))
    assert board.polls_per_s(NOW_S) == pytest.approx(1.0, rel=0.05)
    assert board.polls_per_s(NOW_S + 100) == 0.0
    assert part(board.lateness_ms, 0.99) == 7


@pytest.mark.parametrize(("per_s", "text"), [
    (0, "0.0 bit/s"), (999, "999.0 bit/s"), (941_200_000, "941.2 Mbit/s"), (4e11, "400.0 Gbit/s"),
    (2e15, "2000.0 Tbit/s"),
])  # fmt: skip
def test_rates_are_said_as_people_say_them(per_s: float, text: str) -> None:
    assert bits(per_s) == text


def test_the_screen_names_interfaces_and_what_is_wrong_and_takes_no_markup_from_devices() -> None:
    board = Board()
    board.gauge(_gauge("sw1", "Gi0/1", 1e6, dimensions={"alias": "uplink [10G] [/nope]"}), NOW_S)
    board.status(_status("dead", "TIMEOUT", reason="no answer with any of 2 credentials"))
    console = Console(width=160, record=True, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    with console.file:
        console.print(view.screen(board, NOW_S, "hint"))
        text = console.export_text()
    for words in ("sw1", "Gi0/1", "uplink [10G] [/nope]", "8.0 Mbit/s", "TIMEOUT", "no answer with any of 2", "hint"):
        assert words in text
    assert "busiest=sw1/Gi0/1" in view.summary(board, NOW_S)


def test_an_empty_board_can_be_shown() -> None:
    console = Console(width=100, record=True, quiet=True)
    console.print(view.screen(Board(), NOW_S, ""))
    assert "devices=0" in view.summary(Board(), NOW_S)
