"""Keeps the last values of every row, bounded, and the list of devices, for pages to be scraped.

A row that has not been heard of for three of its intervals is left out, one that is gone goes at once.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from pollers.plugins.batch import Block, Row, Words
from streams.scheduling.row_filters import parts
from streams.sinks.naming.infos import ENDS, POLL
from streams.sinks.naming.names import MAX_VALUES, Naming

_LASTS_INTERVALS: Final = 3

#: values of states: (group, state) -> those that the vocabulary has or that were seen; none where they are too many
Values = Mapping[tuple[str, str], Sequence[str]]


class Last(NamedTuple):
    """The last values of a row."""

    row: Row
    at_ms: int
    numbers: Mapping[str, float]
    states: Mapping[str, str]
    grows: bool  #: the numbers are counters


class ScrapeFilter(NamedTuple):
    """Selects rows for a page; an empty filter selects all."""

    sites: frozenset[str] = frozenset()
    devices: frozenset[str] = frozenset()  #: ids
    groups: frozenset[str] = frozenset()


class _Key(NamedTuple):
    group: str
    row: str
    grows: bool


class LatestRows:
    """The last values of every row; for equal rows the later time wins."""

    def __init__(self, naming: Naming, most_rows: int) -> None:
        self._naming: Final = naming
        self.most_rows: Final = most_rows
        self._devices: dict[str, dict[_Key, Last]] = {}
        self._named: dict[str, set[str]] = {}  #: a device's id -> identities: an id is of one site only
        self._values: dict[tuple[str, str], dict[str, None]] = {}
        self.rows = 0
        self.left_out = 0  #: gauges of rows that there was no room for

    @property
    def values(self) -> Values:
        """Return the possible values of states."""
        return {key: tuple(found) if len(found) <= MAX_VALUES else () for key, found in self._values.items()}

    def take(self, blocks: Iterable[Block]) -> None:
        """Take the blocks' values; new rows beyond the limit are left out and counted."""
        for block in blocks:
            self._learn(block)
            grows = block.since_ms is not None
            times_ms, numbers = block.times_ms.tolist(), block.numbers.tolist()
            for row, at_ms, values, words in zip(block.rows, times_ms, numbers, block.words, strict=True):
                found = dict(zip(block.names, values, strict=True))
                self._put(words, Last(row, at_ms, found, words.states, grows))

    def forget_old(self, now_ms: int) -> None:
        """Drop rows without a value for three of their intervals."""
        for rows in list(self._devices.values()):
            for key, last in list(rows.items()):
                if now_ms - last.at_ms > _LASTS_INTERVALS * last.row.interval_s * 1000:
                    self._drop(last.row.resource, key)

    def forget(self, resource: str) -> None:
        """Drop a device that has left."""
        for key in list(self._devices.get(resource, ())):
            self._drop(resource, key)

    def chosen(self, asked: ScrapeFilter) -> list[Last]:
        """Return the selected rows."""
        return [
            last
            for resource in self._resources(asked)
            for last in self._devices[resource].values()
            if not asked.groups or last.row.group in asked.groups
        ]

    def devices(self) -> list[Row]:
        """Return one row of each device, in the order of their identities, for the device's info."""
        several = ([last.row for last in self._devices[resource].values()] for resource in sorted(self._devices))
        return [next((row for row in rows if row.group != POLL), rows[0]) for rows in several]

    def _resources(self, asked: ScrapeFilter) -> Iterator[str]:
        several: Iterable[str] = self._devices
        if asked.devices:
            several = (one for name in sorted(asked.devices) for one in self._named.get(name, ()))
        return (one for one in several if not asked.sites or parts(one)[0] in asked.sites)

    def _put(self, words: Words, last: Last) -> None:
        row = last.row
        key = _Key(row.group, row.row, last.grows)
        known = self._devices.get(row.resource, {}).get(key)
        if known is not None and known.at_ms > last.at_ms:
            return
        if not ENDS.isdisjoint(words.missing.values()):
            self._drop(row.resource, key)
        elif known is None and self.rows >= self.most_rows:
            self.left_out += 1
        else:
            self.rows += known is None
            self._devices.setdefault(row.resource, {})[key] = last
            self._named.setdefault(parts(row.resource)[4], set()).add(row.resource)

    def _drop(self, resource: str, key: _Key) -> None:
        rows = self._devices.get(resource, {})
        if rows.pop(key, None) is None:
            return
        self.rows -= 1
        if not rows:
            del self._devices[resource]
            name = parts(resource)[4]
            self._named[name].discard(resource)
            if not self._named[name]:
                del self._named[name]

    def _learn(self, block: Block) -> None:
        """Note the values that states have, as long as they are not too many to be series."""
        for words in {id(words): words for words in block.words}.values():
            for state, value in words.states.items():
                key = (block.group, state)
                if self._naming.is_text(*key):
                    continue
                found = self._values.setdefault(key, dict.fromkeys(self._naming.values(*key)))
                if value and len(found) <= MAX_VALUES:
                    found.setdefault(value)
