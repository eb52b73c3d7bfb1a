"""Reads the last record of each key of a compacted topic, filtered by `--filter`."""

import sys
from collections.abc import Callable
from typing import Final, TypeVar

import click

from schemas.records import EnrichedResource
from streams.pipeline import Topic
from streams.runtime.kafka.client import client_options
from streams.runtime.kafka.replay import replay
from streams.runtime.kafka.topic_names import topic_name
from streams.runtime.registry.opening import open_registry
from streams.runtime.registry.serde import Serdes
from streams.runtime.settings.loading import Settings
from streams.scheduling.filter_fields import ENRICHED, Fields
from streams.scheduling.filters import FilterError, Fits, compile_over

EXIT_BAD_FILTER: Final = 2

R = TypeVar("R")


def filter_option(says: str) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Return the option `--filter`."""
    return click.option("--filter", "expression", default="", metavar="EXPRESSION", help=f"{says} (docs/filters.md).")


def filter_or_exit(expression: str, fields: Fields[EnrichedResource] = ENRICHED) -> Fits:
    """Return the filter; ends the command with status 2, pointing at what is wrong, where it cannot be read."""
    try:
        return compile_over(expression, fields)
    except FilterError as problem:
        click.echo(f"--filter: {problem}", err=True)
        sys.exit(EXIT_BAD_FILTER)


async def last_records(settings: Settings, topic: Topic, record: type[R]) -> dict[str, R]:
    """Return the last record of each key. Raises KafkaError, OSError, PanoptesError."""
    serde = Serdes(settings, open_registry(settings)).of(topic, record)
    last: dict[str, bytes] = {}
    async for each in replay(client_options(settings.kafka), topic_name(settings, topic)):
        key = each.key.decode()
        if each.value is None:
            last.pop(key, None)
        else:
            last[key] = each.value
    return {key: await serde.read(value) for key, value in last.items()}
