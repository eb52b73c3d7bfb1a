"""Leaves out rejected series for an hour, so that they are reported once and do not delay others."""

from typing import Final, NamedTuple

from pollers.plugins.batch import Row

LASTS_MS: Final = 3_600_000
_MOST: Final = 100_000


class Whose(NamedTuple):
    """The row that a series belongs to; a device's own series have no row."""

    resource: str
    group: str
    row: str


NOBODY: Final = Whose("", "", "")


def whose(row: Row | None) -> Whose:
    return NOBODY if row is None else Whose(row.resource, row.group, row.row)


class Refusals:
    """The rejected series and the times of their rejection."""

    def __init__(self) -> None:
        self._until_ms: dict[Whose, dict[str, int]] = {}
        self.count = 0  #: of series

    def add(self, owner: Whose, series: str, now_ms: int) -> None:
        """Remember a rejected series; where there are far too many, all are tried again."""
        if self.count >= _MOST:
            self.forget()
        found = self._until_ms.setdefault(owner, {})
        self.count += series not in found
        found[series] = now_ms + LASTS_MS

    def forget(self) -> None:
        """Forget all of them."""
        self._until_ms.clear()
        self.count = 0

    def of(self, owner: Whose, now_ms: int) -> frozenset[str]:
        """Return the rejected series of a row."""
        found = self._until_ms.get(owner)
        if found is None:
            return frozenset()
        for series in [series for series, until_ms in found.items() if until_ms <= now_ms]:
            del found[series]
            self.count -= 1
        if not found:
            del self._until_ms[owner]
        return frozenset(found)
