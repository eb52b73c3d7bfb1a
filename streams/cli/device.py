"""What `walk`, `poll` and `profile` share: a session with a live device, or one that answers from a recording."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NoReturn, TypeVar

import click

from pollers.profiles.library import Library, read_library
from pollers.profiles.recording import RecordedSession, RecordingError, read_recording
from pollers.snmp.client import Session

T = TypeVar("T")

profiles_option = click.option(
    "--profiles",
    "folders",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder with more profiles; later ones override by name. May be given several times.",
)
walk_option = click.option(
    "--walk",
    "recording",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Answer from a recording (.snmprec, or the output of snmpwalk -On) instead of a device.",
)


def fail(message: str, code: int = 2) -> NoReturn:
    """End the command with a message for people."""
    click.echo(f"error: {message}", err=True)
    sys.exit(code)


def recorded_session(path: Path) -> RecordedSession:
    """Return a session that answers from a file; ends the command where the file cannot be read."""
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8", errors="surrogateescape")
        entries = read_recording(text, str(path))
    except (OSError, RecordingError) as error:
        fail(str(error))
    if not entries:
        fail(f"{path}: no values in it")
    return RecordedSession(entries)


def load_library(folders: tuple[Path, ...], *, warn: bool = True) -> Library:
    """Return the profiles; what is wrong with some is told on stderr."""
    library = read_library(folders)
    if warn:
        for problem in library.problems:
            click.echo(f"warning: {problem}", err=True)
    return library


def run(work: Awaitable[T]) -> T:
    async def main() -> T:
        return await work

    return asyncio.run(main())


Use = Callable[[Session], Awaitable[T]]
