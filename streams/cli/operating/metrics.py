"""`panoptes metrics`: lists all metrics with name, unit and meaning."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import click

from pollers.profiles.authoring.spoken import groups_of
from pollers.vocabulary.listing import FORMATS, as_json, as_markdown, as_table, page
from pollers.vocabulary.load import load
from pollers.vocabulary.model import MetricGroup
from streams.cli.devices.device import fail, load_library, profiles_option

_AS: Final[dict[str, Callable[[Sequence[MetricGroup]], Iterator[str]]]] = {
    "table": as_table,
    "json": as_json,
    "markdown": as_markdown,
}


@click.group("metrics")
def command() -> None:
    """Show the names and meanings of metrics."""


@command.command("list")
@click.option("--profile", "name", help="Only those that this profile has, and its own.")
@profiles_option
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", help="[table]")
def list_(name: str | None, folders: tuple[Path, ...], form: str) -> None:
    """Print name, unit, labels and meaning of every metric; as Markdown, the page docs/metrics.md."""
    vocabulary = load()
    if name is None and form == "markdown":
        click.echo(page(vocabulary), nl=False)
        return
    groups: Sequence[MetricGroup] = tuple(vocabulary.groups.values())
    if name is not None:
        library = load_library(folders)
        if name not in library.profiles:
            fail(f"no profile {name!r}: one of {', '.join(sorted(library.profiles))}")
        groups = groups_of(library.profiles[name], vocabulary)
    for line in _AS[form](groups):
        click.echo(line)
