"""Joins pieces that differ only in labels, numbers and times: copies the constant bytes, then fills the holes.

A piece is, for each of its series, a head (what comes before the row's labels), the row's labels, and a sample with two
holes. What a head says is the same for all rows, and labels are kept per row, not per series: ten thousand devices have
half a million rows and ten million series.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Octets: TypeAlias = npt.NDArray[np.uint8]
Bits: TypeAlias = npt.NDArray[np.uint64]


class Filled(NamedTuple):
    octets: bytes
    ends: Sequence[int]  #: of the rows


def fill(frames: Sequence[bytes], places: npt.NDArray[np.intp], holes: Octets) -> Filled:
    """Join the frames and fill their holes.

    `places` is rows x series: where in its frame a series' hole begins; `holes` is rows x series x bytes of a hole.
    """
    sizes = np.fromiter(map(len, frames), dtype=np.intp, count=len(frames))
    ends = np.cumsum(sizes)
    whole = bytearray().join(frames)
    size: Final = holes.shape[2]
    if len(whole) >= size and holes.size:
        hole = np.dtype((np.void, size))
        # every place in the bytes at which a hole may begin, as an array over the same memory
        windows: npt.NDArray[np.void] = np.ndarray((len(whole) - size + 1,), dtype=hole, buffer=whole, strides=(1,))
        windows[(places + (ends - sizes)[:, None]).ravel()] = np.ascontiguousarray(holes).view(hole).ravel()
    return Filled(bytes(whole), ends.tolist())
