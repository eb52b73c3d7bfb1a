"""`panoptes acls`: prints the rights that each stage's user needs in Kafka and Redis."""

from pathlib import Path

import click

from streams.cli.loading import config_option, load_or_exit
from streams.runtime.rights.kafka import rights
from streams.runtime.rights.redis import acl_lines


@click.group("acls")
def command() -> None:
    """Least privilege: a user for each stage, and an operator."""


@command.command("print")
@config_option
@click.option("--for", "service", type=click.Choice(["kafka", "redis"]), required=True, help="Whose ACLs.")
def print_(config: Path | None, service: str) -> None:
    """Print options of `kafka-acls --add`, one ACL a line; or the lines of a Redis ACL file, without passwords."""
    settings = load_or_exit(config)
    lines = [right.option for right in rights(settings)] if service == "kafka" else acl_lines(settings)
    click.echo("\n".join(lines))
