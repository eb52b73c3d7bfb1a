"""Loads the configuration for a command; the command ends with a message when it is invalid."""

import asyncio
import logging
import os
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Final, TypeVar

import click
from aiokafka.errors import KafkaError

from schemas.errors import PanoptesError
from streams.runtime.kafka.client import sample_client_logs
from streams.runtime.settings.loading import Settings, SettingsError, load

EXIT_BAD_SETTINGS: Final = 2

T = TypeVar("T")

config_option = click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The configuration file [default: $PANOPTES_CONFIG, else ./panoptes.ini, else built-in defaults].",
)


def load_or_exit(config: Path | None) -> Settings:
    """Load the settings; ends the command with status 2 and every error where they are invalid."""
    try:
        return load(config, os.environ)
    except SettingsError as error:
        click.echo(str(error), err=True)
        sys.exit(EXIT_BAD_SETTINGS)


def run_or_exit(work: "Coroutine[object, object, T]") -> T:
    """Run the work; ends the command with a line where Kafka is away or refuses."""
    try:
        return asyncio.run(work)
    except (KafkaError, OSError, PanoptesError) as problem:
        raise click.ClickException(str(problem)) from None


def log_briefly() -> None:
    """Print warnings as bare lines beside the command's output, repeated ones of Kafka's client only now and then."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    sample_client_logs()
