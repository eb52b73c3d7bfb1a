"""`panoptes slots audit`: what it takes, what it prints, and how it ends."""

import json
import time
from collections import Counter
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from schemas.records import Outcome
from streams.cli import main, slots
from streams.cli.slots import Moment, as_data, as_lines
from streams.runtime.settings import Settings
from streams.scheduling.audit import Polled, PolledTwice, Report, Unaccounted, Window
from streams.scheduling.slots import SlotRun

T0 = 1_700_000_000
WINDOW = Window(T0, T0 + 600, T0 + 1_000)


def a_report(*, missing: bool = True) -> Report:
    polls = (Polled(Outcome.SUCCESS, T0 * 1000, "a:1"), Polled(Outcome.TIMEOUT, T0 * 1000 + 5, "b:2"))
    return Report(
        resources=2,
        expected=10,
        final=Counter({Outcome.SUCCESS: 6, Outcome.MISSED: 1}),
        missing=[Unaccounted("lab|a|b|c|d", "snmp/if-mib/60", SlotRun(T0 + 7, 3))] if missing else [],
        polled_twice=[PolledTwice("lab|a|b|c|d", "snmp/if-mib/60", T0, polls)],
        missed_reasons=Counter({"61.0 s late": 1}),
        lateness_ms=Counter({2: 5, 90: 1}),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("1700000000", T0, id="unix-seconds"),
        pytest.param("2023-11-14T22:13:20Z", T0, id="utc"),
        pytest.param("2023-11-14T22:13:20", T0, id="utc-if-it-does-not-say"),
        pytest.param("2023-11-14T23:13:20+01:00", T0, id="another-zone"),
    ],
)
def test_a_moment_is_read(text: str, expected: int) -> None:
    assert Moment().convert(text, None, None) == expected


@pytest.mark.parametrize(("text", "age_s"), [("90s", 90), ("15m", 900), ("2h", 7_200), ("1d", 86_400)])
def test_an_age_is_read(text: str, age_s: int) -> None:
    assert Moment().convert(text, None, None) == pytest.approx(time.time() - age_s, abs=2)


@pytest.mark.parametrize("text", ["yesterday", "-5m", "5w", ""])
def test_another_text_is_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(click.BadParameter, match="expected Unix seconds"):
        Moment().convert(text, None, None)


def test_people_are_told_what_is_missing_and_who_polled_twice() -> None:
    text = "\n".join(as_lines(a_report(), WINDOW, 0, limit=20))
    assert "accounted    7  (success 6, missed 1)" in text
    assert "missing      3\n  lab|a|b|c|d snmp/if-mib/60: 3 slots from 2023-11-14T22:13:27Z" in text
    assert "2023-11-14T22:13:20Z by a:1 (success) and b:2 (timeout)" in text
    assert "1 x 61.0 s late" in text
    assert "p50 2, p99 90, max 90" in text


def test_long_lists_are_cut_and_say_so() -> None:
    report = a_report()
    report.missing *= 30
    lines = as_lines(report, WINDOW, 0, limit=20)
    assert sum("3 slots from" in line for line in lines) == 20
    assert "  … 10 more (--all shows them)" in lines


def test_the_json_says_the_same_in_full() -> None:
    data = json.loads(json.dumps(as_data(a_report(), WINDOW, 2)))
    assert data["missing"] == [{"resource": "lab|a|b|c|d", "job": "snmp/if-mib/60", "first": T0 + 7, "slots": 3}]
    assert data["missing_slots"] == 3
    assert data["final"] == {"SUCCESS": 6, "MISSED": 1}
    assert data["polled_twice"][0]["polls"][1]["worker"] == "b:2"
    assert data["lateness_ms"] == {"p50": 2, "p99": 90, "max": 90}
    assert data["unreadable_records"] == 2


@pytest.mark.parametrize(
    ("report", "options", "status"),
    [
        pytest.param(a_report(), [], 1, id="missing"),
        pytest.param(a_report(missing=False), [], 0, id="polled-twice-is-harmless"),
        pytest.param(a_report(missing=False), ["--strict"], 1, id="unless-strict"),
        pytest.param(Report(), ["--strict"], 0, id="nothing-expected"),
    ],
)
def test_the_exit_status(monkeypatch: pytest.MonkeyPatch, report: Report, options: list[str], status: int) -> None:
    async def audited(_settings: Settings, _window: Window) -> tuple[Report, int]:
        return report, 0

    monkeypatch.setattr(slots, "audit", audited)
    assert CliRunner().invoke(main, ["slots", "audit", "--since", "1h", *options]).exit_code == status


def test_wrong_settings_are_named(tmp_path: Path) -> None:
    wrong = tmp_path / "panoptes.ini"
    wrong.write_text("[kafka]\npartitions = none\n")
    ended = CliRunner().invoke(main, ["slots", "audit", "--since", "1h", "--config", str(wrong)])
    assert ended.exit_code == 2
    assert "partitions" in ended.output
