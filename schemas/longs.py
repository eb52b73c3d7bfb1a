"""Encodes many Avro longs at a time (Avro 1.12, "Binary Encoding"): most of a RawCounters record.

Where this is compiled (docs/compiling.md), one by one takes an eighth of numpy's time; where it is interpreted, numpy
takes a quarter of what one by one would.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from librt.strings import BytesWriter
from mypy_extensions import i64, u8

from schemas.binary import END, long

_SHIFTS: Final = np.arange(0, 70, 7, dtype=np.uint64)[:, None]
#: the least number that takes so many bytes and one more
_LIMITS: Final = np.array([0, *(1 << 7 * size for size in range(1, 10))], dtype=np.uint64)[:, None]
#: what is left of 64 bits when seven went out on the right
_LESS_SEVEN: Final = 2**57 - 1


def arrays_of_longs(columns: Sequence[Sequence[int]]) -> list[bytes]:
    """Encode each column as an array of longs.

    Raises ValueError, TypeError for what is no integer of 64 bits, signed.
    """
    return [one_by_one(column) for column in columns] if is_compiled() else all_at_once(columns)


def is_compiled() -> bool:
    """Return whether this module runs as machine code (docs/compiling.md)."""
    return not __file__.endswith(".py")


def one_by_one(column: Sequence[int]) -> bytes:
    """Encode a column as `arrays_of_longs` does, number by number."""
    if not column:
        return END
    made = BytesWriter()
    made.write(long(len(column)))
    for value in column:
        _write(made, value)
    made.append(u8(0))
    return made.getvalue()


def _write(made: BytesWriter, value: i64) -> None:
    left: i64 = (value << 1) ^ (value >> 63)
    while left & ~0x7F:
        made.append(u8(left & 0x7F | 0x80))
        left = (left >> 7) & _LESS_SEVEN
    made.append(u8(left))


def all_at_once(columns: Sequence[Sequence[int]]) -> list[bytes]:
    """Encode columns as `arrays_of_longs` does, with numpy."""
    flat = [value for column in columns for value in column]
    if not flat:
        return [END for _ in columns]
    packed, sizes = _longs(flat)
    ends = np.cumsum(sizes).tolist()
    arrays: list[bytes] = []
    at = before = 0
    for column in columns:
        if not column:
            arrays.append(END)
            continue
        at += len(column)
        arrays.append(long(len(column)) + packed[before : ends[at - 1]] + END)
        before = ends[at - 1]
    return arrays


def _longs(values: Sequence[int]) -> tuple[bytes, npt.NDArray[np.intp]]:
    """Return the numbers one after the other, and how many bytes each takes."""
    numbers = np.array(values)
    if numbers.dtype != np.int64:
        raise ValueError("expected integers of 64 bits, signed")
    zigzag = ((numbers << 1) ^ (numbers >> 63)).view(np.uint64)
    longest = (int(zigzag.max()).bit_length() + 6) // 7 or 1
    octets = (zigzag >> _SHIFTS[:longest]).astype(np.uint8)
    taken = zigzag >= _LIMITS[:longest]
    octets[:-1] &= np.uint8(0x7F)
    octets[:-1] |= taken[1:].view(np.uint8) << np.uint8(7)
    return octets.T[taken.T].tobytes(), taken.sum(axis=0)
