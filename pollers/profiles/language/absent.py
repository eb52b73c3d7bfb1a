"""Absent values with a reason: never -1, never 0, never an empty string."""

import enum
from typing import Final, NamedTuple, TypeAlias


class Reason(enum.StrEnum):
    """The reason for which a cell has no value; computed cells add the operand's name behind a colon."""

    NOT_ANSWERED = "not-answered"  #: the device gave no such cell
    NO_SUCH_OBJECT = "no-such-object"
    NO_SUCH_INSTANCE = "no-such-instance"
    BAD_VALUE = "bad-value"  #: the device sent what its type does not allow, or an unknown type
    WRONG_TYPE = "wrong-type"  #: a text where a number belongs, or the reverse
    NOT_A_NUMBER = "not-a-number"  #: infinite, NaN, or past what a double holds
    IMPLAUSIBLE = "implausible"  #: past what its unit can be: a sensor that is broken or not fitted
    DIVISION_BY_ZERO = "division-by-zero"
    MISSING_OPERAND = "missing-operand"
    NOT_MET = "condition-not-met"  #: of `only_if`: such as the reading of a sensor that has failed
    NO_MATCH = "no-match"  #: the pattern of `extract` did not match
    NO_ROW = "no-row"  #: the joined table has no such row
    NO_ROWS = "no-rows"  #: nothing to count or to sum
    BAD_INDEX = "bad-index"  #: the row's index is not made as the profile says
    TOO_LONG = "too-long"  #: a text put together of others that is longer than anybody reads
    OTHER_TABLE = "other-table"  #: a column of another table of the same group


class Absent(NamedTuple):
    reason: str


#: one cell of a table once it is converted
Cell: TypeAlias = float | int | str | Absent

NOT_ANSWERED = Absent(Reason.NOT_ANSWERED)
#: what says only that the device has no such cell, the least telling last; every other reason tells more
LACKING: Final = (Reason.NO_SUCH_OBJECT, Reason.NO_SUCH_INSTANCE, Reason.NOT_ANSWERED)


def first_of(first: Cell, second: Cell) -> Cell:
    """Return the first cell that is present; if none is, the one with the more specific reason."""
    if not isinstance(first, Absent):
        return first
    return more_telling(first, second) if isinstance(second, Absent) else second


def more_telling(first: Absent, second: Absent) -> Absent:
    """Return the more specific of two reasons; the first, unless it only says that the device has no such cell."""
    return min(first, second, key=lambda cell: LACKING.index(cell.reason) if cell.reason in LACKING else -1)
