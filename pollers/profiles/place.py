"""The position of a problem in a profile's file."""

from collections.abc import Sequence
from typing import NamedTuple

from schemas.errors import PanoptesError


class FileLine(NamedTuple):
    file: str
    line: int  #: from 1; 0 where the file as a whole is meant

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


class Problem(NamedTuple):
    """One problem of a profile, in words for its author."""

    at: FileLine
    key: str  #: dotted path of keys, e.g. tables.cpu.columns.busy.oid
    expected: str

    def __str__(self) -> str:
        key = f"{self.key}: " if self.key else ""
        return f"{self.at}: {key}expected {self.expected}"


class ProfileError(PanoptesError):
    """A profile that cannot be used; the text names every problem."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)
