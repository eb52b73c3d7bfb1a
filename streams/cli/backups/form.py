"""What stands in a backup, and the file that it stands in: JSON lines, compressed, whole or not at all."""

import base64
import gzip
import json
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, TypeVar

from streams.runtime.secrets.renewal import StoredSecret

FORMAT: Final = 1
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class BackupError(ValueError):
    """The file cannot be written or used; the text says why, and names no secret."""


class StoredSchema(NamedTuple):
    subject: str
    schema_id: int
    text: str


class StoredSighting(NamedTuple):
    """What one section, or an operator, says of a resource."""

    identity: str
    section: str
    record: bytes  #: as it stands in `resources`; its schema is among those of the backup


class SinkPlace(NamedTuple):
    """From where on a sink has yet to store the records of a partition."""

    sink: str
    topic: str
    partition: int
    since_ms: int  #: when the first of these was written; the time of the backup where none waited


Entry = StoredSecret | StoredSchema | StoredSighting | SinkPlace

E = TypeVar("E")

#: in the order in which they are put back: schemas before what is written with them
PARTS: Final[Mapping[str, type[Entry]]] = {
    "schemas": StoredSchema,
    "secrets": StoredSecret,
    "inventory": StoredSighting,
    "places": SinkPlace,
}


class Backup(NamedTuple):
    version: str  #: of the software that made it
    topic_prefix: str
    made_at_ms: int
    entries: tuple[Entry, ...]

    def of(self, kind: type[E]) -> list[E]:
        """Return the entries of one part."""
        return [entry for entry in self.entries if isinstance(entry, kind)]

    def contents(self) -> str:
        """Return how many entries of each part there are, for people."""
        return ", ".join(f"{len(self.of(kind))} {part}" for part, kind in PARTS.items())


def write(path: Path, backup: Backup) -> None:
    """Write a new file that only its owner may read. Raises BackupError; nothing is left of what could not be."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise BackupError(f"{path} is there already: nothing was written") from None
    except OSError as problem:
        raise BackupError(f"{path} cannot be written: {problem.strerror}") from None
    with os.fdopen(descriptor, "wb") as file:
        others = os.fstat(file.fileno()).st_mode & _OTHERS  # a file system without owners
        why = "others could read it there" if others else _written(file, backup)
    if why:
        path.unlink(missing_ok=True)
        raise BackupError(f"{path} cannot be written: {why}")


def _written(file: BinaryIO, backup: Backup) -> str:
    """Write it; return why that failed, or an empty text."""
    try:
        with gzip.open(file, "wt", encoding="utf-8") as lines:
            lines.writelines(f"{json.dumps(line)}\n" for line in _lines(backup))
        file.flush()
        os.fsync(file.fileno())
    except OSError as problem:
        return problem.strerror or type(problem).__name__
    return ""


def read(path: Path) -> Backup:
    """Return what stands in a file. Raises BackupError for one that is none, not whole, or of a newer form."""
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            head, *entries, end = [json.loads(line) for line in lines]
    except (gzip.BadGzipFile, EOFError, ValueError):
        raise BackupError(f"{path} is no backup, or not whole") from None
    except OSError as problem:
        raise BackupError(f"{path} cannot be read: {problem.strerror}") from None
    try:
        if head["panoptes_backup"] > FORMAT:
            raise BackupError(f"{path} was made by panoptes {head['version']}: this version cannot read its form")
        if end["entries"] != len(entries):
            raise BackupError(f"{path} is not whole: {len(entries)} of {end['entries']} entries")
        found = tuple(_entry(fields) for fields in entries)
        return Backup(head["version"], head["topic_prefix"], head["made_at_ms"], found)
    except (KeyError, TypeError, ValueError) as problem:
        if isinstance(problem, BackupError):
            raise
        raise BackupError(f"{path} is no backup, or damaged") from None


def open_to_others(path: Path) -> bool:
    """Return whether others on this machine may read a file."""
    return bool(path.stat().st_mode & _OTHERS)


def _lines(backup: Backup) -> Iterator[Mapping[str, object]]:
    yield {
        "panoptes_backup": FORMAT,
        "version": backup.version,
        "topic_prefix": backup.topic_prefix,
        "made_at_ms": backup.made_at_ms,
    }
    yield from map(_fields, backup.entries)
    yield {"entries": len(backup.entries)}


def _fields(entry: Entry) -> dict[str, object]:
    part = next(name for name, kind in PARTS.items() if isinstance(entry, kind))
    return {"part": part, **dict(_texts(entry._asdict().items()))}


def _texts(fields: Iterable[tuple[str, object]]) -> Iterator[tuple[str, object]]:
    for name, value in fields:
        yield name, {"base64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def _entry(fields: dict[str, object]) -> Entry:
    kind = PARTS[str(fields.pop("part"))]
    values = {
        name: base64.b64decode(value["base64"], validate=True) if isinstance(value, dict) else value
        for name, value in fields.items()
    }
    made: Callable[..., Entry] = kind
    return made(**values)
