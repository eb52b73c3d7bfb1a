"""Checks that today's schemas can read the records of every release (BACKWARD_TRANSITIVE).

`python -m schemas.compat` checks all of them against `schemas/avro/released/<version>/`.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import avro.schema
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType

AVRO: Final = Path(__file__).parent / "avro"
RELEASED: Final = AVRO / "released"


class Broken(NamedTuple):
    """A released schema whose records today's schemas cannot read."""

    schema: str  #: file's name without its ending
    version: str
    problems: Sequence[str]

    def __str__(self) -> str:
        return f"{self.schema}.avsc cannot read records of {self.version}: {'; '.join(self.problems)}"


def incompatibilities(*, reader: str, writer: str) -> list[str]:
    """Return the reasons why a reader with one schema cannot read records of the other; empty if it can.

    Raises avro.errors.AvroException for texts that are no schemas.
    """
    result = ReaderWriterCompatibilityChecker().get_compatibility(avro.schema.parse(reader), avro.schema.parse(writer))
    if result.compatibility is SchemaCompatibilityType.compatible:
        return []
    places = ", ".join(sorted(result.locations - {"/"})) or "/"
    what = ", ".join(sorted(message.strip() for message in result.messages if message)) or "they do not fit"
    kinds = ", ".join(sorted({kind.value.replace("_", " ") for kind in result.incompatibilities}))
    return [f"{kinds} at {places}: {what}"]


def versions(released: Path = RELEASED) -> list[str]:
    """Return the released versions, oldest first."""
    found = [folder.name for folder in released.iterdir() if folder.is_dir()] if released.is_dir() else []
    return sorted(found, key=_version_key)


def broken(avro_dir: Path = AVRO, released: Path = RELEASED) -> Iterator[Broken]:
    """Yield every released schema that today's schemas cannot read, and those without a schema today."""
    for version in versions(released):
        for path in sorted((released / version).glob("*.avsc")):
            current = avro_dir / path.name
            if not current.exists():
                yield Broken(path.stem, version, ["the schema is gone: records of it may be on its topic"])
                continue
            problems = incompatibilities(reader=_text(current), writer=_text(path))
            if problems:
                yield Broken(path.stem, version, problems)


def release(version: str, avro_dir: Path = AVRO, released: Path = RELEASED) -> Path:
    """Copy today's schemas to `released/<version>` and return that folder. Raises ValueError, FileExistsError."""
    if not all(part.isdecimal() for part in version.split(".")):
        raise ValueError(f"expected a version like 1.2.3, found {version!r}")
    folder = released / version
    folder.mkdir(parents=True)
    for path in sorted(avro_dir.glob("*.avsc")):
        (folder / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    return folder


def main() -> int:
    """Print what is broken and return the exit code."""
    found = list(broken())
    for one in found:
        sys.stdout.write(f"{one}\n")
    count = len(versions())
    if not found:
        sys.stdout.write(f"schemas read the records of every released version ({count})\n")
    return 1 if found else 0


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _version_key(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())


if __name__ == "__main__":
    sys.exit(main())
