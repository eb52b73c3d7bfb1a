"""`panoptes resources`: the inventory as it stands, what is known of one resource, and how to be rid of it."""

import asyncio
import json
import os
import sys
from collections.abc import Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import click
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from schemas.codec import to_avro
from schemas.errors import PanoptesError
from schemas.records import Resource
from streams.cli.inventory.resource_changes import forget, ignore, maintain, reclassify, rename
from streams.cli.inventory.resource_entry import described, read_entry
from streams.cli.loading import load_or_exit, log_briefly
from streams.pipeline import Topic
from streams.runtime.kafka.client import client_options
from streams.runtime.kafka.replay import replay
from streams.runtime.kafka.topic_names import topic_name
from streams.runtime.registry.opening import open_registry
from streams.runtime.registry.serde import Serdes
from streams.runtime.settings.loading import Settings, SettingsError, load
from streams.scheduling.filters import FilterError, compile_filter

T = TypeVar("T")


@click.group("resources")
def command() -> None:
    """Show the inventory, and change it."""
    log_briefly()


@command.command("list")
@click.option("--filter", "expression", default="", help="Only resources that this expression holds for.")
@click.option("--config", type=click.Path(path_type=Path), help="panoptes.ini to use.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_resources(expression: str, config: Path | None, as_json: bool) -> None:
    """List the resources in the inventory, sorted by identity."""
    try:
        wanted = compile_filter(expression)
        settings = load(config, os.environ)
    except (FilterError, SettingsError) as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    try:
        inventory = asyncio.run(_inventory(settings))
    except (KafkaError, OSError, PanoptesError) as error:
        click.echo(f"cannot read the inventory from {settings.kafka.bootstrap_servers}: {error}", err=True)
        sys.exit(1)
    chosen = [resource for _, resource in sorted(inventory.items()) if wanted(resource)]
    if as_json:
        for resource in chosen:
            click.echo(json.dumps({"identity": resource.identity, **to_avro(resource)}))
    else:
        Console().print(_table(chosen))


@command.command("show")
@click.argument("identity", metavar="SITE|CLASS|SUBCLASS|TYPE|ID")
@click.option("--config", type=click.Path(path_type=Path), help="panoptes.ini to use.")
def show(identity: str, config: Path | None) -> None:
    """Show every sighting of a resource, and which of them the inventory takes what from."""
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


async def _inventory(settings: Settings) -> dict[str, Resource]:
    serde = Serdes(settings, open_registry(settings)).of(Topic.INVENTORY, Resource)
    found: dict[str, Resource] = {}
    async for record in replay(client_options(settings.kafka), topic_name(settings, Topic.INVENTORY)):
        key = record.key.decode()
        if record.value is None:
            found.pop(key, None)
        else:
            found[key] = await serde.read(record.value)
    return found


def _table(resources: list[Resource]) -> Table:
    table = Table("identity", "endpoint", "seen by", "last seen", "labels", title=f"{len(resources)} resources")
    for resource in resources:
        seen = datetime.fromtimestamp(resource.last_seen_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        labels = " ".join(f"{name}={value}" for name, value in sorted(resource.labels.items()))
        cells = (resource.identity, resource.endpoint, ", ".join(resource.plugins), seen, labels)
        table.add_row(*map(Text, cells))  # in plain strings rich takes [fe80::1] for markup
    return table
