"""What a list of things is once it is read, whatever its format."""

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
