"""`panoptes console`: serves the web console."""

import os
import sys
from pathlib import Path

import click

from schemas.errors import FatalError
from streams.cli.loading import config_option, load_or_exit, log_briefly


@click.group("console", invoke_without_command=True)
@config_option
@click.pass_context
def command(context: click.Context, config: Path | None) -> None:
    """Serve the console; it only reads."""
    if context.invoked_subcommand is not None:
        return
    from streams.console.agent_server import serve  # noqa: PLC0415 - a web server is loaded by who serves

    log_briefly()
    settings = load_or_exit(config)
    click.echo(f"console: http://{settings.console.host}:{settings.console.port}/")
    try:
        serve(settings)
    except FatalError as problem:
        raise click.ClickException(str(problem)) from None


@command.command("password")
@click.argument("user")
@click.option(
    "--file", "path", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The password_file."
)
def password(user: str, path: Path) -> None:
    """Set USER's password from a prompt or a line of stdin; only its argon2id hash is stored."""
    from streams.console.access.passwords import with_user  # noqa: PLC0415 - argon2 is loaded by who needs it

    typed = _typed()
    fresh = path.with_name(f"{path.name}.new")
    try:
        text = with_user(path.read_text(encoding="utf-8") if path.exists() else "", user, typed)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        fresh.replace(path)
    except (FatalError, OSError, UnicodeDecodeError) as problem:
        raise click.ClickException(str(problem)) from None
    click.echo(f"{user} can log in with the password; a running console knows within seconds")


def _typed() -> str:
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")
