"""`panoptes restore`: puts back what a backup has and the services lack."""

import sys
import time
from pathlib import Path

import click

from streams.cli.backups import form, inventory, places, schemas, secrets
from streams.cli.backups.asking import asked
from streams.cli.backups.form import PARTS, Backup, BackupError, SinkPlace, StoredSchema
from streams.cli.backups.parts import PutBack
from streams.cli.loading import config_option, load_or_exit, log_briefly
from streams.runtime.secrets.renewal import StoredSecret
from streams.runtime.settings.loading import Settings


@click.command("restore")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--only", multiple=True, type=click.Choice(list(PARTS)), help="Only this part; may be given again.")
@click.option("--overwrite", is_flag=True, help="Also what stands there and is another.")
@click.option("--show", is_flag=True, help="Say what stands in the file, and ask no service.")
@config_option
def command(path: Path, only: tuple[str, ...], config: Path | None, *, overwrite: bool, show: bool) -> None:
    """Put back what a backup has and the services lack; what stands there stays, unless --overwrite.

    Exit status 1: something could not be put back; a line says what.
    """
    log_briefly()
    try:
        found = form.read(path)
    except BackupError as problem:
        raise click.ClickException(str(problem)) from None
    if form.open_to_others(path):
        click.echo(f"{path} may be read by others: chmod 600 {path}", err=True)
    made = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(found.made_at_ms / 1000))
    click.echo(f"made {made} by panoptes {found.version}, prefix {found.topic_prefix}")
    if show:
        click.echo(found.contents())
        return
    settings = load_or_exit(config)
    prefix = settings.panoptes.topic_prefix
    if found.topic_prefix != prefix:
        raise click.ClickException(f"this pipeline has another name ([panoptes] topic_prefix): {prefix}")
    failed = False
    for part in (part for part in PARTS if part in (only or PARTS)):
        became = asked(settings, _put(settings, found, part, overwrite=overwrite))
        click.echo(became.line(part))
        click.echo("".join(f"  kept: {line}\n" for line in became.kept), nl=False)
        click.echo("".join(f"  {line}\n" for line in became.failed), nl=False, err=True)
        failed |= bool(became.failed)
    sys.exit(int(failed))


async def _put(settings: Settings, found: Backup, part: str, *, overwrite: bool) -> PutBack:
    if part == "schemas":
        return await schemas.put(settings, found.of(StoredSchema))
    if part == "secrets":
        return await secrets.put(settings, found.of(StoredSecret), overwrite=overwrite)
    if part == "inventory":
        return await inventory.put(settings, found, overwrite=overwrite)
    return await places.put(settings, found.of(SinkPlace), overwrite=overwrite)
