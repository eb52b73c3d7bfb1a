"""`panoptes resources`: lists, shows and changes the inventory."""

import asyncio
import json
import sys
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

import click
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from schemas.codec import to_avro
from schemas.errors import PanoptesError
from schemas.records import EnrichedResource, Resource
from streams.cli.inventory.resource_changes import forget, ignore, maintain, reclassify, rename
from streams.cli.inventory.resource_entry import described, read_entry
from streams.cli.last_records import filter_option, filter_or_exit, last_records
from streams.cli.loading import load_or_exit, log_briefly
from streams.enrichment.merging import first_seen
from streams.pipeline import Topic
from streams.runtime.settings.loading import Settings

T = TypeVar("T")

_WIDE: Final = 1_000


@click.group("resources")
def command() -> None:
    """Show the inventory, and change it."""
    log_briefly()


@command.command("list")
@filter_option("Only resources that this holds for")
@click.option("--config", type=click.Path(path_type=Path), help="panoptes.ini to use.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_resources(expression: str, config: Path | None, as_json: bool) -> None:
    """List the resources in the inventory, sorted by identity."""
    settings, wanted = load_or_exit(config), filter_or_exit(expression)
    inventory = _asked(settings, last_records(settings, Topic.INVENTORY, Resource))
    known: Mapping[str, EnrichedResource] = {}
    if expression.strip():
        known = _asked(settings, last_records(settings, Topic.ENRICHED_RESOURCES, EnrichedResource))
    chosen = [
        resource
        for identity, resource in sorted(inventory.items())
        if wanted(replace(known.get(identity) or first_seen(resource), resource=resource))
    ]
    if as_json:
        for resource in chosen:
            click.echo(json.dumps({"identity": resource.identity, **to_avro(resource)}))
    else:
        # what is handed on to another program is not broken to fit a terminal
        Console(width=None if sys.stdout.isatty() else _WIDE).print(_table(chosen))


@command.command("show")
@click.argument("identity", metavar="SITE|CLASS|SUBCLASS|TYPE|ID")
@click.option("--config", type=click.Path(path_type=Path), help="panoptes.ini to use.")
def show(identity: str, config: Path | None) -> None:
    """Show every sighting of a resource, and the section behind each field of its record."""
    settings = load_or_exit(config)
    known = _asked(settings, read_entry(settings, identity))
    lines = list(described(known, settings.resources.precedence))
    if not lines:
        click.echo(f"no section sees {identity}", err=True)
        sys.exit(1)
    for line in lines:
        click.echo(line)


for change in (forget, ignore, maintain, rename, reclassify):
    command.add_command(change)


def _asked(settings: Settings, work: Coroutine[object, object, T]) -> T:
    """Return what the work gives; ends the command where Kafka or the registry fails."""
    try:
        return asyncio.run(work)
    except (KafkaError, OSError, PanoptesError) as error:
        click.echo(f"cannot ask {settings.kafka.bootstrap_servers}: {error}", err=True)
        sys.exit(1)


def _table(resources: list[Resource]) -> Table:
    table = Table("identity", "endpoint", "seen by", "last seen", "labels", title=f"{len(resources)} resources")
    for resource in resources:
        seen = datetime.fromtimestamp(resource.last_seen_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        labels = " ".join(f"{name}={value}" for name, value in sorted(resource.labels.items()))
        cells = (resource.identity, resource.endpoint, ", ".join(resource.plugins), seen, labels)
        table.add_row(*map(Text, cells))  # in plain strings rich takes [fe80::1] for markup
    return table
