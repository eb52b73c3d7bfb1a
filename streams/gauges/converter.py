"""Records in, packed gauges and table entries out: the fold with what surrounds it, and no effects.

What is known of a series is kept in memory, ahead of the table: the table is asked only for a series that is not there.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from schemas.errors import BackendError, RecordError
from schemas.records import Gauge, RawCounters
from streams.gauges.fold.advance import Arrival, State, advance
from streams.gauges.fold.findings import Rows
from streams.gauges.fold.plan import Rules
from streams.gauges.records.encode import pack
from streams.gauges.records.gauge import gauges_of
from streams.gauges.samples.form import HEADER_SIZE, Form, learn
from streams.gauges.samples.sample import Sample, from_record, to_record
from streams.gauges.samples.state import SIDES, Entry, StateError, entry_key, read_entry, series_of, write_entry
from streams.gauges.transforms.chain import Transform, Transformed, transform, wanted


class RawSerde(Protocol):
    """Decodes RawCounters; raises BackendError where a schema has to be fetched first, RecordError for damage."""

    @property
    def header(self) -> bytes: ...

    def decode(self, value: bytes) -> RawCounters: ...


class GaugeSerde(Protocol):
    @property
    def header(self) -> bytes: ...

    def encode(self, record: Gauge) -> bytes: ...


class Aside(NamedTuple):
    """Something that could not be used and is to be set aside: an entry of the table, or a transform's part."""

    key: bytes
    value: bytes
    why: Exception


class Converted(NamedTuple):
    rows: Sequence[bytes]  #: packed gauges, to be published under the resource's key
    entry: tuple[bytes, bytes] | None  #: key and value to be written to the table after that
    asides: Sequence[Aside] = ()


class SchemaNeeded(Exception):
    """The schema of a stored record has to be fetched before the record at hand can be converted."""

    def __init__(self, value: bytes) -> None:
        super().__init__("a schema has to be fetched")
        self.value = value


@dataclass(slots=True)
class Series:
    """What is known of one series."""

    name: str
    state: State | None = None
    side: int = 1  #: where the last sample's entry stands
    before: Mapping[str, bytes] = field(default_factory=dict)  #: states of transforms before the last sample
    after: Mapping[str, bytes] = field(default_factory=dict)  #: and after it
    form: Form | None = None


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
        series_kept: int = 10_000,
    ) -> None:
        """`stored` gives the table's entry of a partition and key; `series_kept` bounds what is kept in memory."""
        self._rules: Final = rules
        self._raw: Final = raw
        self._gauge: Final = gauge
        self._stored: Final = stored
        self._transforms: Final = transforms
        self._series_kept: Final = series_kept
        #: partition and key of a record -> the series under that key, least recently used first
        self._known: Final[OrderedDict[tuple[int, bytes], dict[str, Series]]] = OrderedDict()
        #: headers of records whose schema is lost: state that has them is set aside
        self.lost: Final[set[bytes]] = set()
        self.arrivals: Final[Counter[str]] = Counter()
        self.words: Final[Counter[str]] = Counter()  #: reasons and doubts given
        self.rows = 0
        self.numbers = 0  #: counters read

    @property
    def series(self) -> int:
        """Return how many keys are kept in memory."""
        return len(self._known)

    def forget(self, partitions: Iterable[int] | None = None) -> None:
        """Drop what is known of partitions that have left (None: of all)."""
        left = None if partitions is None else set(partitions)
        for key in [key for key in self._known if left is None or key[0] in left]:
            del self._known[key]

    def convert(self, partition: int, key: bytes, value: bytes) -> Converted:
        """Return what a record leads to. Raises RecordError for one that cannot be used, SchemaNeeded."""
        known = self._known.get((partition, key))
        if known is not None:
            self._known.move_to_end((partition, key))
            for series in known.values():
                if series.form is not None and (sample := series.form.read(value)) is not None:
                    return self._advance(series, sample, value)
        sample = self._decoded(value)
        if sample.shape.fixed.resource.encode() != key:
            raise RecordError(f"the key {key!r} is not the record's resource {sample.shape.fixed.resource!r}")
        name = series_of(sample.shape.fixed)
        asides: Sequence[Aside] = ()
        found = None if known is None else known.get(name)
        if found is None:
            found, asides = self._load(partition, name)
        if found.state is not None and found.state.last.shape == sample.shape:
            sample = sample._replace(shape=found.state.last.shape)
        converted = self._advance(found, sample, value)
        if value[:HEADER_SIZE] == self._raw.header:
            found.form = learn(value, sample) or found.form
        self._keep(partition, key, found)
        return converted._replace(asides=(*asides, *converted.asides))

    def _decoded(self, value: bytes) -> Sample:
        try:
            return from_record(self._raw.decode(value))
        except BackendError as absent:
            raise SchemaNeeded(value) from absent

    def _advance(self, series: Series, sample: Sample, value: bytes) -> Converted:
        step = advance(series.state, sample, self._rules)
        self.arrivals[step.arrival] += 1
        if step.rows is None:
            return Converted((), None)
        states = series.before if step.arrival is Arrival.REPLAYED else series.after
        made = self._pack(step.rows, states)
        self.rows += len(made.packed)
        self.numbers += sample.counts.size
        if not step.rows.plain or step.rows.taken or step.rows.gone:
            self.words.update(step.counts())
        asides = [Aside(section.encode(), value, fault) for section, fault in made.faults]
        if step.arrival is Arrival.REPLAYED:
            return Converted(made.packed, None, asides=asides)
        series.state = step.state
        series.side = 1 - series.side
        series.before, series.after = series.after, made.states
        entry = write_entry(Entry(sample.slot, made.states, value))
        return Converted(made.packed, (entry_key(series.name, series.side), entry), asides)

    def _pack(self, rows: Rows, states: Mapping[str, bytes]) -> Transformed:
        if self._transforms:
            shape = rows.sample.shape
            record = to_record(rows.sample)
            chosen = shape.kept("transforms", lambda: wanted(self._transforms, record))
            if chosen:
                gauges = gauges_of(rows, with_counters=self._rules.with_counters)
                return transform(chosen, states, record, gauges, self._gauge.encode)
        return Transformed(pack(rows, self._gauge.header, with_counters=self._rules.with_counters), {}, ())

    def _load(self, partition: int, name: str) -> tuple[Series, Sequence[Aside]]:
        """Return a series as the table has it; what cannot be read of it is set aside."""
        entries: list[tuple[Entry, Sample, int]] = []
        asides: list[Aside] = []
        for side in SIDES:
            entry = entry_key(name, side)
            stored = self._stored(partition, entry)
            if stored is None:
                continue
            try:
                read = read_entry(stored)
                entries.append((read, self._restored(read, name), side))
            except RecordError as why:
                asides.append(Aside(entry, stored, why))
        entries.sort(key=lambda known: known[0].slot)
        series = Series(name)
        for entry_read, sample, side in entries:
            series.state = State(sample, None if series.state is None else series.state.last)
            series.side = side
            series.before, series.after = series.after, entry_read.transforms
        return series, asides

    def _restored(self, entry: Entry, name: str) -> Sample:
        if entry.value[:HEADER_SIZE] in self.lost:
            raise StateError("state with a record whose schema is lost")
        try:
            sample = self._decoded(entry.value)
        except RecordError as why:
            raise StateError(f"state with a record that cannot be read: {why}") from why
        if (sample.slot, series_of(sample.shape.fixed)) != (entry.slot, name):
            raise StateError(f"state of slot {entry.slot} with the record of another slot or series")
        return sample

    def _keep(self, partition: int, key: bytes, series: Series) -> None:
        self._known.setdefault((partition, key), {})[series.name] = series
        self._known.move_to_end((partition, key))
        if len(self._known) > self._series_kept:
            self._known.popitem(last=False)
