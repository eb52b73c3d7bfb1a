"""What a compiled wheel asks of the system that it is installed on: libraries, and the newest glibc."""

import re
import subprocess
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

#: libraries that PEP 600 lets a manylinux wheel expect, as far as C code without extras needs any
ALLOWED: Final = frozenset({"libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "ld-linux-x86-64.so.2"})
_NEEDED: Final = re.compile(r"\(NEEDED\).*\[(.+)\]")
_VERSION: Final = re.compile(r"Name: GLIBC_(\d+)\.(\d+)")


def demands(told: str) -> tuple[set[str], tuple[int, int]]:
    """Return the libraries and the newest glibc that the words of `readelf --dynamic --version-info` name."""
    versions = [(int(major), int(minor)) for major, minor in _VERSION.findall(told)]
    return set(_NEEDED.findall(told)), max(versions, default=(0, 0))


def problems(names_and_words: Iterable[tuple[str, str]], glibc: tuple[int, int]) -> Iterator[str]:
    """Yield a line for each library or symbol that is newer than a wheel for that glibc may ask for."""
    for name, words in names_and_words:
        libraries, newest = demands(words)
        if newest > glibc:
            yield f"{name}: needs glibc {newest[0]}.{newest[1]}"
        if libraries - ALLOWED:
            yield f"{name}: needs {', '.join(sorted(libraries - ALLOWED))}"


def read(wheel: Path) -> list[tuple[str, str]]:
    """Return what readelf says of each library in a wheel."""
    found = []
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(wheel) as archive:
        for name in (name for name in archive.namelist() if name.endswith(".so")):
            path = archive.extract(name, folder)
            command = ["readelf", "--wide", "--dynamic", "--version-info", path]
            said = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own
            found.append((name, said.stdout))
    return found
