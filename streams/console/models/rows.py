"""The newest gauge of every row, packed: shared parts are stored once, and numbers as bytes."""

import struct
from array import array
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, TypeVar, cast

import numpy as np

from schemas.gauge_parts import GaugeRest, WholeGauge, front_of, rest_of
from schemas.records import Gauge
from streams.console.models.ring import Ring
from streams.console.models.troubles import trouble_of

OCTETS: Final = ("octets_in", "octets_out")
INTERFACE: Final = "interface"
GONE: Final = "row-gone"
_TIMES: Final = struct.Struct("<qqd")
_NO_DURATION: Final = -1.0  #: durations are positive
_FEW: Final = 1024
_BETWEEN: Final = "\x1f"  #: between texts that are kept as one; where a text has it they are kept apart
_NONE: Final = -1  #: no row
_KNOWN_MOST: Final = 2_000_000
_CHANGES_MOST: Final = 50

H = TypeVar("H", bound=Hashable)
RowKey = tuple[str, str]  #: group, row
Pairs = tuple[tuple[str, str], ...]
V = TypeVar("V")


class _Front(NamedTuple):
    """The constants of the rows of one group of one device."""

    constants: tuple[str, str, str, str, str, int]  #: site, resource, endpoint, job, group, interval_s
    dimensions: tuple[str, ...]  #: their names
    labels: Pairs
    units: Pairs


class _Form(NamedTuple):
    """The constants of many rows of many polls."""

    names: tuple[str, ...]  #: of the numbers
    states: Pairs
    missing: Pairs
    confidence: Pairs


class _Row(NamedTuple):
    key: RowKey
    front: _Front
    texts: str | tuple[str, ...]  #: of the dimensions
    form: _Form
    values: bytes  #: times, then the numbers
    counters: tuple[tuple[str, int], ...]


_NOTHING: Final = _Form((), (), (), ())


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
        self._known: dict[Hashable, object] = {}  #: texts and tuples that many rows have, each kept once
        self._free: list[int] = []
        self._octets_per_s = np.zeros(_FEW)  #: of row by number, the busier direction
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
            return self._poll(number, row, rest_of(value, self._ends[number]))
        front, end = front_of(value)
        news, number = self._take({**front, **rest_of(value, end)})
        if number != _NONE:
            if news:  # a late record's front may be another than the row's
                self._hashes[number], self._ends[number] = hash(value[:end]), end
            if self._last != _NONE:
                self._then[self._last] = number
            self._last = number
        return news

    def take(self, gauge: WholeGauge) -> bool:
        """Take a gauge as fastavro's dict; return whether it was new."""
        news, number = self._take(gauge)
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

    def busiest(self, most: int) -> Iterator[Gauge]:
        """Yield the interfaces with the most traffic in either direction, in descending order."""
        carry = np.flatnonzero(self._octets_per_s > 0)
        if len(carry) > most > 0:
            carry = carry[np.argpartition(-self._octets_per_s[carry], most - 1)[:most]]
        for number in carry[np.argsort(-self._octets_per_s[carry], kind="stable")][:most]:
            yield self._gauge(int(number))

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

    def _take(self, gauge: WholeGauge) -> tuple[bool, int]:
        """Return whether it was news, and the row's number."""
        rows = self._devices.setdefault(self._once(gauge["resource"]), {})
        key = self._once((gauge["group"], gauge["row"]))
        number = rows.get(key, _NONE)
        if number == _NONE:
            if _is_gone(gauge):
                return False, _NONE
            number = rows[key] = self._new()
        row = self._rows[number]
        if row is None or _slot(row) < gauge["slot"]:  # of a late one even the front is old
            texts = tuple(gauge["dimensions"].values())
            front = _Front(
                constants=(
                    gauge["site"],
                    gauge["resource"],
                    gauge["endpoint"],
                    gauge["job"],
                    gauge["group"],
                    gauge["interval_s"],
                ),
                dimensions=self._once(tuple(gauge["dimensions"])),
                labels=self._once(_pairs(gauge["labels"])),
                units=self._once(_pairs(gauge["units"])),
            )
            joined = texts if any(_BETWEEN in text for text in texts) else _BETWEEN.join(texts)
            before = (_NOTHING, b"") if row is None else (row.form, row.values)
            fresh = _Row(key, self._once(front), joined, *before, ())
            return self._poll(number, fresh, gauge), number if rows.get(key) == number else _NONE
        return False, number

    def _poll(self, number: int, row: _Row, rest: GaugeRest) -> bool:
        """Take what a poll tells of a row; return whether it was news."""
        slot = rest["slot"]
        if row.values and _slot(row) >= slot:
            return False
        if _is_gone(rest):
            del self._devices[row.front.constants[1]][row.key]
            self._drop(number)
            return True
        form = self._once(
            _Form(tuple(rest["gauges"]), _pairs(rest["states"]), _pairs(rest["missing"]), _pairs(rest["confidence"]))
        )
        numbers = tuple(rest["gauges"].values())
        duration_s = _NO_DURATION if rest["duration_s"] is None else rest["duration_s"]
        values = _TIMES.pack(slot, rest["time_ms"], duration_s) + struct.pack(f"<{len(numbers)}d", *numbers)
        self._rows[number] = _Row(row.key, row.front, row.texts, form, values, _pairs(rest["counters"]))
        self._note(number, row, rest)
        self.ring.add(number, slot, form.names, numbers)
        return True

    def _note(self, number: int, row: _Row, rest: GaugeRest) -> None:
        """Note what the row carries, and whether its state is as it should be."""
        group, name = row.key
        octets = 0.0
        if group == INTERFACE:
            numbers = rest["gauges"]
            octets = max(numbers.get(OCTETS[0], 0.0), numbers.get(OCTETS[1], 0.0))
        self._octets_per_s[number] = octets
        states = _pairs(rest["states"])
        if row.values and states != row.form.states:
            changes = self._changes.setdefault(number, [StateChange(_slot(row), row.form.states)])
            changes.append(StateChange(rest["slot"], states))
            del changes[:-_CHANGES_MOST]
        word, before = trouble_of(group, rest["states"]), self._troubles.get(number)
        if not word:
            self._troubles.pop(number, None)
        elif before.word != word if before is not None else group != INTERFACE or _went_down(row):
            self._troubles[number] = RowTrouble(row.front.constants[1], group, name, word, rest["slot"] * 1000)

    def _new(self) -> int:
        if self._free:
            return self._free.pop()
        self._rows.append(None)
        self._hashes.append(0)
        self._ends.append(0)
        self._then.append(_NONE)
        if len(self._rows) > len(self._octets_per_s):
            self._octets_per_s = np.concatenate([self._octets_per_s, np.zeros(len(self._octets_per_s))])
        return len(self._rows) - 1

    def _drop(self, number: int) -> None:
        self._rows[number], self._ends[number] = None, 0
        self._octets_per_s[number] = 0
        self._troubles.pop(number, None)
        self._changes.pop(number, None)
        self.ring.forget(number)
        self._free.append(number)

    def _once(self, value: H) -> H:
        if len(self._known) > _KNOWN_MOST:
            self._known.clear()  # they are only kept a second time then
        return cast("H", self._known.setdefault(value, value))

    def _gauge(self, number: int) -> Gauge:
        row = self._rows[number]
        if row is None:
            raise KeyError(number)
        slot, time_ms, duration_s = _TIMES.unpack_from(row.values)
        site, resource, endpoint, job, group, interval_s = row.front.constants
        texts = row.texts.split(_BETWEEN) if isinstance(row.texts, str) else row.texts
        names = row.form.names
        return Gauge(
            site=site, resource=resource, endpoint=endpoint, job=job, group=group, row=row.key[1],
            interval_s=interval_s, dimensions=dict(zip(row.front.dimensions, texts, strict=False)),
            labels=dict(row.front.labels), units=dict(row.front.units), slot=slot, time_ms=time_ms,
            duration_s=None if duration_s == _NO_DURATION else duration_s,
            gauges=dict(zip(names, struct.unpack_from(f"<{len(names)}d", row.values, _TIMES.size), strict=True)),
            states=dict(row.form.states), missing=dict(row.form.missing), confidence=dict(row.form.confidence),
            counters=dict(row.counters),
        )  # fmt: skip


def _went_down(before: _Row) -> bool:
    """Return whether a row was well before: a port that nobody uses is down from the first poll on, and not wrong."""
    return bool(before.form.states) and not trouble_of(before.key[0], dict(before.form.states))


def _slot(row: _Row) -> int:
    return int(_TIMES.unpack_from(row.values)[0])


def _is_gone(rest: GaugeRest) -> bool:
    """Return whether that is the end of its row."""
    missing = rest["missing"]
    return bool(missing) and not rest["gauges"] and all(reason == GONE for reason in missing.values())


def _pairs(mapping: Mapping[str, V]) -> tuple[tuple[str, V], ...]:
    return tuple(mapping.items())
