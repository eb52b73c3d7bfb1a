"""Limits the number of series of a sink: new rows beyond the limit are left out."""

from collections.abc import Iterable
from typing import Final

from pollers.plugins.batch import Block, Row
from streams.sinks.naming.infos import ENDS
from streams.sinks.naming.names import MAX_VALUES, Naming
from streams.sinks.reading.times import rows_of

_Key = tuple[str, str, str, bool]


class Cardinality:
    """Counts the live series of rows; infos are not counted."""

    def __init__(self, naming: Naming, most: int) -> None:
        self._naming: Final = naming
        self.most: Final = most
        self._rows: dict[_Key, int] = {}
        self.series = 0
        self.left_out = 0  #: numbers of rows that there was no room for

    def within(self, blocks: Iterable[Block]) -> list[Block]:
        """Return the blocks without new rows beyond the limit."""
        return [found for block in blocks if len((found := self._within(block)).rows)]

    def _within(self, block: Block) -> Block:
        grows = block.since_ms is not None
        if not block.names and not block.states:
            self._end(block, grows)
            return block
        fresh = {at for at, row in enumerate(block.rows) if row.kept is None}  # others have been let in
        if not fresh:
            return block
        each = self._series(block)
        out = {at for at in fresh if not self._let_in(_key(block.rows[at], grows), each)}
        if not out:
            return block
        self.left_out += len(out) * len(block.names)
        return rows_of(block, [at for at in range(len(block.rows)) if at not in out])

    def _let_in(self, key: _Key, series: int) -> bool:
        before = self._rows.get(key, 0)
        if series > before and self.series + series - before > self.most:
            return False
        self._rows[key] = max(series, before)
        self.series += max(series - before, 0)
        return True

    def _end(self, block: Block, grows: bool) -> None:
        for row, words in zip(block.rows, block.words, strict=True):
            if not ENDS.isdisjoint(words.missing.values()):
                self.series -= self._rows.pop(_key(row, grows), 0)

    def _series(self, block: Block) -> int:
        """Return how many series a row of the block has: a state has one for each value that it may have."""
        states = [name for name in block.states if not self._naming.is_text(block.group, name)]
        values = sum(min(max(len(self._naming.values(block.group, name)), 1), MAX_VALUES) for name in states)
        return len(block.names) + values


def _key(row: Row, grows: bool) -> _Key:
    return (row.resource, row.group, row.row, grows)
