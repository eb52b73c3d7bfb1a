"""The latest numbers of every row over time in bounded memory; the oldest are dropped block by block."""

import struct
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final

PIECES: Final = 32
#: how far back the row's previous sample stands, the sample's slot, its names' number
_HEAD: Final = struct.Struct("<III")
_FLOAT_BYTES: Final = 4
_FARTHEST: Final = 2**32 - 1
_LARGEST: Final = 3.4e38  #: that four bytes hold


def sample_bytes(numbers: int) -> int:
    """Return the memory of one sample."""
    return _HEAD.size + _FLOAT_BYTES * numbers


class Ring:
    """Samples of rows by number. Those of one row are chained backwards, so that reading one looks at no other.

    A place counts bytes from the first ever written, each piece as long as it may be.
    """

    def __init__(self, size_bytes: int) -> None:
        """Keep nothing where the size is 0."""
        self._size: Final = size_bytes // PIECES
        self._pieces: deque[bytearray] = deque()
        self._counts: deque[int] = deque()
        self._first = 0  #: the number of the oldest piece
        self._names: list[Sequence[str]] = []
        self._number: dict[Sequence[str], int] = {}
        self._last: dict[int, int] = {}  #: row -> where its newest sample stands

    def __len__(self) -> int:
        return sum(self._counts)

    @property
    def oldest_slot(self) -> int | None:
        """Return the slot of the oldest sample that is kept, None where there is none."""
        return None if not self._pieces else int(_HEAD.unpack_from(self._pieces[0])[1])

    def add(self, row: int, slot: int, names: tuple[str, ...], numbers: Sequence[float]) -> None:
        """Add the numbers of a row at a slot; rows share their tuples of names."""
        length = sample_bytes(len(names))
        if not names or length > self._size:
            return
        if not self._pieces or len(self._pieces[-1]) + length > self._size:
            self._begin()
        number = self._number.get(names)
        if number is None:
            number = self._number[names] = len(self._names)
            self._names.append(names)
        piece = self._pieces[-1]
        place = (self._first + len(self._pieces) - 1) * self._size + len(piece)
        back = place - self._last.get(row, place)
        piece += _HEAD.pack(back if back <= _FARTHEST else 0, slot, number) + _packed(numbers)
        self._counts[-1] += 1
        self._last[row] = place

    def forget(self, row: int) -> None:
        """Forget a row, whose number may be reused."""
        self._last.pop(row, None)

    def points(self, row: int, name: str) -> list[tuple[int, float]]:
        """Return (slot, value) of a row's number, the oldest first; of a repeated slot the newest value."""
        found: dict[int, float] = {}
        for piece, at in self._chain(row):
            _, slot, number = _HEAD.unpack_from(piece, at)
            names = self._names[number]
            if name in names:
                found.setdefault(slot, struct.unpack_from("<f", piece, at + sample_bytes(names.index(name)))[0])
        return sorted(found.items())

    def _begin(self) -> None:
        self._pieces.append(bytearray())
        self._counts.append(0)
        if len(self._pieces) > PIECES:
            self._pieces.popleft()
            self._counts.popleft()
            self._first += 1

    def _chain(self, row: int) -> Iterator[tuple[bytearray, int]]:
        """Yield the piece and the place in it of a row's samples, the newest first."""
        place = self._last.get(row)
        while place is not None and place >= self._first * self._size:
            piece = self._pieces[place // self._size - self._first]
            yield piece, place % self._size
            back = _HEAD.unpack_from(piece, place % self._size)[0]
            place = place - back if back else None


def _packed(numbers: Sequence[float]) -> bytes:
    try:
        return struct.pack(f"<{len(numbers)}f", *numbers)
    except OverflowError:
        return struct.pack(f"<{len(numbers)}f", *(max(-_LARGEST, min(_LARGEST, number)) for number in numbers))
