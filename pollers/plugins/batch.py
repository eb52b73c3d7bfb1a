"""What a sink is given: records of a partition in their order, one by one or, many times cheaper, column by column."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from schemas.errors import BackendError, RecordError
from schemas.records import Gauge, PollStatus, RawCounters


@dataclass(slots=True, eq=False)
class Row:
    """What the gauges of one row have in common: the same object each time, until one of these changes."""

    site: str
    resource: str
    endpoint: str
    job: str
    group: str
    row: str
    interval_s: int
    dimensions: Mapping[str, str]
    labels: Mapping[str, str]
    units: Mapping[str, str]  #: name of a number -> its unit
    kept: object = None  #: what the sink has made of it and wants back next time


if TYPE_CHECKING:  # most workers have no numbers to store, and start without numpy
    import numpy as np
    import numpy.typing as npt


class Words(NamedTuple):
    """What a gauge says beside its numbers; equal ones are the same object."""

    states: Mapping[str, str]
    missing: Mapping[str, str]
    confidence: Mapping[str, str]
    counters: Mapping[str, int]


class Block(NamedTuple):
    """Rows of one group that have the same numbers, states and gaps; those of one row in their order."""

    group: str
    units: Mapping[str, str]
    names: tuple[str, ...]  #: of the numbers
    states: tuple[str, ...]  #: names of the states
    missing: tuple[str, ...]  #: names of what is not there
    rows: Sequence[Row]
    slots: "npt.NDArray[np.int64]"  #: Unix seconds
    times_ms: "npt.NDArray[np.int64]"  #: Unix milliseconds
    durations_s: "npt.NDArray[np.float64]"  #: NaN where there is none
    numbers: "npt.NDArray[np.float64]"  #: rows x names
    words: Sequence[Words]
    #: of counters as they grow, not of levels and rates: since when each has grown without a reset, Unix milliseconds
    since_ms: "npt.NDArray[np.int64] | None" = None


class Batch(Protocol):
    """Records to be stored, those of one resource in the order of their topic. What is not asked for is not decoded."""

    @property
    def gauges(self) -> Sequence[Gauge]: ...

    @property
    def blocks(self) -> Sequence[Block]:
        """Return the records of any topic column by column; of one row, those of an earlier block are the earlier ones.

        A status of a poll is a row of the group `poll`; raw counters have `since_ms`.
        """
        ...

    @property
    def poll_statuses(self) -> Sequence[PollStatus]: ...

    @property
    def raw_counters(self) -> Sequence[RawCounters]: ...

    def wanted(self, row: Row) -> bool:
        """Return whether the section's filters want a row; rows of `raw_counters` stand there wanted or not."""
        ...


class Refused(NamedTuple):
    """A series that the store will not have, found just now."""

    series: str  #: for people
    reason: str  #: what the store said


class Written(NamedTuple):
    """What became of a batch's numbers."""

    stored: int
    repeats: int = 0  #: the store had them, or something later of their series
    refused: Sequence[Refused] = ()  #: found in this batch: each becomes a dead letter
    passed_over: int = 0  #: of series that were refused within the last hour


class TryAgain(BackendError):
    """The store is away, busy or not to be entered: the same batch is given again later, its records in that order."""

    def __init__(self, text: str, after_s: float | None = None) -> None:
        super().__init__(text)
        self.after_s = after_s  #: seconds, where the store said so


class CannotEver(RecordError):
    """This batch can never be written as it is: its records become dead letters."""
