"""`panoptes topics`: creates and checks the topics of the pipeline."""

import asyncio
import sys
from pathlib import Path

import click
from aiokafka.errors import KafkaError

from schemas.errors import PanoptesError
from streams.cli.loading import config_option, load_or_exit, log_briefly, run_or_exit
from streams.runtime.kafka.topics import TopicsReport, check_topics, ensure_topics, update_topics
from streams.runtime.settings.loading import Settings


@click.group("topics")
def command() -> None:
    """Create the topics that the pipeline needs."""
    log_briefly()


@command.command("create")
@config_option
@click.option("--update", is_flag=True, help="Give topics that are there the configuration that the settings want.")
def create(config: Path | None, *, update: bool) -> None:
    """Create missing topics; waits for the broker."""
    settings = load_or_exit(config)
    try:
        report = asyncio.run(ensure_topics(settings))
    except PanoptesError as problem:
        raise click.ClickException(str(problem)) from None
    for name in report.created:
        click.echo(f"created {name}")
    if not report.created:
        click.echo("every topic is there")
    if update:
        _update(settings)


def _update(settings: Settings) -> None:
    try:
        changes = asyncio.run(update_topics(settings))
    except (KafkaError, OSError, PanoptesError) as problem:
        raise click.ClickException(str(problem)) from None
    click.echo("\n".join(changes) or "no topic had another configuration")


@command.command("check")
@config_option
def check(config: Path | None) -> None:
    """Exit with 1 unless every topic exists as configured; changes nothing."""
    report = run_or_exit(check_topics(load_or_exit(config)))
    lines = _lines(report)
    click.echo("\n".join(lines) or "every topic is there as the settings want it")
    sys.exit(1 if lines else 0)


def _lines(report: TopicsReport) -> list[str]:
    return [*(f"topic {name} is missing" for name in report.missing), *report.fatal, *report.differing]
