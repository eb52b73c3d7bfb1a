"""`panoptes console`: what the topics say, for people and programs."""

import logging
import sys
from pathlib import Path

import click

from streams.cli.loading import config_option, load_or_exit
from streams.runtime.kafka.client import sample_client_logs


@click.command("console")
@config_option
def command(config: Path | None) -> None:
    """Serve the console; it only reads."""
    from streams.console.agent_server import serve  # noqa: PLC0415 - a web server is loaded by who serves

    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    sample_client_logs()
    settings = load_or_exit(config)
    click.echo(f"console: http://{settings.console.host}:{settings.console.port}/")
    serve(settings)
