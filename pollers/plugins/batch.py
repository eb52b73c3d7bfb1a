"""A batch of records as sinks receive it: record by record or, much cheaper, column by column."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from schemas.errors import BackendError, RecordError
from schemas.records import Gauge, PollStatus, RawCounters


@dataclass(slots=True, eq=False)
class Row:
    """The constant fields of one row's gauges; the same object for every gauge until one of these fields changes."""

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
    """The texts of a gauge; equal ones are the same object."""

    states: Mapping[str, str]
    missing: Mapping[str, str]
    confidence: Mapping[str, str]
    counters: Mapping[str, int]


class Block(NamedTuple):
    """Gauges of one group with the same names of numbers, states and missing values; one row's keep their order."""

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
    """Records to store; those of one resource are in the order of their topic. What is not asked for is not decoded."""

    @property
    def gauges(self) -> Sequence[Gauge]: ...

    @property
    def blocks(self) -> Sequence[Block]:
        """Return the records as blocks; the records of one row keep their order across blocks.

        A status of a poll is a row of the group `poll`; raw counters have `since_ms`.
        """
        ...

    @property
    def poll_statuses(self) -> Sequence[PollStatus]: ...

    @property
    def raw_counters(self) -> Sequence[RawCounters]: ...

    def wanted(self, row: Row) -> bool:
        """Return whether the section's filters select a row; `raw_counters` has rows that they do not select too."""
        ...


class Refused(NamedTuple):
    """A series that the store has just rejected."""

    series: str  #: for people
    reason: str  #: what the store said


class Written(NamedTuple):
    """The numbers of a batch that were stored, repeated, rejected or passed over."""

    stored: int
    repeats: int = 0  #: the store had them, or something later of their series
    refused: Sequence[Refused] = ()  #: found in this batch: each becomes a dead letter
    passed_over: int = 0  #: of series that were refused within the last hour


class TryAgain(BackendError):
    """The store is away, busy or refuses access: the same batch is passed in again later, in the same order."""

    def __init__(self, text: str, after_s: float | None = None) -> None:
        super().__init__(text)
        self.after_s = after_s  #: seconds, where the store said so


class CannotEver(RecordError):
    """The store can never accept this batch: its records become dead letters."""
