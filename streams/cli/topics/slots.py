"""`panoptes slots audit`: proves from the topics that every scheduled slot is accounted for."""

import asyncio
import json
import math
import sys
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
from aiokafka.errors import KafkaError

from schemas.errors import PanoptesError, RecordError
from schemas.records import EnrichedResource, PollStatus
from streams.cli.last_records import filter_option, filter_or_exit
from streams.cli.loading import config_option, load_or_exit, log_briefly
from streams.cli.moments import WhenType
from streams.pipeline import Topic
from streams.runtime.kafka.client import client_options
from streams.runtime.kafka.replay import partitions, replay
from streams.runtime.kafka.topic_names import topic_name
from streams.runtime.registry.opening import open_registry
from streams.runtime.registry.serde import Serdes
from streams.runtime.settings.loading import Settings
from streams.scheduling.audit import Audit, AuditReport, PolledSlot, Window
from streams.scheduling.filters import Fits

EXIT_UNACCOUNTED: Final = 1
EXIT_NO_PROOF: Final = 3

SHOWN: Final = 20  #: lines of each list, unless --all
SKEW_S: Final = 60  #: statuses are read from so long before the window: clocks of workers and brokers differ


def _seconds(_ctx: click.Context, _param: click.Parameter, value: float) -> float:
    if not 0 <= value < math.inf:
        raise click.BadParameter(f"{value}: expected seconds, 0 or more")
    return value


@click.group("slots")
def command() -> None:
    """Prove that every scheduled slot is accounted for."""
    log_briefly()


@command.command("audit")
@click.option("--since", type=WhenType(), required=True, help="First slot: Unix seconds, an age (15m), or an ISO time.")
@click.option("--until", type=WhenType(), help="Last slot; by default now.")
@click.option(
    "--settle", "settle_s", type=float, callback=_seconds, default=30.0, show_default=True,
    help="A slot is judged when its interval and so many seconds have passed.",
)  # fmt: skip
@click.option("--strict", is_flag=True, help="Fail, too, where a slot was polled twice.")
@filter_option("Only slots of resources that this holds for, as they are known now")
@click.option("--all", "show_all", is_flag=True, help=f"Every line of each list, not only {SHOWN}.")
@config_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def audit_slots(  # noqa: PLR0913 (one argument per option)
    *,
    since: int,
    until: int | None,
    settle_s: float,
    strict: bool,
    expression: str,
    show_all: bool,
    config: Path | None,
    as_json: bool,
) -> None:
    """Compare the slots that resources ask for with what poll-status says of them.

    Exit status 0: every slot is accounted for. 1: some are not, or there are statuses off phase (or, with --strict,
    slots that were polled twice). 2: wrong options or settings. 3: nothing is proven, since no slot is expected or the
    topics, or records of them, cannot be read.
    """
    settings, wanted = load_or_exit(config), filter_or_exit(expression)
    now_s = time.time()
    window = Window(since, int(now_s) if until is None else until, now_s, settle_s)
    if window.until < window.since:
        raise click.BadParameter(f"{_time(window.until)} is before {_time(window.since)}", param_hint="--until")
    try:
        report = asyncio.run(audit(settings, window, wanted if expression.strip() else None))
    except (KafkaError, OSError, PanoptesError) as error:
        click.echo(f"cannot read the topics from {settings.kafka.bootstrap_servers}: {error}", err=True)
        sys.exit(EXIT_NO_PROOF)
    if as_json:
        click.echo(json.dumps(as_data(report, window), indent=2))
    else:
        for line in as_lines(report, window, limit=None if show_all else SHOWN):
            click.echo(line)
    sys.exit(exit_status(report, strict=strict))


def exit_status(report: AuditReport, *, strict: bool) -> int:
    """Return 0 when every slot is accounted for, 1 when some are not, 3 when that cannot be told."""
    if report.missing or report.off_phase or (strict and report.polled_twice):
        return EXIT_UNACCOUNTED
    return EXIT_NO_PROOF if report.unreadable or not report.expected else 0


async def audit(settings: Settings, window: Window, wanted: Fits | None = None) -> AuditReport:
    """Return the audit of all partitions, for all resources or the wanted ones.

    A resource's records have one partition number in both topics, so one partition after the other is judged and
    forgotten. Raises KafkaError, BackendError.
    """
    serdes = Serdes(settings, open_registry(settings))
    options = client_options(settings.kafka)
    report = AuditReport()
    for number in await partitions(options, topic_name(settings, Topic.ENRICHED_RESOURCES)):
        one = Audit(window, wanted)
        unreadable = await _resources(one, options, settings, serdes, number)
        unreadable += await _statuses(one, options, settings, serdes, number)
        report.add(one.report())
        report.unreadable += unreadable
    return report


async def _resources(
    into: Audit, options: Mapping[str, object], settings: Settings, serdes: Serdes, partition: int
) -> int:
    serde, unreadable = serdes.of(Topic.ENRICHED_RESOURCES, EnrichedResource), 0
    async for record in replay(options, topic_name(settings, Topic.ENRICHED_RESOURCES), only=(partition,)):
        try:
            resource = None if record.value is None else await serde.read(record.value)
            into.resource(record.key.decode(), resource, record.timestamp)
        except (RecordError, UnicodeDecodeError):
            unreadable += 1
    return unreadable


async def _statuses(
    into: Audit, options: Mapping[str, object], settings: Settings, serdes: Serdes, partition: int
) -> int:
    serde, unreadable = serdes.of(Topic.POLL_STATUS, PollStatus), 0
    since_ms = (into.window.since - SKEW_S) * 1000
    topic = topic_name(settings, Topic.POLL_STATUS)
    async for record in replay(options, topic, since_ms=since_ms, only=(partition,)):
        try:
            into.status(await serde.read(record.value))
        except RecordError:
            unreadable += 1
    return unreadable


def as_data(report: AuditReport, window: Window) -> dict[str, object]:
    """Return the report as JSON types; slots are Unix seconds, with all lists in full."""
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
        "off_phase": [
            {"resource": key, "job": job, "first": run.first, "slots": run.slots, "outcome": outcome, "worker": worker}
            for key, job, run, outcome, worker in report.off_phase
        ],
        "repeated_records": report.repeated,
        "unexpected_slots": report.unexpected,
        "at_edges": report.at_edges,
        "unreadable_records": report.unreadable,
        "longest_unpolled_s": report.longest_unpolled_s,
        "lateness_ms": {name: report.lateness_quantile_ms(share) for name, share in _SHARES.items()},
    }


_SHARES: Final = {"p50": 0.5, "p99": 0.99, "max": 1.0}


def as_lines(report: AuditReport, window: Window, *, limit: int | None) -> list[str]:
    """Return the report as text, its lists cut to `limit` lines."""
    final = ", ".join(f"{outcome.value.lower()} {count}" for outcome, count in report.final.most_common())
    late = {name: report.lateness_quantile_ms(share) for name, share in _SHARES.items()}
    lines = [
        f"slots from {_time(window.since)} to {_time(window.until)} of {report.resources} resources",
        f"expected     {report.expected}" + ("" if report.expected else ": nothing is proven"),
        f"accounted    {report.expected - report.missing_slots}  ({final or 'none'})",
        f"missing      {report.missing_slots}",
        *_cut([f"  {key} {job}: {_run(run.first, run.slots)}" for key, job, run in report.missing], limit),
        f"polled twice {len(report.polled_twice)}",
        *_cut([f"  {key} {job}: {_time(slot)} by {_workers(polls)}" for key, job, slot, polls in report.polled_twice],
              limit),
        f"off phase    {len(report.off_phase)}",
        *_cut([f"  {key} {job}: {_run(run.first, run.slots)} by {worker} ({outcome.value.lower()})"
               for key, job, run, outcome, worker in report.off_phase], limit),
        *(f"missed       {count} x {reason}" for reason, count in report.missed_reasons.most_common(limit)),
        f"lateness ms  p50 {late['p50']}, p99 {late['p99']}, max {late['max']}",
        f"longest time without a poll of one job: {report.longest_unpolled_s} s",
        f"harmless: {report.repeated} repeated records, {report.unexpected} polled slots outside of what is expected",
        f"not judged: {report.at_edges} slots without a status in the last interval before a job went",
    ]  # fmt: skip
    if report.unreadable:
        lines.append(f"unreadable   {report.unreadable} records, of which nothing is known: there may be slots missing")
    return lines


def _cut(lines: list[str], limit: int | None) -> list[str]:
    if limit is None or len(lines) <= limit:
        return lines
    return [*lines[:limit], f"  … {len(lines) - limit} more (--all shows them)"]


def _run(first: int, slots: int) -> str:
    return _time(first) if slots == 1 else f"{slots} slots from {_time(first)}"


def _workers(polls: Iterable[PolledSlot]) -> str:
    return " and ".join(f"{poll.worker} ({poll.outcome.value.lower()})" for poll in polls)


def _time(slot: int) -> str:
    return datetime.fromtimestamp(slot, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
