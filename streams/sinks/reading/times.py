"""Drops rows whose times no store accepts."""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from pollers.plugins.batch import Block, Refused

FIRST_MS: Final = 0
LAST_MS: Final = 2**42 - 1  #: in 2109; nanoseconds of 64 bits go on until 2262


def in_range(blocks: Iterable[Block]) -> tuple[list[Block], Sequence[Refused]]:
    """Return the blocks without rows whose times stores refuse, and a line for each of those."""
    good: list[Block] = []
    refused: list[Refused] = []
    for block in blocks:
        fits = (block.times_ms >= FIRST_MS) & (block.times_ms <= LAST_MS)
        if fits.all():
            good.append(block)
            continue
        for at in np.flatnonzero(~fits).tolist():
            row = block.rows[at]
            time_ms = int(block.times_ms[at])
            refused.append(
                Refused(f"{row.resource} {row.group} {row.row}", f"time_ms {time_ms}: expected 1970 to 2109")
            )
        good.append(rows_of(block, np.flatnonzero(fits).tolist()))
    return good, refused


def rows_of(block: Block, rows: list[int]) -> Block:
    """Return a block with only these rows, by position."""
    return block._replace(
        rows=[block.rows[at] for at in rows],
        slots=block.slots[rows],
        times_ms=block.times_ms[rows],
        durations_s=block.durations_s[rows],
        numbers=block.numbers[rows],
        words=[block.words[at] for at in rows],
        since_ms=None if block.since_ms is None else block.since_ms[rows],
    )
