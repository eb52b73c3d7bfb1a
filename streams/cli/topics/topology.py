"""`panoptes topology`: shows links, paths, and neighbours that are no known resource."""

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

import click
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from schemas.errors import PanoptesError
from schemas.records import DiscoveryRun, EnrichedResource, Link, LinkState
from streams.cli.last_records import filter_option, filter_or_exit, last_records
from streams.cli.loading import config_option, load_or_exit, log_briefly
from streams.pipeline import Topic
from streams.runtime.settings.loading import Settings
from streams.topology.exports import EXPORTS, port_of, title_of
from streams.topology.paths import Hop, NoSuchResourceError, resolved, shortest
from streams.topology.unresolved import Unresolved, explained, rejected, unresolved

R = TypeVar("R")
FORMATS: Final = ("table", *EXPORTS)
EXIT_NO_PATH: Final = 1
EXIT_UNKNOWN: Final = 2

format_option = click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True)
states_option = click.option(
    "--state", "states", multiple=True, type=click.Choice([str(state) for state in LinkState]), help="Only these."
)
links_filter = filter_option("Only links with an end at a resource that this holds for")


@click.group("topology")
def command() -> None:
    """Show how devices are joined."""
    log_briefly()


@command.command("show")
@format_option
@states_option
@links_filter
@config_option
def show(form: str, states: Sequence[str], expression: str, config: Path | None) -> None:
    """Show all links."""
    _print(form, _chosen(load_or_exit(config), states, expression))


@command.command("export")
@click.option("--format", "form", type=click.Choice(FORMATS), default="json", show_default=True)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="A file instead of standard output.")
@states_option
@links_filter
@config_option
def export(form: str, output: Path | None, states: Sequence[str], expression: str, config: Path | None) -> None:
    """Write all links in another format."""
    links = _chosen(load_or_exit(config), states, expression)
    if output is None:
        _print(form, links)
        return
    if form == "table":
        raise click.BadParameter("a table is not written to a file: use json, dot, mermaid or graphml")
    output.write_text(f"{EXPORTS[form](links)}\n", encoding="utf-8")
    click.echo(f"{len(links)} links in {output}")


@command.command("path")
@click.argument("start")
@click.argument("goal")
@config_option
def path(start: str, goal: str, config: Path | None) -> None:
    """Show the path with the fewest links from START to GOAL: identities, ids, or ids without their domain."""
    links = _links(load_or_exit(config))
    try:
        hops = shortest(links, resolved(start, links), resolved(goal, links))
    except NoSuchResourceError as problem:
        click.echo(str(problem), err=True)
        sys.exit(EXIT_UNKNOWN)
    if hops is None:
        click.echo(f"no way from {start} to {goal} over links that are up", err=True)
        sys.exit(EXIT_NO_PATH)
    Console().print(_path_table(hops))


@command.command("unresolved")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@filter_option("Only what resources say that this holds for")
@config_option
def show_unresolved(as_json: bool, expression: str, config: Path | None) -> None:
    """Show neighbours that match no known resource or port, and rejected neighbour entries, with the reasons."""
    settings, wanted = load_or_exit(config), filter_or_exit(expression)
    runs = _read(settings, Topic.DISCOVERY_RUNS, DiscoveryRun)
    everyone = _read(settings, Topic.ENRICHED_RESOURCES, EnrichedResource)
    chosen = {identity: each for identity, each in everyone.items() if wanted(each)}
    found = explained(unresolved(_links(settings)), runs.values())
    found = [each for each in found if not expression.strip() or each.heard_by in chosen]
    kept_out = rejected(chosen)
    if as_json:
        for each in found:
            click.echo(json.dumps(each._asdict()))
        for resource, reason, count in kept_out:
            click.echo(json.dumps({"resource": resource, "why": reason, "count": count}))
        return
    Console().print(_unresolved_table(found))
    for resource, reason, count in kept_out:
        click.echo(f"{resource}: {count} kept out: {reason}")


def _links(settings: Settings) -> dict[str, Link]:
    return _read(settings, Topic.TOPOLOGY, Link)


def _read(settings: Settings, topic: Topic, record: type[R]) -> dict[str, R]:
    """Return the last record of each key; ends the command where Kafka or the registry cannot be asked."""
    try:
        return asyncio.run(last_records(settings, topic, record))
    except (KafkaError, OSError, PanoptesError) as error:
        click.echo(f"cannot read {topic} from {settings.kafka.bootstrap_servers}: {error}", err=True)
        sys.exit(1)


def _chosen(settings: Settings, states: Sequence[str], expression: str) -> dict[str, Link]:
    """Return the links of these states and resources; ends the command where the expression cannot be read."""
    wanted = filter_or_exit(expression)
    links = {key: link for key, link in _links(settings).items() if not states or link.state in states}
    if not expression.strip():
        return links
    known = _read(settings, Topic.ENRICHED_RESOURCES, EnrichedResource)
    ends = {identity for identity, each in known.items() if wanted(each)}
    return {key: link for key, link in links.items() if any(end.resource in ends for end in link.ends)}


def _print(form: str, links: Mapping[str, Link]) -> None:
    if form == "table":
        Console().print(_table(links))
    else:
        click.echo(EXPORTS[form](links))


def _table(links: Mapping[str, Link]) -> Table:
    table = Table("device", "port", "device", "port", "state", "since", "speed", "said by", title=f"{len(links)} links")
    for _, link in sorted(links.items()):
        one, other = link.ends
        since = datetime.fromtimestamp(link.since_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        says = " / ".join(", ".join(end.says) or "-" for end in link.ends)
        ends = (title_of(one), port_of(one), title_of(other), port_of(other))
        cells = (*ends, link.state.replace("_", "-"), since, _speed(link.speed_bits_per_s), says)
        table.add_row(*map(Text, cells))
    return table


def _speed(bits_per_s: int | None) -> str:
    if bits_per_s is None:
        return ""
    return f"{bits_per_s / 1e9:g} Gbit/s" if bits_per_s >= 1e9 else f"{bits_per_s / 1e6:g} Mbit/s"


def _path_table(hops: Sequence[Hop]) -> Table:
    table = Table("from", "port", "port", "to", "state", "speed", title=f"{len(hops)} links")
    for near, far, link in hops:
        cells = (title_of(near), port_of(near), port_of(far), title_of(far))
        table.add_row(*map(Text, (*cells, link.state.replace("_", "-"), _speed(link.speed_bits_per_s))))
    return table


def _unresolved_table(found: Sequence[Unresolved]) -> Table:
    table = Table("heard by", "on", "name", "chassis", "port", "addresses", "why", title=f"{len(found)} unresolved")
    for each in found:
        cells = (each.heard_by.rpartition("|")[2], each.row, each.system_name, each.chassis_id, each.port_id)
        table.add_row(*map(Text, (*cells, ", ".join(each.addresses), each.why)))
    return table
