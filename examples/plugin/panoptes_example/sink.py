"""Sink: every number as a line of a CSV file."""

import asyncio
import csv
from pathlib import Path

from pollers.plugins.base import OptionError, PluginContext
from pollers.plugins.batch import Batch, TryAgain, Written


class Csv:
    def __init__(self, path: Path) -> None:
        self._path = path

    async def write(self, batch: Batch) -> Written:
        """Append time, resource, group, row, name and number; a batch that comes again is appended again."""
        lines = [
            (one.time_ms, one.resource, one.group, one.row, name, number)
            for one in batch.gauges
            for name, number in one.gauges.items()
        ]
        try:
            await asyncio.to_thread(self._append, lines)
        except OSError as problem:
            raise TryAgain(f"{self._path}: {problem.strerror}") from problem
        return Written(len(lines))

    async def close(self) -> None:
        """Do nothing: every batch opens and closes the file."""

    def _append(self, lines: list[tuple[int, str, str, str, str, float]]) -> None:
        with self._path.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(lines)


def create(context: PluginContext) -> Csv:
    """Make the plugin from its section: `path`."""
    if not context.options.get("path"):
        raise OptionError({"path": "expected the file to append to"})
    return Csv(Path(context.options["path"]))
