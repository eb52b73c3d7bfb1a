"""The byte layout of a Gauge between its constant front and its words: slot, time, duration and numbers.

The counterpart of streams/gauges/encode.py: rows that have the same numbers are laid out alike, so that the numbers of
many are read as one matrix, once the bytes between them have been compared with what they must be.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from schemas.binary import long, text

Octets: TypeAlias = npt.NDArray[np.uint8]

_LAYOUTS_KEPT: Final = 4096
_TIMED: Final = 2  # the second branch of the union ["null", "double"], zig-zag
_DOUBLE: Final = 8
_LONGEST: Final = 10  # bytes of a long


class Middle(NamedTuple):
    """The decoded middles of many records."""

    fits: npt.NDArray[np.bool_]  #: which of them are laid out so; of the others the rest means nothing
    slots: npt.NDArray[np.int64]
    times_ms: npt.NDArray[np.int64]
    durations_s: npt.NDArray[np.float64]
    numbers: npt.NDArray[np.float64]  #: records x names


class Layout:
    """One possible layout of the middle."""

    def __init__(self, names: tuple[str, ...], slot_size: int, time_size: int, *, timed: bool) -> None:
        self.names: Final = names
        self._slot_size: Final = slot_size
        self._time_size: Final = time_size
        self._timed: Final = timed
        template, mask = bytearray(), bytearray()

        def constant(octets: bytes) -> None:
            template.extend(octets)
            mask.extend(b"\xff" * len(octets))

        def free(size: int) -> int:
            template.extend(bytes(size))
            mask.extend(bytes(size))
            return len(template) - size

        for size in (slot_size, time_size):  # of a long all bytes but the last have the highest bit
            template.extend(b"\x80" * (size - 1) + b"\0")
            mask.extend(b"\x80" * size)
        constant(long(1) if timed else long(0))
        self._duration_at: Final = free(_DOUBLE) if timed else 0
        places = []
        if names:
            constant(long(len(names)))
            for name in names:
                constant(text(name))
                places.append(free(_DOUBLE))
        constant(b"\0")
        self.size: Final = len(template)
        self._template: Final = np.frombuffer(bytes(template), dtype=np.uint8)
        self._mask: Final = np.frombuffer(bytes(mask), dtype=np.uint8)
        self._columns: Final = np.array([range(at, at + _DOUBLE) for at in places], dtype=np.intp).ravel()

    def read(self, middles: Sequence[bytes]) -> Middle:
        """Decode middles of `size` bytes each."""
        octets = np.frombuffer(b"".join(middles), dtype=np.uint8).reshape(len(middles), self.size)
        fits = ((octets & self._mask) == self._template).all(axis=1)
        ended = self._slot_size + self._time_size
        return Middle(
            fits,
            _longs(octets[:, : self._slot_size]),
            _longs(octets[:, self._slot_size : ended]),
            self._durations(octets),
            octets[:, self._columns].copy().view("<f8") if self.names else np.empty((len(middles), 0)),
        )

    def _durations(self, octets: Octets) -> npt.NDArray[np.float64]:
        if not self._timed:
            return np.full(len(octets), np.nan)
        return np.ascontiguousarray(octets[:, self._duration_at : self._duration_at + _DOUBLE]).view("<f8").ravel()


@lru_cache(maxsize=_LAYOUTS_KEPT)
def _layout(names: tuple[str, ...], slot_size: int, time_size: int, timed: bool) -> Layout:
    return Layout(names, slot_size, time_size, timed=timed)


def layout_at(value: bytes, at: int) -> Layout | None:
    """Return a record's layout from there on, or None where it has another form.

    A map of several blocks, or one with its size before it, is right Avro that nobody here writes.
    """
    try:
        slot_size = _size_at(value, at)
        time_size = _size_at(value, at + slot_size)
        at += slot_size + time_size
        timed = value[at] == _TIMED
        at += 1 + timed * _DOUBLE
        names: list[str] = []
        count, at = _long_at(value, at)
        while count > 0:
            if len(names) == count:
                if value[at] != 0:
                    return None
                break
            size, at = _long_at(value, at)
            names.append(value[at : at + size].decode())
            at += size + _DOUBLE
    except (IndexError, UnicodeDecodeError):
        return None
    return _layout(tuple(names), slot_size, time_size, timed) if count >= 0 else None


def _size_at(value: bytes, at: int) -> int:
    size = 1
    while value[at + size - 1] & 0x80:
        size += 1
    if size > _LONGEST:
        raise IndexError
    return size


def _long_at(value: bytes, at: int) -> tuple[int, int]:
    shift = zigzag = 0
    while True:
        octet = value[at]
        at += 1
        zigzag |= (octet & 0x7F) << shift
        if octet < 0x80:
            return (zigzag >> 1) ^ -(zigzag & 1), at
        shift += 7
        if shift > 7 * _LONGEST:
            raise IndexError


def _longs(octets: Octets) -> npt.NDArray[np.int64]:
    zigzag = np.zeros(len(octets), dtype=np.uint64)
    for place in range(octets.shape[1]):
        zigzag |= (octets[:, place] & np.uint8(0x7F)).astype(np.uint64) << np.uint64(7 * place)
    decoded: npt.NDArray[np.int64] = (zigzag >> np.uint64(1)).view(np.int64) ^ -(zigzag & np.uint64(1)).view(np.int64)
    return decoded
