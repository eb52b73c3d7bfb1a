"""`panoptes config`: checks the configuration, shows it, and writes its reference page."""

import os
import sys
from pathlib import Path
from typing import cast

import click

from pollers.plugins.registry import make
from streams.cli.loading import EXIT_BAD_SETTINGS, config_option, load_or_exit
from streams.cli.operating.reference import commands, topics
from streams.runtime.ops.compiled import advice
from streams.runtime.settings.check import file_problems, plugin_problems
from streams.runtime.settings.example import example
from streams.runtime.settings.loading import examine
from streams.runtime.settings.pages import page, show


@click.group("config")
def command() -> None:
    """Check and show the configuration."""


@command.command("check")
@config_option
def check(config: Path | None) -> None:
    """Check the configuration: exit with 0 if it can be used, else print every error and exit with 2.

    Plugins are made with their options, as a worker would make them; no device and no service is asked. The files
    that sinks name, of certificates, keys and tokens, are read.
    """
    settings, problems = examine(config, os.environ)
    problems = [*problems, *plugin_problems(settings, make), *file_problems(settings)]
    if problems:
        click.echo("\n".join(problems), err=True)
        sys.exit(EXIT_BAD_SETTINGS)
    count = sum(section.enabled for section in settings.plugin_sections)
    click.echo(f"the configuration is good: {count} plugin sections in use")
    click.echo(advice())


@command.command("show")
@config_option
def show_(config: Path | None) -> None:
    """Print every effective setting, from files, variables and defaults; secrets stay hidden."""
    click.echo(show(load_or_exit(config)))


@command.command("docs")
@click.option(
    "--root", type=click.Path(file_okay=False, path_type=Path), default=Path(), help="The repository's folder."
)
def docs(root: Path) -> None:
    """Write docs/configuration.md, docs/cli.md, docs/topics.md and examples/panoptes.ini from the code."""
    root_command = click.get_current_context().find_root().command
    pages = {
        "docs/configuration.md": page(),
        "examples/panoptes.ini": example(),
        "docs/cli.md": commands(cast("click.Group", root_command)),
        "docs/topics.md": topics(),
    }
    for path, text in pages.items():
        (root / path).write_text(text, encoding="utf-8")
        click.echo(f"wrote {root / path}")
