"""Encoded records, one piece each; any run of pieces, joined, is a valid request."""

from collections.abc import Sequence
from typing import NamedTuple

from pollers.plugins.batch import Row


class Pieces(NamedTuple):
    octets: bytes
    ends: Sequence[int]  #: where each piece ends
    numbers: int  #: numbers of the record in each piece
    rows: Sequence[Row]  #: whose each is

    def between(self, first: int, last: int) -> bytes:
        """Return the joined pieces from `first` up to and without `last`."""
        return self.octets[self.ends[first - 1] if first else 0 : self.ends[last - 1] if last else 0]
