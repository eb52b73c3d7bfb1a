"""A column of texts as one text: strings of their own would take five times the memory."""

from collections.abc import Iterator, Sequence
from typing import Final, overload

from pollers.profiles.absent import Cell

_SEPARATOR: Final = "\0"


class Texts(Sequence[str]):
    """Reads like a tuple of strings; taken apart anew whenever somebody looks: make a list of it to look often."""

    __slots__ = ("_joined",)

    def __init__(self, joined: str) -> None:
        self._joined = joined

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[str]: ...
    def __getitem__(self, at: int | slice) -> str | Sequence[str]:
        return self._joined.split(_SEPARATOR)[at]

    def __iter__(self) -> Iterator[str]:
        return iter(self._joined.split(_SEPARATOR))

    def __len__(self) -> int:
        return self._joined.count(_SEPARATOR) + 1

    def __eq__(self, other: object) -> bool:
        return self._joined == other._joined if isinstance(other, Texts) else NotImplemented

    def __hash__(self) -> int:
        return hash((Texts, self._joined))

    def __repr__(self) -> str:
        return f"Texts{tuple(self)!r}"


def compact(cells: Sequence[Cell]) -> Sequence[Cell]:
    """Return the column in the form that takes the least memory; it can be hashed."""
    texts = [cell for cell in cells if isinstance(cell, str) and _SEPARATOR not in cell]
    if not texts or len(texts) < len(cells):
        return tuple(cells)
    return Texts(_SEPARATOR.join(texts))
