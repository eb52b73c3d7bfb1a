"""`panoptes slots audit`: read the topics back and prove that every scheduled slot is accounted for."""

import asyncio
import json
import os
import re
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
from aiokafka.errors import KafkaError

from schemas.errors import PanoptesError, RecordError
from schemas.records import EnrichedResource, PollStatus
from streams.pipeline import Topic
from streams.runtime.kafka import client_options
from streams.runtime.registry import open_registry
from streams.runtime.replay import partitions, replay
from streams.runtime.serde import Serdes
from streams.runtime.settings import Settings, SettingsError, load
from streams.runtime.topics import topic_name
from streams.scheduling.audit import Audit, Report, Window

EXIT_UNACCOUNTED: Final = 1
EXIT_BAD_USAGE: Final = 2
EXIT_CANNOT_READ: Final = 3

SHOWN: Final = 20  #: lines of each list, unless --all
SKEW_S: Final = 60  #: statuses are read from so long before the window: clocks of workers and brokers differ
UNITS_S: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


class Moment(click.ParamType):
    """Unix seconds, `15m` (ago; s, m, h or d), or a time like 2025-01-31T12:00:00 (UTC unless it says otherwise)."""

    name = "when"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        text = str(value).strip()
        if text.isdecimal():
            return int(text)
        if ago := re.fullmatch(r"(\d+)([smhd])", text):
            return int(time.time()) - int(ago[1]) * UNITS_S[ago[2]]
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            self.fail(
                f"{text!r}: expected Unix seconds, an age such as 15m, or a time such as 2025-01-31T12:00:00Z",
                param,
                ctx,
            )
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


@click.group("slots")
def command() -> None:
    """Prove that every scheduled slot is accounted for."""


@command.command("audit")
@click.option("--since", type=Moment(), required=True, help="First slot: Unix seconds, an age (15m), or an ISO time.")
@click.option("--until", type=Moment(), help="Last slot; by default now.")
@click.option(
    "--settle", "settle_s", type=float, default=30.0, show_default=True,
    help="A slot is judged when its interval and so many seconds have passed.",
)  # fmt: skip
@click.option("--strict", is_flag=True, help="Fail, too, where a slot was polled twice.")
@click.option("--all", "show_all", is_flag=True, help=f"Every line of each list, not only {SHOWN}.")
@click.option("--config", type=click.Path(path_type=Path), help="panoptes.ini to use.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def audit_slots(  # noqa: PLR0913 (one argument per option)
    *, since: int, until: int | None, settle_s: float, strict: bool, show_all: bool, config: Path | None, as_json: bool
) -> None:
    """Compare the slots that resources ask for with what poll-status says of them.

    Exit status 0: every slot is accounted for; 1: some are not (or, with --strict, some were polled twice); 2: wrong
    settings; 3: the topics cannot be read.
    """
    try:
        settings = load(config, os.environ)
    except SettingsError as error:
        click.echo(str(error), err=True)
        sys.exit(EXIT_BAD_USAGE)
    now_s = time.time()
    window = Window(since, int(now_s) if until is None else until, now_s, settle_s)
    try:
        report, unreadable = asyncio.run(audit(settings, window))
    except (KafkaError, OSError, PanoptesError) as error:
        click.echo(f"cannot read the topics from {settings.kafka.bootstrap_servers}: {error}", err=True)
        sys.exit(EXIT_CANNOT_READ)
    if as_json:
        click.echo(json.dumps(as_data(report, window, unreadable), indent=2))
    else:
        for line in as_lines(report, window, unreadable, limit=None if show_all else SHOWN):
            click.echo(line)
    if report.missing or (strict and report.polled_twice):
        sys.exit(EXIT_UNACCOUNTED)


async def audit(settings: Settings, window: Window) -> tuple[Report, int]:
    """Return the report over all partitions, and how many records could not be decoded.

    A resource's records have one partition number in both topics, so one partition after the other is judged and
    forgotten. Raises KafkaError, BackendError.
    """
    serdes = Serdes(settings, open_registry(settings))
    options = client_options(settings.kafka)
    report, unreadable = Report(), 0
    for number in await partitions(options, topic_name(settings, Topic.ENRICHED_RESOURCES)):
        one = Audit(window)
        unreadable += await _resources(one, options, settings, serdes, number)
        unreadable += await _statuses(one, options, settings, serdes, number)
        report.add(one.report())
    return report, unreadable


async def _resources(
    into: Audit, options: Mapping[str, Any], settings: Settings, serdes: Serdes, partition: int
) -> int:
    serde, unreadable = serdes.of(Topic.ENRICHED_RESOURCES, EnrichedResource), 0
    async for record in replay(options, topic_name(settings, Topic.ENRICHED_RESOURCES), only=(partition,)):
        try:
            resource = None if record.value is None else await serde.read(record.value)
        except RecordError:
            unreadable += 1
            continue
        into.resource(record.key.decode(), resource, record.timestamp)
    return unreadable


async def _statuses(into: Audit, options: Mapping[str, Any], settings: Settings, serdes: Serdes, partition: int) -> int:
    serde, unreadable = serdes.of(Topic.POLL_STATUS, PollStatus), 0
    since_ms = (into.window.since - SKEW_S) * 1000
    topic = topic_name(settings, Topic.POLL_STATUS)
    async for record in replay(options, topic, since_ms=since_ms, only=(partition,)):
        try:
            into.status(await serde.read(record.value))
        except RecordError:
            unreadable += 1
    return unreadable


def as_data(report: Report, window: Window, unreadable: int) -> dict[str, Any]:
    """Return the report in JSON's types; slots are Unix seconds, with all lists in full."""
    return {
        "since": window.since,
        "until": window.until,
        "resources": report.resources,
        "expected": report.expected,
        "final": {outcome.value: count for outcome, count in sorted(report.final.items())},
        "missing_slots": report.missing_slots,
        "missing": [
            {"resource": key, "job": job, "first": run.first, "slots": run.slots} for key, job, run in report.missing
        ],
        "missed_reasons": dict(report.missed_reasons.most_common()),
        "polled_twice": [
            {"resource": key, "job": job, "slot": slot, "polls": [poll._asdict() for poll in polls]}
            for key, job, slot, polls in report.polled_twice
        ],
        "repeated_records": report.repeated,
        "unexpected_slots": report.unexpected,
        "at_edges": report.at_edges,
        "unreadable_records": unreadable,
        "longest_unpolled_s": report.longest_unpolled_s,
        "lateness_ms": {name: report.lateness_quantile_ms(share) for name, share in _SHARES.items()},
    }


_SHARES: Final = {"p50": 0.5, "p99": 0.99, "max": 1.0}


def as_lines(report: Report, window: Window, unreadable: int, *, limit: int | None) -> list[str]:
    """Return the report for people, its lists cut to `limit` lines."""
    final = ", ".join(f"{outcome.value.lower()} {count}" for outcome, count in report.final.most_common())
    late = {name: report.lateness_quantile_ms(share) for name, share in _SHARES.items()}
    lines = [
        f"slots from {_time(window.since)} to {_time(window.until)} of {report.resources} resources",
        f"expected     {report.expected}",
        f"accounted    {report.expected - report.missing_slots}  ({final or 'none'})",
        f"missing      {report.missing_slots}",
        *_cut([f"  {key} {job}: {_run(run.first, run.slots)}" for key, job, run in report.missing], limit),
        f"polled twice {len(report.polled_twice)}",
        *_cut([f"  {key} {job}: {_time(slot)} by {_workers(polls)}" for key, job, slot, polls in report.polled_twice],
              limit),
        *(f"missed       {count} x {reason}" for reason, count in report.missed_reasons.most_common(limit)),
        f"lateness ms  p50 {late['p50']}, p99 {late['p99']}, max {late['max']}",
        f"longest time without a poll of one job: {report.longest_unpolled_s} s",
        f"harmless: {report.repeated} repeated records, {report.unexpected} slots outside of a job's life",
        f"not judged: {report.at_edges} slots without a status in the last interval before a job went",
    ]  # fmt: skip
    if unreadable:
        lines.append(f"unreadable   {unreadable} records could not be decoded")
    return lines


def _cut(lines: list[str], limit: int | None) -> list[str]:
    if limit is None or len(lines) <= limit:
        return lines
    return [*lines[:limit], f"  … {len(lines) - limit} more (--all shows them)"]


def _run(first: int, slots: int) -> str:
    return _time(first) if slots == 1 else f"{slots} slots from {_time(first)}"


def _workers(polls: tuple[Any, ...]) -> str:
    return " and ".join(f"{poll.worker} ({poll.outcome.value.lower()})" for poll in polls)


def _time(slot: int) -> str:
    return datetime.fromtimestamp(slot, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
