"""A batch of one topic's records for a sink, decoded on demand."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Final, NamedTuple, TypeVar

from pollers.plugins.batch import Block, Row
from schemas.errors import RecordError
from schemas.records import Gauge, PollStatus, RawCounters
from streams.pipeline import Topic
from streams.scheduling.filters import compile_over
from streams.scheduling.row_filters import RESOURCES, ROWS
from streams.sinks.reading.counters import Counters
from streams.sinks.reading.gauges import Bad, GaugeReader
from streams.sinks.reading.statuses import Statuses

R = TypeVar("R")
Blocks = Sequence[Block]


def _as_they_are(blocks: Blocks) -> Blocks:
    return blocks


class Wanted:
    """The rows that a section selects."""

    def __init__(self, resources: str, rows: str) -> None:
        """Take the section's `filter` and `rows`. Raises FilterError."""
        self._resource = compile_over(resources, RESOURCES)
        self._row = compile_over(rows, ROWS)

    def __call__(self, row: Row) -> bool:
        return self._resource(row) and self._row(row)


class Decoding(NamedTuple):
    """The decoders of a topic's records; `decode` raises RecordError and UnknownSchema."""

    gauge: Callable[[bytes], Gauge]
    poll_status: Callable[[bytes], PollStatus]
    raw_counters: Callable[[bytes], RawCounters]
    reader: GaugeReader
    wanted: Callable[[Row], bool]
    statuses: Statuses
    counters: Counters


class Records:
    """A Batch. `bad` is what was no record, once somebody has asked for the others."""

    def __init__(
        self, topic: Topic, values: Sequence[bytes], decoding: Decoding, then: Callable[[Blocks], Blocks] = _as_they_are
    ) -> None:
        """`then` adds to the blocks, when they are first asked for."""
        self.topic: Final = topic
        self.values: Final = values
        self._then = then
        self.bad: Sequence[Bad] = ()
        self._decoding = decoding

    @cached_property
    def blocks(self) -> Blocks:
        return self._then(self._read())

    def _read(self) -> Blocks:
        decoding = self._decoding
        if self.topic is Topic.POLL_STATUS:
            return decoding.statuses.blocks(self.poll_statuses, self.wanted)
        if self.topic is Topic.RAW_COUNTERS:
            return decoding.counters.blocks(self.raw_counters, self.wanted)
        blocks, self.bad = decoding.reader.read(self.values)
        return blocks

    @cached_property
    def gauges(self) -> Sequence[Gauge]:
        found = self._decoded(Topic.GAUGES, self._decoding.gauge)
        return [one for one in found if self.wanted(_row_of(one))]

    @cached_property
    def poll_statuses(self) -> Sequence[PollStatus]:
        return self._decoded(Topic.POLL_STATUS, self._decoding.poll_status)

    @cached_property
    def raw_counters(self) -> Sequence[RawCounters]:
        return self._decoded(Topic.RAW_COUNTERS, self._decoding.raw_counters)

    def wanted(self, row: Row) -> bool:
        return self._decoding.wanted(row)

    def _decoded(self, topic: Topic, decode: Callable[[bytes], R]) -> Sequence[R]:
        if self.topic is not topic:
            return ()
        good: list[R] = []
        bad: list[Bad] = []
        for position, value in enumerate(self.values):
            try:
                good.append(decode(value))
            except RecordError as error:
                bad.append(Bad(position, error))
        self.bad = bad
        return good


def _row_of(gauge: Gauge) -> Row:
    return Row(
        site=gauge.site,
        resource=gauge.resource,
        endpoint=gauge.endpoint,
        job=gauge.job,
        group=gauge.group,
        row=gauge.row,
        interval_s=gauge.interval_s,
        dimensions=gauge.dimensions,
        labels=gauge.labels,
        units=gauge.units,
    )
