"""The newest gauge of every row, packed: shared parts are stored once, and numbers as bytes."""

import struct
from array import array
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from schemas.gauge_parts import WholeGauge
from schemas.records import Gauge
from streams.console.models.gauge_forms import NO_DURATION, NOTHING, Forms, Front, GaugeLayout, Pairs, Placed, RowPoll
from streams.console.models.ring import Ring
from streams.console.models.troubles import trouble_of

INTERFACE: Final = "interface"
_SLOT: Final = struct.Struct("<q")
_FEW: Final = 1024
_BETWEEN: Final = "\x1f"  #: between texts that are kept as one; where a text has it they are kept apart
_NONE: Final = -1  #: no row
_CHANGES_MOST: Final = 50

RowKey = tuple[str, str]  #: group, row


class _Row(NamedTuple):
    key: RowKey
    front: Front
    texts: str | tuple[str, ...]  #: of the dimensions
    layout: GaugeLayout
    values: bytes  #: times, then the numbers
    counters: tuple[tuple[str, int], ...]


class RowTrouble(NamedTuple):
    """A row with a bad state."""

    resource: str
    group: str
    row: str
    word: str
    since_ms: int  #: since when it is seen so; it may have been so before


class StateChange(NamedTuple):
    """The time from which a row has had these states."""

    slot: int
    states: Pairs


class RowStore:
    """Every row by device and by number; repeated and late records change nothing."""

    def __init__(self, ring_bytes: int) -> None:
        self.ring: Final = Ring(ring_bytes)
        self._devices: dict[str, dict[RowKey, int]] = {}
        self._rows: list[_Row | None] = []
        self._forms: Final = Forms()
        self._newest: GaugeLayout = NOTHING  #: of the last new row
        self._free: list[int] = []
        self._octets_per_s = np.zeros(_FEW)  #: of row by number, the busier direction
        self._errors_per_s = np.zeros(_FEW)  #: of row by number, both directions
        self._hashes = array("q")  #: of row by number: the hash of its front's bytes
        self._ends = array("l")  #: and where they end
        self._then = array("l")  #: the row that came after it, last time
        self._last = _NONE
        self._troubles: dict[int, RowTrouble] = {}
        self._changes: dict[int, list[StateChange]] = {}  #: of rows whose states have changed, the newest last

    def __len__(self) -> int:
        return len(self._rows) - len(self._free)

    def take_bytes(self, value: bytes) -> bool:
        """Take a gauge written with our own schema; return whether it was new. Raises RecordError.

        A front is recognised, not decoded: after one row the same row comes next as last time.
        """
        number = self._then[self._last] if self._last != _NONE else _NONE
        row = None if number == _NONE else self._rows[number]
        if row is not None and hash(value[: self._ends[number]]) == self._hashes[number]:
            self._last = number
            return self._poll(number, row, self._forms.told(value, self._ends[number], row.layout))
        placed, end = self._forms.placed(value)
        told = self._forms.told(value, end, self._newest)
        self._newest = told.layout
        news, number = self._take(placed, told)
        if number != _NONE:
            if news:  # a late record's front may be another than the row's
                self._hashes[number], self._ends[number] = hash(value[:end]), end
            if self._last != _NONE:
                self._then[self._last] = number
            self._last = number
        return news

    def take(self, gauge: WholeGauge) -> bool:
        """Take a gauge as fastavro's dict; return whether it was new."""
        news, number = self._take(self._forms.placed_in(gauge), self._forms.told_in(gauge))
        if number != _NONE:
            self._ends[number] = 0  # what was known of its bytes may be wrong now
        return news

    def forget(self, resource: str) -> None:
        """Forget a device that has left."""
        for number in self._devices.pop(resource, {}).values():
            self._drop(number)

    def of(self, resource: str) -> Sequence[Gauge]:
        """Return the newest gauge of each row of a device."""
        return [self._gauge(number) for number in self._devices.get(resource, {}).values()]

    def one(self, resource: str, group: str, row: str) -> Gauge | None:
        """Return the newest gauge of a row, None where there is none."""
        found = self._devices.get(resource, {}).get((group, row))
        return None if found is None else self._gauge(found)

    def points(self, resource: str, group: str, row: str, name: str) -> list[tuple[int, float]]:
        """Return (slot, value) of a number as far back as memory reaches, oldest first."""
        found = self._devices.get(resource, {}).get((group, row))
        return [] if found is None else self.ring.points(found, name)

    def busiest(self, most: int) -> Sequence[Gauge]:
        """Return the interfaces with the most traffic in either direction, in descending order."""
        return self._most(self._octets_per_s, most)

    def erring(self, most: int) -> Sequence[Gauge]:
        """Return the interfaces with the most errors of both directions together, in descending order."""
        return self._most(self._errors_per_s, most)

    def changes(self, resource: str, group: str, row: str) -> Sequence[StateChange]:
        """Return the remembered states of a row, oldest first."""
        number = self._devices.get(resource, {}).get((group, row), _NONE)
        return self._changes.get(number, ())

    def troubles(self) -> Sequence[RowTrouble]:
        """Return the rows in a bad state."""
        return list(self._troubles.values())

    def since_ms(self, resource: str, group: str, row: str) -> int | None:
        """Return since when a row has been in a bad state, None where it is not."""
        number = self._devices.get(resource, {}).get((group, row), _NONE)
        trouble = self._troubles.get(number)
        return None if trouble is None else trouble.since_ms

    def _take(self, placed: Placed, told: RowPoll) -> tuple[bool, int]:
        """Return whether it was news, and the row's number."""
        front, name, texts = placed
        rows = self._devices.setdefault(front.constants[1], {})
        key = self._forms.once((front.constants[4], name))
        number = rows.get(key, _NONE)
        if number == _NONE:
            if told.layout.is_gone:
                return False, _NONE
            number = rows[key] = self._new()
        row = self._rows[number]
        if row is not None and _slot(row) >= told.slot:  # of a late one even the front is old
            return False, number
        joined = _BETWEEN.join(texts)
        before = (NOTHING, b"") if row is None else (row.layout, row.values)
        kept = joined if joined.count(_BETWEEN) == len(texts) - 1 else texts
        news = self._poll(number, _Row(key, front, kept, *before, ()), told)
        return news, number if rows.get(key) == number else _NONE

    def _poll(self, number: int, row: _Row, told: RowPoll) -> bool:
        """Take what a poll tells of a row; return whether it was news."""
        slot, time_ms, duration_s, numbers, layout, counters = told
        if row.values and _slot(row) >= slot:
            return False
        if layout.is_gone:
            del self._devices[row.front.constants[1]][row.key]
            self._drop(number)
            return True
        values = layout.stored.pack(slot, time_ms, duration_s, *numbers)
        self._rows[number] = _Row(row.key, row.front, row.texts, layout, values, counters)
        if row.key[0] == INTERFACE:
            self._octets_per_s[number] = max([0.0, *(numbers[at] for at in layout.octets)])
            self._errors_per_s[number] = sum(numbers[at] for at in layout.errors)
        if layout.form.states != row.layout.form.states or not row.values:
            self._note(number, row, slot, layout.form.states)
        self.ring.add(number, slot, layout.form.names, numbers)
        return True

    def _note(self, number: int, row: _Row, slot: int, states: Pairs) -> None:
        """Note states that are other than before, and whether they are as they should be."""
        group, name = row.key
        if row.values:
            changes = self._changes.setdefault(number, [StateChange(_slot(row), row.layout.form.states)])
            changes.append(StateChange(slot, states))
            del changes[:-_CHANGES_MOST]
        word, before = trouble_of(group, dict(states)), self._troubles.get(number)
        if not word:
            self._troubles.pop(number, None)
        elif before.word != word if before is not None else group != INTERFACE or _went_down(row):
            self._troubles[number] = RowTrouble(row.front.constants[1], group, name, word, slot * 1000)

    def _most(self, column: "np.ndarray[tuple[int], np.dtype[np.float64]]", most: int) -> Sequence[Gauge]:
        some = np.flatnonzero(column > 0)
        if len(some) > most > 0:
            some = some[np.argpartition(-column[some], most - 1)[:most]]
        return [self._gauge(int(number)) for number in some[np.argsort(-column[some], kind="stable")][:most]]

    def _new(self) -> int:
        if self._free:
            return self._free.pop()
        self._rows.append(None)
        self._hashes.append(0)
        self._ends.append(0)
        self._then.append(_NONE)
        if len(self._rows) > len(self._octets_per_s):
            self._octets_per_s = np.concatenate([self._octets_per_s, np.zeros(len(self._octets_per_s))])
            self._errors_per_s = np.concatenate([self._errors_per_s, np.zeros(len(self._errors_per_s))])
        return len(self._rows) - 1

    def _drop(self, number: int) -> None:
        self._rows[number], self._ends[number] = None, 0
        self._octets_per_s[number] = self._errors_per_s[number] = 0
        self._troubles.pop(number, None)
        self._changes.pop(number, None)
        self.ring.forget(number)
        self._free.append(number)

    def _gauge(self, number: int) -> Gauge:
        row = self._rows[number]
        if row is None:
            raise KeyError(number)
        slot, time_ms, duration_s, *numbers = row.layout.stored.unpack(row.values)
        site, resource, endpoint, job, group, interval_s = row.front.constants
        texts = row.texts.split(_BETWEEN) if isinstance(row.texts, str) else row.texts
        form = row.layout.form
        return Gauge(
            site=site, resource=resource, endpoint=endpoint, job=job, group=group, row=row.key[1],
            interval_s=interval_s, dimensions=dict(zip(row.front.dimensions, texts, strict=False)),
            labels=dict(row.front.labels), units=dict(row.front.units), slot=slot, time_ms=time_ms,
            duration_s=None if duration_s == NO_DURATION else duration_s,
            gauges=dict(zip(form.names, numbers, strict=True)),
            states=dict(form.states), missing=dict(form.missing), confidence=dict(form.confidence),
            counters=dict(row.counters),
        )  # fmt: skip


def _went_down(before: _Row) -> bool:
    """Return whether a row was well before: a port that nobody uses is down from the first poll on, and not wrong."""
    states = before.layout.form.states
    return bool(states) and not trouble_of(before.key[0], dict(states))


def _slot(row: _Row) -> int:
    return int(_SLOT.unpack_from(row.values)[0])
