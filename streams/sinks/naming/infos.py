"""Decides when info series of a row or device are sent: periodically, and at once after a change."""

import enum
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from pollers.plugins.batch import Block, Row

#: a query looks back five minutes for the last value of a series (Prometheus' --query.lookback-delta), and the next
#: record may be late
_LASTS_MS: Final = 270_000
ROW_GONE: Final = "row-gone"
#: reasons of this stage: a row has had nothing for some of its intervals; its device has left the inventory
SILENT: Final = "silent"
LEFT: Final = "device-left"
#: reasons that are one of a row as a whole
ENDS: Final = frozenset({ROW_GONE, SILENT, LEFT})
#: the group of what became of polls
POLL: Final = "poll"


class What(enum.Enum):
    DEVICE = enum.auto()
    ROW = enum.auto()


class Info(NamedTuple):
    what: What
    row: Row  #: its labels are those to be said; of a device, any of its rows
    at_ms: int
    ends: bool  #: the series with these labels has no value from now on


class Said:
    """The last info that was sent of a row or a device."""

    __slots__ = ("at_ms", "row")

    def __init__(self) -> None:
        self.row: Row | None = None
        self.at_ms = -1


class InfoPlace(NamedTuple):
    """Where the last infos of a row and of its device are kept."""

    row: Said
    device: Said


class Infos:
    """All infos that were sent. Times of one series only grow, whatever is replayed."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str, str], Said] = {}
        self._devices: dict[str, Said] = {}

    def place(self, row: Row) -> InfoPlace:
        """Return the record of the last infos of a row, to be looked up once."""
        key = (row.resource, row.group, row.row)
        return InfoPlace(self._rows.setdefault(key, Said()), self._devices.setdefault(row.resource, Said()))

    def due(self, block: Block, places: list[InfoPlace]) -> Iterator[Info]:
        """Yield the infos to send with the block; `places` has one entry for each row.

        A status of a poll says nothing of its device but where it is, and a job is no row: there is nothing to say.
        """
        if block.group == POLL:
            return
        gone = {id(words) for words in block.words if not ENDS.isdisjoint(words.missing.values())}
        for row, time_ms, place, words in zip(block.rows, block.times_ms.tolist(), places, block.words, strict=True):
            if id(words) in gone:
                yield from _end(What.ROW, place.row, time_ms)
                if LEFT in words.missing.values():
                    yield from _end(What.DEVICE, place.device, time_ms)
                if ROW_GONE not in words.missing.values():
                    continue  # it says nothing of the device
            elif _due(What.ROW, place.row, row, time_ms):
                yield from _say(What.ROW, place.row, row, time_ms)
            if _due(What.DEVICE, place.device, row, time_ms):
                yield from _say(What.DEVICE, place.device, row, time_ms)


def _due(what: What, last: Said, row: Row, time_ms: int) -> bool:
    if last.row is row or (what is What.DEVICE and last.row is not None and last.row.labels is row.labels):
        return time_ms >= last.at_ms + _LASTS_MS - 1000 * row.interval_s
    # the same row may come from another topic, as another object
    changed = last.row is None or known(what, last.row) != known(what, row)
    return changed or time_ms >= last.at_ms + _LASTS_MS - 1000 * row.interval_s


def _say(what: What, last: Said, row: Row, at_ms: int) -> Iterator[Info]:
    if at_ms <= last.at_ms:
        return
    if last.row is not None and known(what, last.row) != known(what, row):
        yield Info(what, last.row, at_ms, ends=True)
    last.row, last.at_ms = row, at_ms
    yield Info(what, row, at_ms, ends=False)


def _end(what: What, last: Said, at_ms: int) -> Iterator[Info]:
    if last.row is not None and at_ms > last.at_ms:
        yield Info(what, last.row, at_ms, ends=True)
        last.row, last.at_ms = None, at_ms


def known(what: What, row: Row) -> tuple[str, Mapping[str, str], Mapping[str, str]]:
    """Return the contents of an info; equal ones make equal labels."""
    return (row.endpoint, row.labels, row.dimensions if what is What.ROW else {})
