"""`panoptes slots audit`: what it takes, what it prints, and how it ends."""

import asyncio
import json
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
from aiokafka.errors import KafkaConnectionError
from click.testing import CliRunner

from schemas.records import EnrichedResource, Outcome, PollStatus
from streams.cli import main
from streams.cli.topics import slots
from streams.cli.topics.slots import WhenType, as_data, as_lines
from streams.pipeline import Topic
from streams.runtime.registry.opening import open_registry
from streams.runtime.registry.serde import Serdes
from streams.runtime.settings.loading import Settings, load
from streams.scheduling.audit import AuditReport, OffPhase, PolledSlot, PolledTwice, Unaccounted, Window
from streams.scheduling.slots import SlotRun
from tests.unit.scheduling.test_audit import JOB, KEY, resource, slots_of, status

T0 = 1_700_000_000
WINDOW = Window(T0, T0 + 600, T0 + 1_000)


OFF_PHASE = OffPhase("lab|a|b|c|d", "snmp/if-mib/60", SlotRun(T0 + 9, 1), Outcome.SUCCESS, "c:3")


def a_report(*, missing: bool = True) -> AuditReport:
    polls = (PolledSlot(Outcome.SUCCESS, T0 * 1000, "a:1"), PolledSlot(Outcome.TIMEOUT, T0 * 1000 + 5, "b:2"))
    return AuditReport(
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
    assert WhenType().convert(text, None, None) == expected


@pytest.mark.parametrize(("text", "age_s"), [("90s", 90), ("15m", 900), ("2h", 7_200), ("1d", 86_400)])
def test_an_age_is_read(text: str, age_s: int) -> None:
    assert WhenType().convert(text, None, None) == pytest.approx(time.time() - age_s, abs=2)


@pytest.mark.parametrize(
    "text",
    [
        *("yesterday", "-5m", "5w", "1.5h", "10 m", "", "²", "1" * 5_000),
        pytest.param("1700000000000", id="milliseconds"),
        pytest.param("999999999999d", id="before-1970"),
        pytest.param("1969-12-31T23:59:59Z", id="a-second-before-1970"),
        pytest.param("0001-01-01T00:00:00+14:00", id="before-any-year"),
    ],
)
def test_another_text_is_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(click.BadParameter, match="expected Unix seconds"):
        WhenType().convert(text, None, None)


def test_people_are_told_what_is_missing_and_who_polled_twice() -> None:
    text = "\n".join(as_lines(replace(a_report(), off_phase=[OFF_PHASE], unreadable=4), WINDOW, limit=20))
    assert "accounted    7  (success 6, missed 1)" in text
    assert "missing      3\n  lab|a|b|c|d snmp/if-mib/60: 3 slots from 2023-11-14T22:13:27Z" in text
    assert "2023-11-14T22:13:20Z by a:1 (success) and b:2 (timeout)" in text
    assert "off phase    1\n  lab|a|b|c|d snmp/if-mib/60: 2023-11-14T22:13:29Z by c:3 (success)" in text
    assert "unreadable   4 records" in text
    assert "1 x 61.0 s late" in text
    assert "p50 2, p99 90, max 90" in text


def test_long_lists_are_cut_and_say_so() -> None:
    report = a_report()
    report.missing *= 30
    lines = as_lines(report, WINDOW, limit=20)
    assert sum("3 slots from" in line for line in lines) == 20
    assert "  … 10 more (--all shows them)" in lines


def test_the_json_says_the_same_in_full() -> None:
    data = json.loads(json.dumps(as_data(replace(a_report(), off_phase=[OFF_PHASE], unreadable=2), WINDOW)))
    assert data["missing"] == [{"resource": "lab|a|b|c|d", "job": "snmp/if-mib/60", "first": T0 + 7, "slots": 3}]
    assert data["missing_slots"] == 3
    assert data["final"] == {"SUCCESS": 6, "MISSED": 1}
    assert data["polled_twice"][0]["polls"][1]["worker"] == "b:2"
    assert data["lateness_ms"] == {"p50": 2, "p99": 90, "max": 90}
    assert data["unreadable_records"] == 2
    assert data["off_phase"] == [
        {
            "resource": "lab|a|b|c|d", "job": "snmp/if-mib/60", "first": T0 + 9, "slots": 1,
            "outcome": "SUCCESS", "worker": "c:3",
        }
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("report", "options", "status"),
    [
        pytest.param(a_report(), [], 1, id="missing"),
        pytest.param(a_report(missing=False), [], 0, id="polled-twice-is-harmless"),
        pytest.param(a_report(missing=False), ["--strict"], 1, id="unless-strict"),
        pytest.param(replace(a_report(missing=False), off_phase=[OFF_PHASE]), [], 1, id="off-phase"),
        pytest.param(replace(a_report(missing=False), unreadable=1), [], 3, id="unreadable-records"),
        pytest.param(replace(a_report(), unreadable=1), [], 1, id="missing-and-unreadable-records"),
        pytest.param(AuditReport(resources=2), [], 3, id="nothing-expected"),
    ],
)
def test_the_exit_status(monkeypatch: pytest.MonkeyPatch, report: AuditReport, options: list[str], status: int) -> None:
    async def audited(_settings: Settings, _window: Window, _wanted: object) -> AuditReport:
        return report

    monkeypatch.setattr(slots, "audit", audited)
    assert CliRunner().invoke(main, ["slots", "audit", "--since", "1h", *options]).exit_code == status


def test_wrong_settings_are_named(tmp_path: Path) -> None:
    wrong = tmp_path / "panoptes.ini"
    wrong.write_text("[kafka]\npartitions = none\n")
    ended = CliRunner().invoke(main, ["slots", "audit", "--since", "1h", "--config", str(wrong)])
    assert ended.exit_code == 2
    assert "partitions" in ended.output


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param(["--since", "1h", "--until", "2h"], "--until", id="until-before-since"),
        pytest.param(["--since", "2999-01-01"], "--until", id="since-after-now"),
        pytest.param(["--since", "1h", "--settle", "nan"], "--settle", id="settle-not-a-number"),
        pytest.param(["--since", "1h", "--settle", "inf"], "--settle", id="settle-for-ever"),
        pytest.param(["--since", "1h", "--settle", "-1"], "--settle", id="settle-before-its-end"),
        pytest.param(["--since", "1700000000000"], "--since", id="milliseconds"),
    ],
)
def test_options_that_cannot_be_are_named(options: list[str], said: str) -> None:
    ended = CliRunner().invoke(main, ["slots", "audit", *options])
    assert (ended.exit_code, said in ended.output) == (2, True)


@pytest.fixture
def serdes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Serdes:
    config = tmp_path / "panoptes.ini"
    config.write_text(f"[panoptes]\nstate_dir = {tmp_path}\n")
    monkeypatch.setenv("PANOPTES_CONFIG", str(config))
    settings = load(config, {})
    return Serdes(settings, open_registry(settings))


@pytest.fixture
def topics(serdes: Serdes, monkeypatch: pytest.MonkeyPatch) -> dict[Topic, list[SimpleNamespace]]:
    """What the topics hold, in one partition: a resource, and a status for each of its slots in ten minutes."""
    resources = serdes.of(Topic.ENRICHED_RESOURCES, EnrichedResource)
    statuses = serdes.of(Topic.POLL_STATUS, PollStatus)
    asyncio.run(resources.register())
    asyncio.run(statuses.register())
    held = {
        Topic.ENRICHED_RESOURCES: [a_record(KEY.encode(), resources.encode(resource(JOB)))],
        Topic.POLL_STATUS: [a_record(KEY.encode(), statuses.encode(status(slot))) for slot in slots_of()],
    }

    async def partitions(_options: object, _topic: str) -> list[int]:
        return [0]

    async def replay(_options: object, topic: str, **_which: object) -> AsyncIterator[SimpleNamespace]:
        for record in held[Topic(topic.removeprefix("panoptes."))]:
            yield record

    monkeypatch.setattr(slots, "partitions", partitions)
    monkeypatch.setattr(slots, "replay", replay)
    return held


def a_record(key: bytes | None, value: bytes | None) -> SimpleNamespace:
    return SimpleNamespace(key=key, value=value, timestamp=(T0 - 1_000) * 1000)


AUDIT = ("slots", "audit", "--json", "--since", str(T0), "--until", str(T0 + 600))


def test_whole_topics_are_a_proof(topics: dict[Topic, list[SimpleNamespace]]) -> None:
    ended = CliRunner().invoke(main, AUDIT)
    assert (ended.exit_code, json.loads(ended.stdout)["final"]) == (0, {"SUCCESS": 10})


@pytest.mark.parametrize(
    ("topic", "damaged"),
    [
        pytest.param(Topic.POLL_STATUS, a_record(KEY.encode(), b"\x07"), id="a-status-that-is-none"),
        pytest.param(Topic.POLL_STATUS, a_record(KEY.encode(), None), id="a-status-without-a-value"),
        pytest.param(Topic.ENRICHED_RESOURCES, a_record(b"other", b""), id="a-resource-that-is-none"),
        pytest.param(Topic.ENRICHED_RESOURCES, a_record(b"\xff", None), id="a-key-that-is-no-text"),
    ],
)
def test_a_damaged_record_is_counted_and_nothing_is_proven(
    topics: dict[Topic, list[SimpleNamespace]], topic: Topic, damaged: SimpleNamespace
) -> None:
    topics[topic].append(damaged)
    ended = CliRunner().invoke(main, AUDIT)
    assert ended.exit_code == 3, ended.output
    assert json.loads(ended.stdout)["unreadable_records"] == 1


def test_a_status_of_no_slots_is_counted_too(serdes: Serdes, topics: dict[Topic, list[SimpleNamespace]]) -> None:
    none = serdes.of(Topic.POLL_STATUS, PollStatus).encode(replace(status(slots_of()[0]), slots=0))
    topics[Topic.POLL_STATUS].append(a_record(KEY.encode(), none))
    ended = CliRunner().invoke(main, AUDIT)
    assert (ended.exit_code, json.loads(ended.stdout)["unreadable_records"]) == (3, 1)


def test_what_the_kafka_client_says_each_second_is_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def away(_settings: Settings, _window: Window, _wanted: object) -> AuditReport:
        for _ in range(3):
            logging.getLogger("aiokafka").error("Unable connect to %s", "127.0.0.1:1")
        raise KafkaConnectionError("away")

    monkeypatch.setattr(logging.getLogger("aiokafka"), "filters", [])
    monkeypatch.setattr(slots, "audit", away)
    assert CliRunner().invoke(main, ["slots", "audit", "--since", "1h"]).exit_code == 3
    assert caplog.messages == ["Unable connect to 127.0.0.1:1"]


@pytest.mark.parametrize(
    ("expression", "ended", "expected"),
    [
        pytest.param("resource_endpoint = '192.0.2.1'", 0, 10, id="it-fits"),
        pytest.param("facts.sys_descr like '%'", 0, 10, id="what-is-not-known-reads-empty"),
        pytest.param("interfaces.alias like 'uplink%'", 3, 0, id="nobody-fits"),
    ],
)
@pytest.mark.usefixtures("topics")
def test_only_slots_of_resources_that_fit_are_judged(expression: str, ended: int, expected: int) -> None:
    result = CliRunner().invoke(main, (*AUDIT, "--filter", expression))
    assert (result.exit_code, json.loads(result.stdout)["expected"]) == (ended, expected)
