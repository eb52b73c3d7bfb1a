"""`panoptes discover sweep`: probes the addresses of some prefixes, and lists the devices that answer."""

import asyncio
import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TextIO

import click
import yaml
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pollers.plugins.base import OptionError, PluginContext
from pollers.plugins.discovery.sweep import Sweep
from pollers.snmp.codec.probing import questions
from pollers.snmp.credentials import Community, Secret, Version
from pollers.snmp.wire.access import open_access
from schemas.records import Resource
from streams.cli.devices.device import COMMUNITY_VARIABLE, GivenCredentials, fail
from streams.cli.last_records import filter_option, filter_or_exit
from streams.cli.loading import config_option, load_or_exit
from streams.discovery.known import KnownInventory
from streams.runtime.rules import answered, classes
from streams.runtime.secrets.store import RedisCredentials, open_credentials
from streams.runtime.settings.loading import Settings
from streams.runtime.snmp import limits_of
from streams.scheduling.filters import Fits


@click.group("discover")
def command() -> None:
    """Find devices."""


@command.command("sweep")
@click.argument("prefixes", nargs=-1, required=True, metavar="PREFIX...")
@click.option("--site", required=True, help="Whose credentials are sent (from Redis), and where what is found stands.")
@click.option("--exclude", multiple=True, metavar="PREFIX", help="Leave these out. May be given several times.")
@click.option("--ports", default="161", show_default=True, help="UDP ports, separated by commas.")
@click.option("--packets-per-s", default="500", show_default=True, help="The most packets that are sent in a second.")
@click.option("--timeout", "timeout_s", default="1", show_default=True, help="Seconds that an answer may take.")
@click.option("--rounds", default="2", show_default=True, help="How often who is silent is asked.")
@click.option("--ping", default="no", show_default=True, metavar="yes|no", help="Ask only who answers an ICMP echo.")
@click.option("--max-addresses", default="65536", show_default=True, help="Refuse more than this.")
@filter_option("Only devices that this holds for")
@click.option("--community-file", type=click.File("r"), help="A file with a community, - for stdin, instead of Redis.")
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="Write the list there.")
@click.option("--dry-run", is_flag=True, help="Say how many packets it takes and how long, and send nothing.")
@config_option
def sweep(  # noqa: PLR0913 (one argument per option)
    prefixes: tuple[str, ...],
    exclude: tuple[str, ...],
    community_file: TextIO | None,
    *,
    expression: str,
    output: Path | None,
    config: Path | None,
    dry_run: bool,
    **options: str,
) -> None:
    """Ask every address of PREFIX... whether a device answers, and list those that do.

    The list is YAML as the discovery plugin `from-file` reads it. The community is that of --community-file or of
    $SNMP_COMMUNITY, else the credentials are those that are stored for the site.
    """
    settings, wanted = load_or_exit(config), filter_or_exit(expression)
    texts = {"prefixes": " ".join(prefixes), "exclude": " ".join(exclude), "spread": "no", **options}
    community = _community(community_file, settings)
    try:
        found = asyncio.run(_swept(settings, texts, community, wanted, dry_run=dry_run))
    except OptionError as problem:
        fail(str(problem))
    except KeyboardInterrupt:
        fail("interrupted", 130)
    if dry_run:
        return
    text = listed(found)
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")
    click.echo(f"{len(found)} devices{f' in {output}' if output else ''}", err=True)


def _community(file: TextIO | None, settings: Settings) -> Community | None:
    """Return the community that a file or the environment gives; None where it is to come from Redis."""
    text = file.readline().rstrip("\r\n") if file is not None else os.environ.get(COMMUNITY_VARIABLE)
    return Community(community=Secret(text), version=Version(settings.snmp.version)) if text else None


async def _swept(
    settings: Settings, options: dict[str, str], community: Community | None, wanted: Fits, *, dry_run: bool
) -> Sequence[Resource]:
    """Return who answered and is wanted. Raises OptionError."""
    source = open_credentials(settings) if community is None else GivenCredentials(community)
    access = open_access(limits_of(settings.snmp), source)
    named, unwanted = classes(settings.class_sections), set[str]()

    def classify(found: Resource, facts: Mapping[str, str]) -> Resource:
        device = named(found, facts)
        if not wanted(answered(device, facts)):
            unwanted.add(device.endpoint)
        return device

    try:
        context = PluginContext(
            section="sweep",
            interval_s=0,
            options=options,
            snmp=access,
            now_ms=lambda: time.time_ns() // 1_000_000,
            classify=classify,
        )
        plugin = Sweep(context)
        if dry_run:
            _tell_costs(plugin, len(questions(await source.candidates(options["site"], ""), 0)))
            return ()
        return [each for each in await _with_progress(plugin) if each.endpoint not in unwanted]
    finally:
        await access.close()
        if isinstance(source, RedisCredentials):
            await source.close()


def _tell_costs(plugin: Sweep, messages: int) -> None:
    pace, total = plugin.pace, plugin.targets.total
    packets = (total * messages + (plugin.targets.addresses if pace.ping else 0)) * pace.rounds
    seconds = packets / pace.packets_per_s + pace.timeout_s * pace.rounds
    click.echo(
        f"{plugin.targets.addresses} addresses, {len(plugin.targets.ports)} ports, {messages} messages each:"
        f" at most {packets} packets, about {seconds:.0f} s at {pace.packets_per_s:g} packets a second"
    )


async def _with_progress(plugin: Sweep) -> Sequence[Resource]:
    """Return who answered, the last sighting of each; ends the command where the sweep fails."""
    found: dict[str, Resource] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("0 found", total=plugin.targets.total)
        async with aclosing(plugin.discover(KnownInventory(), None)) as steps:
            async for batch in steps:
                if batch.failed:
                    fail(batch.failed, 1)
                found.update({resource.identity: resource for resource in batch.resources})
                progress.update(task, completed=batch.done, description=f"{len(found)} found")
    return list(found.values())


def listed(resources: Sequence[Resource]) -> str:
    """Return the resources as a list of devices in YAML (docs/discovery.md)."""
    return yaml.safe_dump([_entry(resource) for resource in resources], sort_keys=False, allow_unicode=True, width=120)


def _entry(resource: Resource) -> dict[str, object]:
    return {
        "site": resource.site,
        "class": resource.resource_class,
        "subclass": resource.resource_subclass,
        "type": resource.resource_type,
        "id": resource.resource_id,
        "endpoint": resource.endpoint,
        "addresses": list(resource.addresses),
        "identifiers": dict(resource.identifiers),
    }
