"""Decodes gauges column by column: constant bytes are compared, and only numbers are read.

A record is a constant front (identity, dimensions, labels, units), a middle (slot, time, duration, numbers) and words
(states, reasons). The front is recognised, not decoded: after one row the same row comes next as last time. A record
that is not laid out as expected is decoded in general and written anew, so the outcome never depends on a guess.
"""

import io
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, TypedDict, cast

import fastavro
import fastavro.schema
import numpy as np

from pollers.plugins.batch import Block, Row, Words
from schemas.codec import Schema, fields_of, parse, parsed_schema, to_avro
from schemas.errors import RecordError
from schemas.records import Gauge
from streams.sinks.reading.layout import Layout, Middle, layout_at

_FRONT: Final = "slot"  #: the first field behind the constant front
_WORDS: Final = ("states", "missing", "confidence", "counters")
_WORDS_KEPT: Final = 65_536
#: a row takes about four kilobytes; what rows were called before is among them
_ROWS_KEPT: Final = 2_000_000
_DAMAGE: Final = (EOFError, ValueError, IndexError, KeyError, TypeError, OverflowError, MemoryError, StopIteration)


class Bad(NamedTuple):
    position: int  #: of the record, in what was to be read
    error: RecordError


class _Kind(NamedTuple):
    group: str
    units: tuple[tuple[str, str], ...]


class _Form(NamedTuple):
    """The names of words; their values may differ in one block."""

    states: tuple[str, ...]
    missing: tuple[str, ...]


class _Known:
    """A row whose front has been seen."""

    __slots__ = ("block", "front", "kind", "layout", "row", "size", "then", "turn", "wanted")

    def __init__(self, front: bytes, row: Row, kind: _Kind, *, wanted: bool) -> None:
        self.front = front
        self.size = len(front)
        self.row = row
        self.kind = kind
        self.wanted = wanted
        self.layout: Layout | None = None  #: of its last record
        self.then: _Known | None = None  #: the row that came after it, last time
        self.turn = 0  #: when it was last put into a block
        self.block: _Open | None = None


class _Open:
    """Records that will be one block."""

    __slots__ = ("form", "kind", "known", "layout", "middles", "positions", "words")

    def __init__(self, layout: Layout, kind: _Kind, form: _Form) -> None:
        self.layout, self.kind, self.form = layout, kind, form
        self.known: list[_Known] = []
        self.middles: list[bytes] = []
        self.positions: list[int] = []
        self.words: list[Words] = []


class _Found(NamedTuple):
    known: _Known
    layout: Layout
    end: int  #: where the words begin
    words: Words
    form: _Form


class _OddError(Exception):
    """The record is none, or is laid out in a way that is right and not ours."""


class GaugeReader:
    """Reads the records of one topic; one instance lives as long as its topic is read, since it caches rows."""

    def __init__(self, header: bytes, decode: Callable[[bytes], Gauge], wanted: Callable[[Row], bool]) -> None:
        """Take the header of our schema, how any record is decoded in general, and which rows are wanted at all."""
        self._header = header
        self._decode = decode
        self._wanted = wanted
        self._front, self._words_schema = _SCHEMAS
        self._rows: dict[bytes, _Known] = {}
        self._kinds: dict[_Kind, _Kind] = {}
        self._words: dict[bytes, tuple[Words, _Form]] = {}
        self._forms: dict[_Form, _Form] = {}
        self._mappings: dict[tuple[tuple[str, str], ...], Mapping[str, str]] = {}
        self._last: _Known | None = None
        self._turn = 0

    @property
    def rows(self) -> int:
        """Return the number of cached rows."""
        return len(self._rows)

    def forget(self) -> None:
        """Forget every row: partitions came or went, or too many rows are cached."""
        self._rows.clear()
        self._words.clear()
        self._mappings.clear()
        self._last = None

    def read(self, values: Sequence[bytes]) -> tuple[list[Block], list[Bad]]:
        """Return the selected rows' gauges, and the invalid records. Raises what `decode` raises, but for RecordError.

        A wrong guess shows when the middles are compared; those layouts are then taken from the records themselves.
        """
        exact: set[int] = set()
        while True:
            opened, bad = self._opened(values, exact)
            read = [(block, block.layout.read(block.middles)) for block in opened]
            wrong = {
                block.positions[at]
                for block, middle in read
                if not middle.fits.all()
                for at in np.flatnonzero(~middle.fits).tolist()
            }
            if not wrong:
                return [_closed(block, middle) for block, middle in read], bad
            exact |= wrong

    def _opened(self, values: Sequence[bytes], exact: set[int]) -> tuple[list[_Open], list[Bad]]:
        """Return blocks such that of a row's records those in a later block are the later ones."""
        opened: list[_Open] = []
        at_hand: dict[tuple[Layout, _Kind, _Form], _Open] = {}
        bad: list[Bad] = []
        self._turn += 1
        for position, given in enumerate(values):
            try:
                value, found = self._locate(given, guess=position not in exact)
            except RecordError as error:
                bad.append(Bad(position, error))
                continue
            known, layout, end, words, form = found
            if not known.wanted:
                continue
            key = (layout, known.kind, form)
            block = at_hand.get(key)
            if known.turn == self._turn and known.block is not block:
                self._turn += 1
                at_hand.clear()
                block = None
            if block is None:
                block = at_hand[key] = _Open(layout, known.kind, form)
                opened.append(block)
            known.turn, known.block = self._turn, block
            block.known.append(known)
            block.middles.append(value[known.size : end])
            block.positions.append(position)
            block.words.append(words)
        return opened, bad

    def _locate(self, value: bytes, *, guess: bool) -> tuple[bytes, _Found]:
        """Return the record, maybe written anew, and what is where in it. Raises RecordError."""
        last = self._last
        known = last.then if last is not None else None
        try:
            if known is None or not value.startswith(known.front):
                known = self._find(value)
                if last is not None:
                    last.then = known
            self._last = known
            layout = known.layout
            if guess and layout is not None:
                end = known.size + layout.size
                words = self._words.get(value[end:])
                if words is not None:
                    return value, _Found(known, layout, end, *words)
            return value, self._look(value, known)
        except _OddError:
            value = self._anew(value)
            return value, self._look(value, self._find(value))

    def _look(self, value: bytes, known: _Known) -> _Found:
        """Return what is where by the record alone. Raises _OddError."""
        layout = layout_at(value, known.size)
        if layout is None:
            raise _OddError
        known.layout = layout
        end = known.size + layout.size
        octets = value[end:]
        words = self._words.get(octets)
        if words is None:
            if len(self._words) >= _WORDS_KEPT:
                self._words.clear()
            words = self._words[octets] = self._read_words(octets)
        return _Found(known, layout, end, *words)

    def _read_words(self, octets: bytes) -> tuple[Words, _Form]:
        datum, size = _read(self._words_schema, octets, 0)
        if size != len(octets):
            raise _OddError
        words = Words(**cast("_WordsForm", datum))
        form = _Form(tuple(words.states), tuple(words.missing))
        return words, self._forms.setdefault(form, form)

    def _find(self, value: bytes) -> _Known:
        """Return the row by its front, which is decoded. Raises _OddError."""
        if not value.startswith(self._header):
            raise _OddError
        datum, size = _read(self._front, value, len(self._header))
        front = value[:size]
        known = self._rows.get(front)
        if known is None:
            if len(self._rows) >= _ROWS_KEPT:
                self.forget()
            row = self._shared(Row(**cast("_RowForm", datum)))
            kind = _Kind(row.group, tuple(row.units.items()))
            known = _Known(front, row, self._kinds.setdefault(kind, kind), wanted=self._wanted(row))
            self._rows[front] = known
        return known

    def _shared(self, row: Row) -> Row:
        """Return the row with what others have too in one copy: there may be half a million rows."""
        for name in ("site", "resource", "endpoint", "job", "group"):
            setattr(row, name, sys.intern(getattr(row, name)))
        for name in ("labels", "units"):
            items = tuple(getattr(row, name).items())
            setattr(row, name, self._mappings.setdefault(items, getattr(row, name)))
        row.dimensions = {sys.intern(name): value for name, value in row.dimensions.items()}
        return row

    def _anew(self, value: bytes) -> bytes:
        """Return the record as we would have written it. Raises RecordError, and whatever else `decode` does."""
        gauge = self._decode(value)
        body = io.BytesIO()
        body.write(self._header)
        fastavro.schemaless_writer(body, parsed_schema("gauge"), to_avro(gauge))
        return body.getvalue()


class _WordsForm(TypedDict):
    """Words as fastavro gives them."""

    states: Mapping[str, str]
    missing: Mapping[str, str]
    confidence: Mapping[str, str]
    counters: Mapping[str, int]


class _RowForm(TypedDict):
    """A gauge's front as fastavro gives it."""

    site: str
    resource: str
    endpoint: str
    job: str
    group: str
    row: str
    interval_s: int
    dimensions: Mapping[str, str]
    labels: Mapping[str, str]
    units: Mapping[str, str]


def _parts_of_schema() -> tuple[Schema, Schema]:
    """Return the schemas of a Gauge's front and of its words."""
    fields = fields_of("gauge")
    names = [field["name"] for field in fields]
    front, words = fields[: names.index(_FRONT)], fields[names.index(_WORDS[0]) :]
    if tuple(field["name"] for field in words) != _WORDS:
        raise RecordError(f"the schema of gauges has other words than {', '.join(_WORDS)}")
    return _schema("GaugeFront", front), _schema("GaugeWords", words)


def _schema(name: str, fields: Sequence[Schema]) -> Schema:
    return parse(json.dumps({"type": "record", "name": name, "fields": fields}))


def _read(schema: Schema, octets: bytes, at: int) -> tuple[object, int]:
    """Return what stands there, and where it ends. Raises _OddError."""
    body = io.BytesIO(octets)
    body.seek(at)
    try:
        datum: object = fastavro.schemaless_reader(body, schema, None)
    except _DAMAGE as problem:
        raise _OddError from problem
    return datum, body.tell()


def _closed(block: _Open, middle: Middle) -> Block:
    return Block(
        group=block.kind.group,
        units=block.known[0].row.units,
        names=block.layout.names,
        states=block.form.states,
        missing=block.form.missing,
        rows=[known.row for known in block.known],
        slots=middle.slots,
        times_ms=middle.times_ms,
        durations_s=middle.durations_s,
        numbers=middle.numbers,
        words=block.words,
    )


#: read when this is imported, so that no event loop waits for a disk
_SCHEMAS: Final = _parts_of_schema()
