"""The newest gauge of every row, small: what rows have in common is kept once, and numbers stand in bytes."""

import struct
from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np

from schemas.records import Gauge
from streams.console.models.ring import Ring

OCTETS: Final = ("octets_in", "octets_out")
INTERFACE: Final = "interface"
GONE: Final = "row-gone"
_CONSTANTS: Final = ("site", "resource", "endpoint", "job", "group", "interval_s")
_TIMES: Final = struct.Struct("<qqd")
_NO_DURATION: Final = -1.0  #: durations are positive
_FEW: Final = 1024

H = TypeVar("H", bound=Hashable)


class _Shared(NamedTuple):
    """What the rows of one group of one device have in common."""

    constants: tuple[Any, ...]  #: site, resource, endpoint, job, group, interval_s
    labels: tuple[tuple[str, str], ...]
    units: tuple[tuple[str, str], ...]


class _Row(NamedTuple):
    number: int
    shared: _Shared
    dimensions: tuple[tuple[str, ...], tuple[str, ...]]  #: names, which rows share, and texts
    names: tuple[str, ...]  #: of the numbers
    values: bytes  #: times, then the numbers
    states: tuple[tuple[str, str], ...]
    missing: tuple[tuple[str, str], ...]
    confidence: tuple[tuple[str, str], ...]
    counters: tuple[tuple[str, int], ...]


class Rows:
    """Every row by device; repeated and late records change nothing."""

    def __init__(self, ring_bytes: int) -> None:
        self.ring: Final = Ring(ring_bytes)
        self._devices: dict[str, dict[tuple[str, str], _Row]] = {}
        self._known: dict[Hashable, Any] = {}  #: texts and tuples that many rows have, each kept once
        self._free: list[int] = []
        self._numbers = count()
        self._octets_per_s = np.zeros(_FEW)  #: of row by number, the busier direction
        self._of_number: dict[int, tuple[str, tuple[str, str]]] = {}  #: rows that carry something

    def __len__(self) -> int:
        return sum(map(len, self._devices.values()))

    def take(self, gauge: Mapping[str, Any]) -> bool:
        """Take a gauge, as fastavro's dict; return whether it was news."""
        rows = self._devices.setdefault(gauge["resource"], {})
        key = self._once((gauge["group"], gauge["row"]))
        row = rows.get(key)
        if row is not None and _TIMES.unpack_from(row.values)[0] >= gauge["slot"]:
            return False
        missing = gauge["missing"]
        if missing and not gauge["gauges"] and all(reason == GONE for reason in missing.values()):
            if row is not None:
                self._drop(rows, key)
            return row is not None
        number = row.number if row is not None else self._free.pop() if self._free else next(self._numbers)
        row = rows[key] = self._row(number, gauge)
        self._carries(row.number, gauge, key)
        self.ring.add(row.number, gauge["slot"], gauge["gauges"].items())
        return True

    def forget(self, resource: str) -> None:
        """Forget a device that has left."""
        rows = self._devices.pop(resource, {})
        for key in list(rows):
            self._drop(rows, key)

    def of(self, resource: str) -> Sequence[Gauge]:
        """Return the newest gauge of each row of a device."""
        return [_gauge(row, key) for key, row in self._devices.get(resource, {}).items()]

    def one(self, resource: str, group: str, row: str) -> Gauge | None:
        """Return the newest gauge of a row, None where there is none."""
        found = self._devices.get(resource, {}).get((group, row))
        return None if found is None else _gauge(found, (group, row))

    def points(self, resource: str, group: str, row: str, name: str) -> list[tuple[int, float]]:
        """Return (slot, value) of a number for as long as the memory reaches, the oldest first."""
        found = self._devices.get(resource, {}).get((group, row))
        return [] if found is None else self.ring.points(found.number, name)

    def busiest(self, most: int) -> Iterator[Gauge]:
        """Yield the interfaces that carry most bits in a second in either direction, the first the most."""
        carry = np.flatnonzero(self._octets_per_s > 0)
        for number in carry[np.argsort(-self._octets_per_s[carry])][:most]:
            resource, key = self._of_number[int(number)]
            yield _gauge(self._devices[resource][key], key)

    def _row(self, number: int, gauge: Mapping[str, Any]) -> _Row:
        constants = tuple(gauge[name] for name in _CONSTANTS)
        duration_s = _NO_DURATION if gauge["duration_s"] is None else gauge["duration_s"]
        numbers = gauge["gauges"].values()
        times = _TIMES.pack(gauge["slot"], gauge["time_ms"], duration_s)
        return _Row(
            number=number,
            shared=self._once(_Shared(constants, _pairs(gauge["labels"]), _pairs(gauge["units"]))),
            dimensions=(self._once(tuple(gauge["dimensions"])), tuple(gauge["dimensions"].values())),
            names=self._once(tuple(gauge["gauges"])),
            values=times + struct.pack(f"<{len(numbers)}d", *numbers),
            states=self._once(_pairs(gauge["states"])),
            missing=self._once(_pairs(gauge["missing"])),
            confidence=self._once(_pairs(gauge["confidence"])),
            counters=_pairs(gauge["counters"]),
        )

    def _carries(self, number: int, gauge: Mapping[str, Any], key: tuple[str, str]) -> None:
        if number >= len(self._octets_per_s):
            self._octets_per_s = np.concatenate([self._octets_per_s, np.zeros(len(self._octets_per_s))])
        octets = [gauge["gauges"].get(name, 0.0) for name in OCTETS] if gauge["group"] == INTERFACE else [0.0]
        self._octets_per_s[number] = max(octets)
        if max(octets) > 0:
            self._of_number[number] = (self._once(gauge["resource"]), key)
        else:
            self._of_number.pop(number, None)

    def _drop(self, rows: dict[tuple[str, str], _Row], key: tuple[str, str]) -> None:
        number = rows.pop(key).number
        self.ring.forget(number)
        self._octets_per_s[number] = 0
        self._of_number.pop(number, None)
        self._free.append(number)

    def _once(self, value: H) -> H:
        found: H = self._known.setdefault(value, value)
        return found


def _pairs(mapping: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(mapping.items())


def _gauge(row: _Row, key: tuple[str, str]) -> Gauge:
    slot, time_ms, duration_s = _TIMES.unpack_from(row.values)
    site, resource, endpoint, job, group, interval_s = row.shared.constants
    names, texts = row.dimensions
    return Gauge(
        site=site, resource=resource, endpoint=endpoint, job=job, group=group, row=key[1], interval_s=interval_s,
        dimensions=dict(zip(names, texts, strict=True)),
        labels=dict(row.shared.labels), units=dict(row.shared.units), slot=slot, time_ms=time_ms,
        duration_s=None if duration_s == _NO_DURATION else duration_s,
        gauges=dict(zip(row.names, struct.unpack_from(f"<{len(row.names)}d", row.values, _TIMES.size), strict=True)),
        states=dict(row.states), missing=dict(row.missing), confidence=dict(row.confidence),
        counters=dict(row.counters),
    )  # fmt: skip
