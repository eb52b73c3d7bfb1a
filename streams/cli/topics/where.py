"""`panoptes where`: shows behind which port an address was seen, and when."""

import json
import sys
import time
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from schemas.records import EnrichedResource, Link
from streams.cli.last_records import last_records
from streams.cli.loading import config_option, load_or_exit, run_or_exit
from streams.pipeline import Topic
from streams.topology.where import FORWARDING, NoAddressError, SeenAt, normal, where

EXIT_NOWHERE: Final = 1
EXIT_NO_ADDRESS: Final = 2


@click.command("where")
@click.argument("address", metavar="MAC|IP")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@config_option
def command(address: str, config: Path | None, *, as_json: bool) -> None:
    """Show behind which port of which device an address was seen, latest first.

    It takes the enrichment `forwarding`, which no section has by default (docs/topology.md). Exit status 1: nowhere.
    """
    try:
        wanted = normal(address)
    except NoAddressError as problem:
        click.echo(str(problem), err=True)
        sys.exit(EXIT_NO_ADDRESS)
    settings = load_or_exit(config)
    everyone = run_or_exit(last_records(settings, Topic.ENRICHED_RESOURCES, EnrichedResource))
    found = where(wanted, everyone, run_or_exit(last_records(settings, Topic.TOPOLOGY, Link)))
    if not found:
        telling = sum(FORWARDING in known.enrichments for known in everyone.values())
        click.echo(f"{wanted} was seen nowhere; {telling} of {len(everyone)} devices tell whom they see", err=True)
        sys.exit(EXIT_NOWHERE)
    if as_json:
        for each in found:
            click.echo(json.dumps(each._asdict()))
        return
    Console().print(_table(found, time.time()))


def _table(found: list[SeenAt], now_s: float) -> Table:
    table = Table("device", "port", "MAC address", "VLAN", "by", "said")
    for each in found:
        ago = f"{max(0, int(now_s - each.at_ms / 1000))} s ago"
        cells = (each.resource, each.row, each.mac, each.vlan, each.how, ago)
        table.add_row(*map(Text, cells))
    return table
