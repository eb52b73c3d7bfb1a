"""Keeps the last values of a partition's rows, to end the series of silent rows and departed devices.

The end of a series of which a record says so (`row-gone`) needs nothing of this. After a restart nothing is held: a
store's own look-back ends what is not continued.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from pollers.plugins.batch import Block, Row, Words
from streams.sinks.naming.infos import ENDS, LEFT, SILENT

#: a row that has had nothing for so many of its intervals is silent
SILENT_INTERVALS: Final = 3


class Ending(NamedTuple):
    """The series to end now."""

    now_ms: int = 0  #: rows of which nothing has come by that time are silent; 0: only by the times of those that came
    left: str = ""  #: a device that has left at that time


class _Shape(NamedTuple):
    """The series of rows; the same object for all of a block."""

    group: str
    units: Mapping[str, str]
    names: tuple[str, ...]
    states: tuple[str, ...]
    grows: bool


class _Entry:
    """The last of a row."""

    __slots__ = ("came_ms", "row", "shape", "time_ms")

    def __init__(self, row: Row) -> None:
        self.row = row
        self.came_ms = 0  #: by our clock
        self.shape: _Shape | None = None  #: None: it has ended
        self.time_ms = -1


class HeldRows:
    """The rows of one partition of one topic."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str, str], _Entry] = {}
        self._of: dict[Row, _Entry] = {}  #: a row is the same object until something of it changes
        self._latest_ms = 0

    def __len__(self) -> int:
        return len(self._entries)

    def ending(self, ends: Sequence[Ending], now_ms: int, blocks: Sequence[Block]) -> Sequence[Block]:
        """Take the blocks, and return them with the ends of series behind them."""
        self.take(blocks, now_ms)
        return [*blocks, *(block for end in ends for block in self.ended(end))]

    def take(self, blocks: Iterable[Block], now_ms: int) -> None:
        """Take records in their order."""
        if len(self._of) > 2 * len(self._entries) + 1_000:  # what rows were called before
            self._of.clear()
        for block in blocks:
            shape = _Shape(block.group, block.units, block.names, block.states, block.since_ms is not None)
            ends = {id(words) for words in block.words if not ENDS.isdisjoint(words.missing.values())}
            for row, time_ms, words in zip(block.rows, block.times_ms.tolist(), block.words, strict=True):
                entry = self._of.get(row) or self._entry(row)
                entry.came_ms = now_ms
                if time_ms >= entry.time_ms:
                    entry.row, entry.time_ms = row, time_ms
                    entry.shape = None if id(words) in ends else shape
                    self._latest_ms = max(self._latest_ms, time_ms)

    def ended(self, end: Ending) -> list[Block]:
        """Return the ends of series that are due, and forget those rows.

        What is silent ends half an interval after its last sample: it may be late, not gone, and a store that wants
        order must still take the next one.
        """
        found: dict[int, list[_Ended]] = {}
        for key, entry in list(self._entries.items()):
            at_ms = self._end_ms(entry, end)
            if at_ms is None:
                continue
            del self._entries[key]
            if entry.shape is not None:
                found.setdefault(id(entry.shape), []).append(_Ended(entry.row, entry.shape, at_ms))
        if found:
            self._of.clear()
        return [_block(several, LEFT if end.left else SILENT) for several in found.values()]

    def _end_ms(self, entry: _Entry, end: Ending) -> int | None:
        interval_ms = 1000 * entry.row.interval_s
        if end.left:
            return max(end.now_ms, entry.time_ms + 1) if entry.row.resource == end.left else None
        longest_ms = SILENT_INTERVALS * interval_ms
        # what was measured long ago and has just come is late, not silent
        by_clock = end.now_ms - max(entry.came_ms, entry.time_ms) > longest_ms
        silent = by_clock or self._latest_ms - entry.time_ms > longest_ms
        return entry.time_ms + interval_ms // 2 if silent else None

    def _entry(self, row: Row) -> _Entry:
        entry = self._entries.setdefault((row.resource, row.group, row.row), _Entry(row))
        self._of[row] = entry
        return entry


class _Ended(NamedTuple):
    row: Row
    shape: _Shape
    at_ms: int


def _block(several: Sequence[_Ended], why: str) -> Block:
    """Return a block that ends all series of these rows, which have the same."""
    shape = several[0].shape
    missing = (*shape.names, *shape.states)
    times_ms = np.array([one.at_ms for one in several], dtype=np.int64)
    return Block(
        group=shape.group,
        units=shape.units,
        names=(),
        states=(),
        missing=missing,
        rows=[one.row for one in several],
        slots=times_ms // 1000,
        times_ms=times_ms,
        durations_s=np.full(len(several), np.nan),
        numbers=np.empty((len(several), 0)),
        words=[Words({}, dict.fromkeys(missing, why), {}, {})] * len(several),
        since_ms=np.empty((len(several), 0), dtype=np.int64) if shape.grows else None,
    )
