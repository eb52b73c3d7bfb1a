"""Decodes gauges column by column: constant bytes are compared, and only numbers are read.

A record is a constant front (identity, dimensions, labels, units), a middle (slot, time, duration, numbers) and words
(states, reasons). The front is recognised, not decoded: after one row the same row comes next as last time. A record
that is not laid out as expected is decoded in general and written anew, so the outcome never depends on a guess.
"""

import io
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

import fastavro
import numpy as np

from pollers.plugins.batch import Block, Row, Words
from schemas.codec import parsed_schema, to_avro
from schemas.errors import RecordError
from schemas.gauge_parts import front_of, words_of
from schemas.records import Gauge
from streams.sinks.reading.layout import Layout, Middle, layout_at

_WORDS_KEPT: Final = 65_536
#: a row takes about four kilobytes; what rows were called before is among them
_ROWS_KEPT: Final = 2_000_000


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


class GaugeReader:
    """Reads the records of one topic; one instance lives as long as its topic is read, since it caches rows."""

    def __init__(self, header: bytes, decode: Callable[[bytes], Gauge], wanted: Callable[[Row], bool]) -> None:
        """Take the header of our schema, how any record is decoded in general, and which rows are wanted at all."""
        self._header = header
        self._decode = decode
        self._wanted = wanted
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
        except RecordError:  # it is none, or laid out in a way that is right and not ours
            value = self._anew(value)
            return value, self._look(value, self._find(value))

    def _look(self, value: bytes, known: _Known) -> _Found:
        """Return what is where by the record alone. Raises RecordError."""
        layout = layout_at(value, known.size)
        if layout is None:
            raise RecordError("a gauge is laid out in another way")
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
        words = Words(**words_of(octets))
        form = _Form(tuple(words.states), tuple(words.missing))
        return words, self._forms.setdefault(form, form)

    def _find(self, value: bytes) -> _Known:
        """Return the row by its front, which is decoded. Raises RecordError."""
        if not value.startswith(self._header):
            raise RecordError("a gauge has another schema than ours")
        fields, size = front_of(value)
        front = value[:size]
        known = self._rows.get(front)
        if known is None:
            if len(self._rows) >= _ROWS_KEPT:
                self.forget()
            row = self._shared(Row(**fields))
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
