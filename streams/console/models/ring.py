"""The latest numbers of every row over time, in a memory of fixed size: what is newer takes the place of the oldest."""

from array import array
from collections.abc import Iterable, Iterator
from typing import Final

#: a step back, a slot, a name, a value
POINT_BYTES: Final = 4 + 4 + 2 + 4
_NAMES_MOST: Final = 2**16


class Ring:
    """Points of rows by number. The points of one row are chained backwards, so that reading one looks at no other."""

    def __init__(self, size_bytes: int) -> None:
        self._most: Final = max(1, size_bytes // POINT_BYTES)
        self._written = 0  #: points ever
        self._back = array("I")  #: how many points before this one the row's previous one stands; 0: there is none
        self._slot = array("I")
        self._name = array("H")
        self._value = array("f")
        self._names: dict[str, int] = {}
        self._last: dict[int, int] = {}  #: row -> its newest point, counted from the first ever

    def __len__(self) -> int:
        return len(self._slot)

    @property
    def oldest_slot(self) -> int | None:
        """Return the slot of the oldest point that is kept, None where there is none."""
        if not self._slot:
            return None
        return self._slot[self._written % self._most] if len(self._slot) == self._most else self._slot[0]

    def add(self, row: int, slot: int, values: Iterable[tuple[str, float]]) -> None:
        """Keep the values of a row at a slot."""
        for name, value in values:
            number = self._names.setdefault(name, len(self._names))
            if number < _NAMES_MOST:
                last = self._last.get(row)
                back = 0 if last is None or self._written - last >= self._most else self._written - last
                self._put(back, slot, number, value)
                self._last[row] = self._written - 1

    def forget(self, row: int) -> None:
        """Forget a row: its number may be another's from now on."""
        self._last.pop(row, None)

    def points(self, row: int, name: str) -> list[tuple[int, float]]:
        """Return (slot, value) of a row's number, the oldest first; of a repeated slot the newest value."""
        number = self._names.get(name)
        found: dict[int, float] = {}
        for at in self._chain(row):
            if self._name[at] == number:
                found.setdefault(self._slot[at], self._value[at])
        return sorted(found.items())

    def _put(self, back: int, slot: int, number: int, value: float) -> None:
        if len(self._slot) < self._most:
            self._back.append(back)
            self._slot.append(slot)
            self._name.append(number)
            self._value.append(value)
        else:
            at = self._written % self._most
            self._back[at], self._slot[at], self._name[at], self._value[at] = back, slot, number, value
        self._written += 1

    def _chain(self, row: int) -> Iterator[int]:
        """Yield the places of a row's points, the newest first."""
        at = self._last.get(row)
        while at is not None and self._written - at <= self._most:
            place = at % self._most
            yield place
            at = at - self._back[place] if self._back[place] else None
