"""`panoptes init`: writes a commented configuration to start from, and says what to do next."""

from pathlib import Path

import click

from streams.runtime.settings.starts import Start, files, next_steps


@click.command("init")
@click.option(
    "--start",
    type=click.Choice([start.value for start in Start]),
    required=True,
    help="local: all on this machine; devices: services that are there, your devices; secured: with TLS and users.",
)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=Path())
def command(start: str, folder: Path) -> None:
    """Write panoptes.ini, devices.yaml and a Procfile into FOLDER (by default here); existing files are kept."""
    texts = files(Start(start))
    there = [name for name in texts if (folder / name).exists()]
    if there:
        raise click.ClickException(f"{', '.join(there)} in {folder.absolute()} already: nothing was written")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
            click.echo(f"wrote {folder / name}")
    except OSError as problem:
        raise click.ClickException(f"{folder.absolute()} cannot be written: {problem.strerror}") from None
    click.echo("next:")
    for number, step in enumerate(next_steps(Start(start)), 1):
        click.echo(f"  {number}. {step}")
