"""The truth about one row of a table other than interfaces."""

from typing import NamedTuple


class LevelRow(NamedTuple):
    """Names as they stand in a gauge."""

    levels: dict[str, float] = {}  # noqa: RUF012 (nobody writes to it)
    rates: dict[str, float] = {}  # noqa: RUF012
    states: dict[str, str] = {}  # noqa: RUF012
