"""`panoptes walk`: records everything a device answers, for `poll --walk` and tests."""

from pathlib import Path
from typing import Unpack

import click

from pollers.profiles.authoring.anonymizing import anonymized
from pollers.profiles.authoring.recording import Entry, write_snmprec
from pollers.profiles.loading.section import as_oid
from pollers.snmp.client import Session
from pollers.snmp.values import FIRST_EXCEPTION, Type, Value
from streams.cli.devices.device import Login, LoginOptions, fail, login_options, with_device

#: where a walk begins unless told: the internet subtree, as a device has nothing elsewhere
EVERYTHING = ("1.3.6.1",)


@click.command()
@click.argument("target")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="The file to write [stdout].")
@click.option("--under", "roots", multiple=True, help="Only what is below this OID; may be given several times.")
@click.option(
    "--anonymize",
    is_flag=True,
    help="Stand-ins for addresses, names, serial numbers and communities, to share the file.",
)
@login_options
def command(
    target: str, output: Path | None, roots: tuple[str, ...], *, anonymize: bool, **login: Unpack[LoginOptions]
) -> None:
    """Record what TARGET (host, host:port or [v6]:port) answers, as .snmprec."""
    try:
        wanted = [as_oid(root) for root in roots or EVERYTHING]
    except ValueError:
        fail("expected OIDs in numbers with --under, e.g. 1.3.6.1.2.1.2")
    problems: list[str] = []

    async def work(session: Session) -> list[Entry]:
        return [entry for root in wanted for entry in await walk_tree(session, root, problems)]

    entries = with_device(target, Login(**login), work)
    text = write_snmprec(anonymized(entries) if anonymize else entries)
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")
        click.echo(f"{output}: {len(entries)} values", err=True)
    for problem in problems:
        click.echo(f"warning: {problem}", err=True)


async def walk_tree(session: Session, root: str, problems: list[str]) -> list[Entry]:
    """Return every value below an OID; an early end of the walk is added to the problems."""
    table = await session.walk([root])
    problems += [f"{root}: {problem.detail or problem.reason}" for problem in table.problems]
    (column,) = table.columns
    return [
        (f"{root}.{row}", Value(Type(kind), data))
        for row, kind, data in zip(table.rows, column.types, column.data, strict=True)
        if 0 < kind < FIRST_EXCEPTION
    ]
