"""Tells whether the hot modules are compiled, and whether their machine code is that of the sources beside it.

`setup.py` writes down what it compiled: a line per module with the SHA-256 of its source. Times of files would not do:
installing a wheel and checking out a branch change them.
"""

import hashlib
import importlib.machinery
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from schemas.errors import FatalError

#: the folder in which the packages `schemas`, `pollers` and `streams` lie
ROOT: Final = Path(__file__).parents[3]
PACKAGES: Final = ("schemas", "pollers", "streams")
#: beside this file: lines as sha256sum writes them, seen from ROOT
RECORD: Final = "streams/runtime/ops/compiled.sha256"
MAKE: Final = "`make compile` compiles them again, `make interpreted` removes them"
#: what all compiled modules share lies beside the packages, and none works without it
LIBRARY: Final = "panoptes__mypyc"
SHOWN: Final = 3


class Build(NamedTuple):
    """The state of the compiled modules."""

    modules: int  #: compiled ones; 0: everything is interpreted
    stale: tuple[str, ...] = ()  #: sources that are not what was compiled

    def __str__(self) -> str:
        if not self.modules:
            return "interpreted"
        text = f"compiled, {self.modules} modules"
        return f"{text}, {len(self.stale)} of them not from the sources as they are: {MAKE}" if self.stale else text


def build(root: Path = ROOT) -> Build:
    """Return which modules are compiled for this Python, and which of them are stale; reads their sources."""
    suffix = importlib.machinery.EXTENSION_SUFFIXES[0]
    if not any(root.glob(f"{LIBRARY}*{suffix}")):
        return Build(0)
    found = [
        path.with_name(path.name.removesuffix(suffix) + ".py")
        for package in PACKAGES
        for path in sorted((root / package).rglob(f"*{suffix}"))
    ]
    sources = [path.relative_to(root).as_posix() for path in found if path.exists()]
    record = root / RECORD
    lines = record.read_text().splitlines() if record.exists() else []
    compiled = {path: digest for digest, path in (line.split("  ", 1) for line in lines)}
    return Build(len(sources), tuple(path for path in sources if compiled.get(path) != digest_of(root / path)))


def digest_of(source: Path) -> str:
    return hashlib.sha256(source.read_bytes()).hexdigest()


_AT_IMPORT: Final = build()  # at once: later, an event loop would wait for the files


def running() -> Build:
    """Return the build that this process runs, as it was at its start."""
    return _AT_IMPORT


def refuse_stale(found: Callable[[], Build] = running) -> None:
    """Raises FatalError where a compiled module is older than its source."""
    stale = found().stale
    if stale:
        named = ", ".join(stale[:SHOWN]) + (f" and {len(stale) - SHOWN} more" if len(stale) > SHOWN else "")
        raise FatalError(f"compiled modules are not from the sources as they are ({named}): {MAKE}")


def advice() -> str:
    """Return what compiling would save and how to do it, or that it is done."""
    found = running()
    if found.stale or found.modules:
        return str(found)
    return (
        "interpreted: compiled, the SNMP client and the poller take half of their CPU. `make compile` in a clone, or a "
        "wheel made with PANOPTES_COMPILE=3 (docs/compiling.md)"
    )
