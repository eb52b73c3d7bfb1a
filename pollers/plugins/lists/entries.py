"""The parsed form of a list, the same for every file format."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

#: the key under which a list may stand in JSON and YAML
WRAPPER: Final = "devices"


class Entry(NamedTuple):
    line: int  #: where it begins, from 1
    fields: Mapping[str, object]  #: str or, where a list nests, dict and list of them


class Wrong(NamedTuple):
    line: int
    what: str  #: what was wrong, and what to do


class Listing(NamedTuple):
    entries: Sequence[Entry]
    wrong: Sequence[Wrong]
    refused: bool = False  #: the text as a whole is damaged, and nothing of it was read


def refused(line: int, what: str) -> Listing:
    """Return a listing without entries, for a file that is damaged as a whole."""
    return Listing([], [Wrong(line, f"{what}; nothing of the file was read")], refused=True)
