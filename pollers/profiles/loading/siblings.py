"""The files beside a profile that hold what it extends, so that one of a library can be read alone."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pollers.profiles.loading.library import read_document
from pollers.profiles.loading.section import ProfileSection
from pollers.profiles.place import ProfileError

_NAME: Final = re.compile(r"^profile:[ \t]*['\"]?([\w.-]+)", re.MULTILINE)


def parents_beside(files: Sequence[Path]) -> list[Path]:
    """Return the files in the same folders whose profiles these extend, near or far; what cannot be read is none."""
    named = {folder: _named(folder) for folder in {file.parent for file in files}}
    found: dict[Path, None] = {}
    waiting = [(file.parent, name) for file in files for name in _parents(file)]
    while waiting:
        folder, name = waiting.pop()
        beside = named[folder].get(name)
        if beside is not None and beside not in files and beside not in found:
            found[beside] = None
            waiting += [(folder, parent) for parent in _parents(beside)]
    return list(found)


def _named(folder: Path) -> dict[str, Path]:
    """Return the files of a folder by the profile that each says it holds."""
    paths = sorted(path for path in folder.iterdir() if path.suffix in {".yaml", ".yml"} and path.is_file())
    return {match[1]: path for path in paths if (match := _NAME.search(_text(path)))}


def _parents(file: Path) -> tuple[str, ...]:
    try:
        return ProfileSection(read_document(_text(file), str(file)).root, "", []).texts("extends")
    except ProfileError:
        return ()


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace")
