"""The request format of each kind of store."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pollers.plugins.batch import Block
from streams.sinks.encoding.cardinality import Cardinality
from streams.sinks.encoding.pieces import Pieces


class Encoder(Protocol):
    def encode(self, blocks: Iterable[Block]) -> list[Pieces]: ...


@dataclass(frozen=True, slots=True)
class Form:
    """The request format of one kind of store."""

    encoder: Encoder
    headers: Mapping[str, str]
    wrap: Callable[[bytes], bytes]  #: compresses what is sent
    parts: Callable[[bytes], Sequence[tuple[str, bytes]]]  #: the series of a piece
    cardinality: Cardinality
    rejected: Callable[[bytes], tuple[int, str]]  #: of a good answer: how many numbers it refuses all the same, and why
