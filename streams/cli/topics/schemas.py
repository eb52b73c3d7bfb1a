"""`panoptes schemas`: checks that released records can still be read, and keeps a release's schemas."""

import sys

import click

from schemas import compat


@click.group("schemas")
def command() -> None:
    """Check the schemas against every release, and keep those of a new one."""


@command.command("check")
def check() -> None:
    """Exit with 1 if today's schemas cannot read the records of some release; also `python -m schemas.compat`."""
    sys.exit(compat.main())


@command.command("release")
@click.argument("version")
def release(version: str) -> None:
    """Save today's schemas as those of VERSION, after checking them against earlier releases."""
    found = list(compat.broken())
    if found:
        raise click.ClickException("\n".join(map(str, found)))
    try:
        folder = compat.release(version)
    except (ValueError, FileExistsError) as problem:
        raise click.ClickException(str(problem)) from None
    click.echo(f"kept in {folder}")
