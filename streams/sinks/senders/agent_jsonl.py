"""The sink `jsonl`: writes a line of JSON for each record, to standard output or to rotated files."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Final

from pollers.plugins.base import PluginContext
from pollers.plugins.batch import Batch, TryAgain, Written
from streams.sinks.encoding.jsonl import lines
from streams.sinks.senders.options import OptionReader

STDOUT: Final = "-"


class JsonLines:
    """A SinkPlugin. What it has written is on disk when it says so; a batch that comes again is written again."""

    def __init__(self, path: str, max_bytes: int, keep: int) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._keep = keep
        self._writing = asyncio.Lock()  #: batches of several partitions come at once

    async def write(self, batch: Batch) -> Written:
        """Write the records and return how many. Raises TryAgain where the disk or the pipe will not have them."""
        made = list(lines(batch))
        try:
            async with self._writing:
                await asyncio.to_thread(self._write, b"".join(made))
        except OSError as problem:
            raise TryAgain(f"{self._path}: {problem.strerror or problem}") from problem
        return Written(len(made))

    async def close(self) -> None:
        """Do nothing: every batch opens and closes its file."""

    def _write(self, octets: bytes) -> None:
        if self._path == STDOUT:
            sys.stdout.buffer.write(octets)
            sys.stdout.buffer.flush()
            return
        path = Path(self._path)
        if path.exists() and path.stat().st_size + len(octets) > self._max_bytes:
            self._rotate(path)
        with path.open("ab", buffering=0) as file:  # a buffer would be written again, in the midst of the cut
            size, left = file.tell(), memoryview(octets)
            try:
                while left:
                    left = left[file.write(left) :]
                os.fsync(file.fileno())
            except OSError:
                file.truncate(size)  # the disk is full: no half of a line stays
                raise

    def _rotate(self, path: Path) -> None:
        """Make FILE to FILE.1, that to FILE.2, and so on; the oldest goes."""
        for number in range(self._keep, 0, -1):
            older = path.with_name(f"{path.name}.{number - 1}") if number > 1 else path
            if older.exists():
                older.replace(path.with_name(f"{path.name}.{number}"))


def create(context: PluginContext) -> JsonLines:
    """Create the sink from its section. Raises OptionError."""
    reader = OptionReader(context.options)
    max_bytes = int(reader.number("max_bytes", 100 * 2**20, 2**10, 2**40))
    keep = int(reader.number("keep", 5, 1, 1_000))
    path = reader.text("path", STDOUT)
    reader.finish(("path", "max_bytes", "keep"))
    return JsonLines(path, max_bytes, keep)
