"""The result types of the read models."""

from typing import Final, NamedTuple, TypeAlias

AROUND_S: Final = 300  #: a number "at a time" is the mean over so long before it

RowAt: TypeAlias = tuple[str, str]  #: identity, row


class TopicFacts(NamedTuple):
    """Position, rate and errors of a topic."""

    name: str
    records: int  #: read since the start
    per_s: float  #: of late
    last_ms: int | None  #: when its newest record was stored, Unix milliseconds; None: there is none
    stale_since_ms: int | None = None  #: since when it cannot be read; None: it can
    behind: int = 0  #: records that stand in the topic and were not read yet
    unreadable: int = 0  #: records that could not be decoded
    is_complete: bool = False  #: whether everything was read that stood there at the start


class RowSeries(NamedTuple):
    """A number of a row over time."""

    resource: str
    group: str
    row: str
    name: str
    unit: str = ""


class Point(NamedTuple):
    at_s: int
    value: float | None  #: in the record's own unit; None: a gap
    why: str = ""  #: of a gap, where it is known


class CurrentProblem(NamedTuple):
    """A problem that exists now."""

    kind: str  #: a DeviceHealth, a link's or a row's state, or `stale`
    resource: str  #: identity, empty where it is of no resource
    group: str  #: empty where it is of no row
    row: str
    reason: str
    since_ms: int | None  #: None: not known
