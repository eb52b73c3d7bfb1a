"""`panoptes backup`: writes what only this pipeline knows into one file."""

import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import click

from streams.cli.backups import form, inventory, places, schemas, secrets
from streams.cli.backups.asking import asked
from streams.cli.backups.form import Backup, BackupError, Entry
from streams.cli.loading import config_option, load_or_exit, log_briefly
from streams.runtime.kernel.context import now_ms
from streams.runtime.secrets.key_ring import is_encrypted
from streams.runtime.secrets.renewal import StoredSecret
from streams.runtime.settings.loading import Settings


@click.command("backup")
@click.argument("target", metavar="FILE|FOLDER", type=click.Path(path_type=Path))
@config_option
def command(target: Path, config: Path | None) -> None:
    """Write what only this pipeline knows into a new file: secrets, inventory, places of sinks, schemas.

    In a folder the file is named by the time. Only its owner may read it; secrets stand in it as they stand in Redis.
    """
    log_briefly()
    settings = load_or_exit(config)
    made = asked(settings, _taken(settings, now_ms()))
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(made.made_at_ms / 1000))
    path = target / f"{made.topic_prefix}-{stamp}.backup" if target.is_dir() else target
    try:
        form.write(path, made)
    except BackupError as problem:
        raise click.ClickException(str(problem)) from None
    click.echo(f"{path}: {made.contents()}")
    for line in _advice(made, settings):
        click.echo(line, err=True)


async def _taken(settings: Settings, made_at_ms: int) -> Backup:
    entries: list[Entry] = [*await schemas.take(settings), *await secrets.take(settings)]
    entries += [*await inventory.take(settings), *await places.take(settings, made_at_ms)]
    version, prefix = metadata.version("panoptes-streams"), settings.panoptes.topic_prefix
    return Backup(version, prefix, made_at_ms, tuple(entries))


def _advice(made: Backup, settings: Settings) -> Iterator[str]:
    plain = sum(not is_encrypted(secret.value) for secret in made.of(StoredSecret))
    if plain:
        yield f"{plain} secrets stand in it plain: guard it as you guard Redis, or `panoptes secrets encrypt` first"
    if settings.redis.key_ring:
        yield f"the key ring {settings.redis.key_ring} is not in it: keep a copy elsewhere"
