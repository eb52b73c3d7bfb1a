"""`panoptes rate --explain --resource …`: explains one number from the samples that Kafka still has."""

import sys
from collections.abc import Callable
from typing import Final, ParamSpec, TypedDict, Unpack

import click

from streams.cli.loading import run_or_exit
from streams.cli.moments import WhenType
from streams.console.why.agent_samples import Samples
from streams.console.why.explained import AskedNumber, NotKept
from streams.console.why.told import told
from streams.gauges.fold.plan import Rules
from streams.runtime.settings.loading import Settings

P = ParamSpec("P")

EXIT_CANNOT_TELL: Final = 1

_OPTIONS: Final = (
    click.option("--resource", default="", help="Whose number: the identity, site|class|subclass|type|id."),
    click.option("--group", default="interface", show_default=True, help="The metric group."),
    click.option("--row", default="", help="The row, as in its gauges."),
    click.option("--name", "metric", default="", help="The number, as in its gauges, e.g. octets_in."),
    click.option("--slot", type=WhenType(), help="Its slot; by default the newest."),
)


class WhichNumber(TypedDict):
    """The options that name one number."""

    resource: str
    group: str
    row: str
    metric: str
    slot: int | None


def why_options(command: Callable[P, None]) -> Callable[P, None]:
    """Add the options that name one number."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def asked_for(*, explain: bool, **which: Unpack[WhichNumber]) -> AskedNumber | None:
    """Return the number of the pipeline to explain; None: samples are given. Raises UsageError for half of it."""
    resource, row, metric, slot = which["resource"], which["row"], which["metric"], which["slot"]
    if not (resource or row or metric or slot is not None):
        return None
    if not (explain and resource and row and metric):
        raise click.UsageError("to explain a number of the pipeline give --explain, --resource, --row and --name")
    return AskedNumber(resource, which["group"], row, metric, slot)


def explain_from_kafka(settings: Settings, asked: AskedNumber, rules: Rules) -> None:
    """Print how the number was computed; ends the command with status 1 where Kafka no longer has its samples."""
    why = run_or_exit(Samples(settings, rules).why(asked))
    for line in told(why):
        click.echo(line)
    if isinstance(why, NotKept):
        sys.exit(EXIT_CANNOT_TELL)
