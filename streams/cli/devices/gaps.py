"""`panoptes profile gaps`: lists the devices without a vendor's profile, the most frequent kind first."""

import asyncio
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import click
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pollers.plugins.snmp.device_facts import DEVICE, STANDARD_MIBS, without_vendors_profile
from schemas.errors import PanoptesError
from schemas.records import EnrichedResource
from streams.cli.last_records import last_records
from streams.pipeline import Topic
from streams.runtime.settings.loading import SettingsError, load

_DESCR_WIDTH = 60


class Gap(NamedTuple):
    """The devices with one sysObjectID for which no vendor's profile fits."""

    sys_object_id: str
    devices: int
    profile: str  #: what they are polled by
    standard_mibs: str  #: of one of them, as its sysDescr
    sys_descr: str
    example: str  #: its endpoint


def gaps_of(resources: Iterable[EnrichedResource]) -> list[Gap]:
    """Return the gaps, the one with the most devices first."""
    found: dict[str, list[EnrichedResource]] = {}
    for resource in resources:
        oid = without_vendors_profile(resource.enrichments)
        if oid is not None:
            found.setdefault(oid, []).append(resource)
    gaps = []
    for oid, members in found.items():
        one = min(members, key=lambda member: member.resource.identity)
        facts = one.enrichments[DEVICE].facts
        profile, mibs, descr = (facts.get(name, "") for name in ("profile", STANDARD_MIBS, "sys_descr"))
        gaps.append(Gap(oid, len(members), profile, mibs, descr, one.resource.endpoint))
    return sorted(gaps, key=lambda gap: (-gap.devices, gap.sys_object_id))


@click.command("gaps")
@click.option("--config", type=click.Path(path_type=Path), help="panoptes.ini to use.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def command(config: Path | None, *, as_json: bool) -> None:
    """Count the devices without a vendor's profile, by sysObjectID."""
    try:
        settings = load(config, os.environ)
    except SettingsError as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    try:
        gaps = gaps_of(asyncio.run(last_records(settings, Topic.ENRICHED_RESOURCES, EnrichedResource)).values())
    except (KafkaError, OSError, PanoptesError) as error:
        click.echo(f"cannot read resources from {settings.kafka.bootstrap_servers}: {error}", err=True)
        sys.exit(1)
    if as_json:
        for gap in gaps:
            click.echo(json.dumps(gap._asdict()))
    else:
        Console().print(_table(gaps))


def _table(gaps: list[Gap]) -> Table:
    total = sum(gap.devices for gap in gaps)
    table = Table(
        "sysObjectID", "devices", "polled by", "standard MIBs", "sysDescr", "such as",
        title=f"{total} devices without a vendor's profile",
    )  # fmt: skip
    for gap in gaps:
        descr = " ".join(gap.sys_descr.split())[:_DESCR_WIDTH]
        cells = (gap.sys_object_id, str(gap.devices), gap.profile, gap.standard_mibs, descr, gap.example)
        table.add_row(*map(Text, cells))
    return table
