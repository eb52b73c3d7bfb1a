"""Converts records to packed gauges and table entries: the fold with decoding and caching, without I/O.

What is known of a series is kept in memory, ahead of the table: the table is asked only for a series that is not there,
and for the prior sample of a slot that is replayed.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from schemas.errors import BackendError, RecordError
from schemas.records import Gauge, RawCounters
from streams.gauges.fold.advance import Arrival, State, advance
from streams.gauges.fold.findings import Rows
from streams.gauges.fold.plan import Rules
from streams.gauges.kept import Series, SeriesCache
from streams.gauges.records.encode import pack
from streams.gauges.records.gauge import gauges_of
from streams.gauges.samples.form import HEADER_SIZE, learn
from streams.gauges.samples.sample import DecodedSample, from_record, to_record
from streams.gauges.samples.state import SIDES, StateEntry, StateError, entry_key, read_entry, series_of, write_entry
from streams.gauges.transforms.chain import Transform, Transformed, transform, wanted

__all__ = ("Converted", "Converter", "EntryAside", "SchemaNeeded", "Series")

#: bytes that a series takes in memory: so many, and so many for each byte of its record; measured, not guessed
_SERIES_BYTES: Final = 4_096
_BYTES_PER_BYTE: Final = 2.5
MOST_KEPT_BYTES: Final = 512 * 2**20


class RawSerde(Protocol):
    """Decodes RawCounters; raises BackendError where a schema has to be fetched first, RecordError for damage."""

    @property
    def header(self) -> bytes: ...

    def decode(self, value: bytes) -> RawCounters: ...


class GaugeSerde(Protocol):
    @property
    def header(self) -> bytes: ...

    def encode(self, record: Gauge) -> bytes: ...


class EntryAside(NamedTuple):
    """A table entry or a transform's state that could not be used, for the dead letters."""

    key: bytes
    value: bytes
    why: Exception


class Converted(NamedTuple):
    rows: Sequence[bytes]  #: packed gauges, to be published under the resource's key
    entry: tuple[bytes, bytes] | None  #: key and value to be written to the table after that
    asides: Sequence[EntryAside] = ()


class SchemaNeeded(Exception):
    """The schema of a stored record must be fetched before the present record can be converted."""

    def __init__(self, value: bytes) -> None:
        super().__init__("a schema has to be fetched")
        self.value = value


class Converter:
    """Converts the records of the partitions that this worker has."""

    def __init__(
        self,
        rules: Rules,
        raw: RawSerde,
        gauge: GaugeSerde,
        stored: Callable[[int, bytes], bytes | None],
        transforms: Sequence[Transform] = (),
        *,
        most_kept_bytes: int = MOST_KEPT_BYTES,
    ) -> None:
        """`stored` gives the table's entry of a partition and key, also one that is on its way there.

        `most_kept_bytes` bounds what is kept in memory beside those.
        """
        self._rules: Final = rules
        self._raw: Final = raw
        self._gauge: Final = gauge
        self._stored: Final = stored
        self._transforms: Final = transforms
        self._kept: Final = SeriesCache(most_kept_bytes)
        #: headers of records whose schema is lost: state that has them is set aside
        self.lost: Final[set[bytes]] = set()
        self.arrivals: Final[Counter[str]] = Counter()
        self.words: Final[Counter[str]] = Counter()  #: reasons and doubts given
        self.rows = 0
        self.numbers = 0  #: counters read
        self.loads = 0  #: series read from the table

    @property
    def series(self) -> int:
        """Return the number of series in memory."""
        return len(self._kept)

    @property
    def kept_bytes(self) -> int:
        """Return about how much memory they take."""
        return self._kept.size

    def forget(self, partitions: Iterable[int] | None = None) -> None:
        """Forget the series of partitions that have left (None: of all)."""
        self._kept.forget(partitions)

    def convert(self, partition: int, key: bytes, value: bytes) -> Converted:
        """Return the effects of a record. Raises RecordError for one that cannot be used, SchemaNeeded."""
        known = self._kept.get(partition, key)
        if known is not None:
            for series in known.values():
                if series.form is not None and (sample := series.form.read(value)) is not None:
                    return self._advance(series, sample, value)
        sample = self._decoded(value)
        if sample.shape.fixed.resource.encode() != key:
            raise RecordError(f"the key {key!r} is not the record's resource {sample.shape.fixed.resource!r}")
        name = series_of(sample.shape.fixed)
        asides: Sequence[EntryAside] = ()
        found = None if known is None else known.get(name)
        if found is None:
            found, asides = self._load(partition, name)
        if found.state is not None and found.state.last.shape == sample.shape:
            sample = sample._replace(shape=found.state.last.shape)
        converted = self._advance(found, sample, value)
        if value[:HEADER_SIZE] == self._raw.header:
            found.form = learn(value, sample) or found.form
        self._kept.put(partition, key, found, _SERIES_BYTES + round(_BYTES_PER_BYTE * len(value)))
        return converted._replace(asides=(*asides, *converted.asides))

    def _decoded(self, value: bytes) -> DecodedSample:
        try:
            return from_record(self._raw.decode(value))
        except BackendError as absent:
            raise SchemaNeeded(value) from absent

    def _advance(self, series: Series, sample: DecodedSample, value: bytes) -> Converted:
        state, asides = series.state, list[EntryAside]()
        if state is not None and sample.slot == state.last.slot and series.older is not None:
            state, asides = self._with_prior(series, state, series.older)
        step = advance(state, sample, self._rules)
        self.arrivals[step.arrival] += 1
        if step.rows is None:
            return Converted((), None)
        states = series.before if step.arrival is Arrival.REPLAYED else series.after
        made = self._pack(step.rows, states)
        self.rows += len(made.packed)
        self.numbers += sample.counts.size
        if not step.rows.plain or step.rows.taken or step.rows.gone:
            self.words.update(step.counts())
        asides += [EntryAside(section.encode(), value, fault) for section, fault in made.faults]
        if step.arrival is Arrival.REPLAYED:
            return Converted(made.packed, None, asides=asides)
        series.state = step.state._replace(prior=None)
        series.side = 1 - series.side
        series.before, series.after = series.after, made.states
        entry = write_entry(StateEntry(sample.slot, made.states, value))
        series.older, series.newest = series.newest, entry
        return Converted(made.packed, (entry_key(series.name, series.side), entry), asides)

    def _with_prior(self, series: Series, state: State, older: bytes) -> tuple[State, list[EntryAside]]:
        """Return the state with its prior sample, or what cannot be read of that. Raises SchemaNeeded."""
        try:
            return State(state.last, self._restored(read_entry(older), series.name)), []
        except RecordError as why:
            series.older = None
            return state, [EntryAside(entry_key(series.name, 1 - series.side), older, why)]

    def _pack(self, rows: Rows, states: Mapping[str, bytes]) -> Transformed:
        if chosen := self._transforms and wanted(self._transforms, rows.sample.shape):
            gauges = gauges_of(rows, with_counters=self._rules.with_counters)
            return transform(chosen, states, to_record(rows.sample), gauges, self._gauge.encode)
        return Transformed(pack(rows, self._gauge.header, with_counters=self._rules.with_counters), {}, ())

    def _load(self, partition: int, name: str) -> tuple[Series, Sequence[EntryAside]]:
        """Return a series as the table has it; what cannot be read of it is set aside."""
        self.loads += 1
        read: list[tuple[StateEntry, int, bytes]] = []
        asides: list[EntryAside] = []
        for side in SIDES:
            stored = self._stored(partition, entry_key(name, side))
            if stored is None:
                continue
            try:
                read.append((read_entry(stored), side, stored))
            except RecordError as why:
                asides.append(EntryAside(entry_key(name, side), stored, why))
        series = Series(name)
        read.sort(key=lambda found: found[0].slot)
        while read and series.state is None:
            entry, side, stored = read.pop()
            try:
                series.state = State(self._restored(entry, name), None)
            except RecordError as why:
                asides.append(EntryAside(entry_key(name, side), stored, why))
            else:
                series.side, series.newest, series.after = side, stored, entry.transforms
        for entry, _, stored in read:
            series.older, series.before = stored, entry.transforms
        return series, asides

    def _restored(self, entry: StateEntry, name: str) -> DecodedSample:
        if entry.value[:HEADER_SIZE] in self.lost:
            raise StateError("state with a record whose schema is lost")
        try:
            sample = self._decoded(entry.value)
        except RecordError as why:
            raise StateError(f"state with a record that cannot be read: {why}") from why
        if (sample.slot, series_of(sample.shape.fixed)) != (entry.slot, name):
            raise StateError(f"state of slot {entry.slot} with the record of another slot or series")
        return sample
