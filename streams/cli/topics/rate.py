"""`panoptes rate`: converts samples to gauges offline, from lines of JSON to lines of JSON."""

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TextIO, Unpack

import click

from schemas.errors import RecordError
from schemas.records import RawCounters
from streams.cli.loading import EXIT_BAD_SETTINGS, config_option, load_or_exit
from streams.cli.topics.rate_why import WhichNumber, asked_for, explain_from_kafka, why_options
from streams.gauges.fold.advance import Arrival, State, Step, advance
from streams.gauges.fold.derived import Derived, parse
from streams.gauges.fold.explain import explain
from streams.gauges.fold.plan import Rules
from streams.gauges.records.gauge import gauges_of
from streams.gauges.records.jsonl import LineError, read_sample, write_gauge
from streams.gauges.rules import rules_of
from streams.gauges.samples.sample import from_record
from streams.gauges.samples.state import series_of
from streams.runtime.settings.loading import Settings, SettingsError


def _derived(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> tuple[Derived, ...]:
    made = []
    for value in values:
        group, _, rest = value.partition(":")
        name, equals, text = rest.partition("=")
        if not equals:
            raise click.BadParameter(f"{value!r}: expected 'GROUP: NAME = DECLARATION'")
        try:
            made.append(parse(group.strip(), name.strip(), text))
        except ValueError as error:
            raise click.BadParameter(str(error)) from error
    if repeated := [name for name, count in Counter((one.group, one.name) for one in made).items() if count > 1]:
        raise click.BadParameter(f"given more than once: {', '.join(': '.join(name) for name in repeated)}")
    return tuple(made)


@click.command(name="rate")
@click.argument("samples", type=click.File("r", encoding="utf-8-sig", errors="backslashreplace"), default="-")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON per gauge; what is done without options too.")
@click.option("--explain", "in_words", is_flag=True, help="Tell in words what became of each sample, and why.")
@click.option("--line-rate-margin", type=click.FloatRange(min=1), show_default="1.1",
              help="Refuse rates above the line's speed times this.")  # fmt: skip
@click.option("--max-gap-intervals", type=click.IntRange(min=1), show_default="3",
              help="A rate is the mean over at most so many intervals.")  # fmt: skip
@click.option("--derive", "derived", multiple=True, callback=_derived, metavar="'GROUP: NAME = DECLARATION'",
              help="A derived value, as in the configuration; may be given several times.")  # fmt: skip
@click.option("--counters", is_flag=True, help="Put the raw counters into the gauges too.")
@why_options
@config_option
def command(  # noqa: PLR0913 - one per option
    samples: TextIO,
    *,
    as_json: bool,
    in_words: bool,
    line_rate_margin: float | None,
    max_gap_intervals: int | None,
    derived: tuple[Derived, ...],
    counters: bool,
    config: Path | None,
    **which: Unpack[WhichNumber],
) -> None:
    """Convert SAMPLES (lines of JSON, RawCounters; - is standard input) to gauges.

    A line that is no sample is named on standard error; the others are converted, and the exit status is 1.

    With --explain, --resource, --row and --name the samples come from raw-counters in Kafka, and what is told is how
    that one number came to be, or why there is none.
    """
    if as_json and in_words:
        raise click.UsageError("--json and --explain exclude one another")
    asked = asked_for(**which, explain=in_words)
    settings = None if asked is None else load_or_exit(config)
    rules = Rules() if settings is None else _rules_or_exit(settings)
    limits = replace(
        rules.limits,
        line_rate_margin=line_rate_margin or rules.limits.line_rate_margin,
        max_gap_intervals=max_gap_intervals or rules.limits.max_gap_intervals,
    )
    rules = replace(rules, limits=limits, derived=(*derived, *rules.derived), with_counters=counters)
    if asked is not None and settings is not None:
        explain_from_kafka(settings, asked, rules)
        return
    converter = _Offline(rules, in_words=in_words)
    bad = 0
    for number, line in enumerate(samples, start=1):
        if not line.strip():
            continue
        try:
            for out in converter.convert(read_sample(line), number):
                click.echo(out)
        except (LineError, RecordError) as error:
            bad += 1
            click.echo(f"line {number}: {error}", err=True)
    if bad:
        click.echo(f"{bad} of the lines could not be used", err=True)
        sys.exit(1)


def _rules_or_exit(settings: Settings) -> Rules:
    try:
        return rules_of(settings)
    except SettingsError as error:
        click.echo(str(error), err=True)
        sys.exit(EXIT_BAD_SETTINGS)


class _Offline:
    """The fold over the series of one input."""

    def __init__(self, rules: Rules, *, in_words: bool) -> None:
        self._rules = rules
        self._in_words = in_words
        self._states: dict[str, State] = {}

    def convert(self, record: RawCounters, number: int) -> Iterator[str]:
        """Yield the lines that a sample gives. Raises RecordError before the first."""
        sample = from_record(record)
        series = series_of(sample.shape.fixed)
        before = self._states.get(series)
        step: Step = advance(before, sample, self._rules)
        self._states[series] = step.state
        gauges = [] if step.rows is None else gauges_of(step.rows, with_counters=self._rules.with_counters)
        if self._in_words:
            yield from explain(before, step, sample, gauges)
            return
        if step.arrival is Arrival.LATE:
            click.echo(f"line {number}: late: slot {sample.slot} comes after slot {step.state.last.slot}", err=True)
        for gauge in gauges:
            yield write_gauge(gauge)
