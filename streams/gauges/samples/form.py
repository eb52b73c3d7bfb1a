"""Decodes a record that resembles the last one of its series: only numbers are read.

A RawCounters record of 48 rows holds some 600 strings that hardly ever change and 600 numbers that always do. A
`RecordForm` is learnt from a record that was decoded in the general way. A record of the same form has the same bytes
wherever there are no numbers: those are compared, and the numbers are read all at once. Anything unexpected gives
None, and the general decoder has the last word.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from schemas.binary import array_of, array_of_texts, boolean, doubles, long, map_of_texts, text
from streams.gauges.reasons import NoRate
from streams.gauges.samples.sample import (
    CounterSpec,
    DecodedSample,
    Longs,
    MissingPart,
    Numbers,
    Shape,
    without_strange_levels,
)

HEADER_SIZE: Final = 5  # of the Confluent wire format: a zero byte and the schema's id

#: devices of one kind share them
_PLACES_KEPT: Final = 256

_Places: TypeAlias = npt.NDArray[np.intp]

#: byte count of a varint, less one -> its payload bits; longer ones are read one by one
_MASKS: Final = np.array([int("7f" * size, 16) for size in range(1, 9)], dtype=np.uint64)
_WORD: Final = 8
#: (the groups that stay, the groups that move down, by how much): eight groups of 7 bits close up to 56
_FOLDS: Final = tuple(
    (np.uint64(stay), np.uint64(move), np.uint64(by))
    for stay, move, by in (
        (0x007F007F007F007F, 0x7F007F007F007F00, 1),
        (0x00003FFF00003FFF, 0x3FFF00003FFF0000, 2),
        (0x000000000FFFFFFF, 0x0FFFFFFF00000000, 4),
    )
)
_ONE: Final = np.uint64(1)
_PAST_LONG: Final = 2**64
_LAST_SHIFT: Final = 63  #: of the tenth byte of a varint, the last that a long can have


class _Head(NamedTuple):
    """The part of RawCounters before `slot`, and the numbers after that up to `counters`."""

    slot: int
    polled_at_ms: int
    uptime_cs: int | None
    engine_boots: int | None
    end: int


class RecordForm:
    """The constant bytes of one series' records. Make it with `learn`."""

    def __init__(self, value: bytes, sample: DecodedSample) -> None:
        """Take a record and what the general decoder made of it. The record has rows and counters."""
        shape = sample.shape
        rows = long(shape.rows)
        self.shape: Final = shape
        self.start: Final = value[:HEADER_SIZE] + _fixed(shape)
        self._count: Final = long(len(shape.counters))
        self._columns: Final = _columns(shape.counters, rows)
        self._places, self._last_places = _places(self._columns, shape.rows)
        self._level_count: Final = long(len(shape.levels)) if shape.levels else b""
        self._levels: Final = tuple(
            text(name) + text(unit) + rows for name, unit in zip(shape.levels, shape.level_units, strict=True)
        )
        self._states: Final = _state_columns(shape, sample.states)
        self._rows: Final = rows
        self._stamps: Final = _ints([] if sample.discontinuities_cs is None else sample.discontinuities_cs.tolist())
        # what is missing because it is no number was found in the levels, and does not stand in the record
        missing = tuple(part for part in sample.missing if part.reason != NoRate.NOT_A_NUMBER)
        end = _missing(missing)
        self._ends: Final = {end + boolean(complete): complete for complete in (False, True)}
        self._same: Final = (sample.states, missing, sample.discontinuities_cs)

    def read(self, value: bytes) -> DecodedSample | None:
        """Decode the sample, or return None where the record has another form."""
        if not value.startswith(self.start):
            return None
        try:
            head = _read_head(value, len(self.start))
            return self._read_numbers(value, head)
        except (IndexError, ValueError):  # it ends too early, or a number is none that is written so
            return None

    def _read_numbers(self, value: bytes, head: _Head) -> DecodedSample | None:
        if not value.startswith(self._count, head.end):
            return None
        first = head.end + len(self._count)
        numbers = _Varints(value, first)
        at = self._check_columns(value, first, numbers.ends[self._last_places].tolist())
        if at is None or (found := self._read_levels(value, at)) is None:
            return None
        levels, at = found
        if not value.startswith(self._states, at):
            return None
        counts, offsets_ms, at = self._read_rows(value, numbers, at + len(self._states))
        states, missing, discontinuities_cs = self._same
        if value.startswith(self._stamps, at):
            at += len(self._stamps)
        else:
            discontinuities_cs, at = self._read_stamps(value, numbers, at)
        if (complete := self._ends.get(value[at:])) is None:
            return None
        sample = DecodedSample(
            shape=self.shape,
            slot=head.slot,
            polled_at_ms=head.polled_at_ms,
            uptime_cs=head.uptime_cs,
            engine_boots=head.engine_boots,
            counts=counts.view(np.uint64),
            levels=levels,
            states=states,
            offsets_ms=offsets_ms,
            first_answer_ms=0 if offsets_ms is None else int(offsets_ms.min()),
            discontinuities_cs=discontinuities_cs,
            missing=missing,
            complete=complete,
        )
        return without_strange_levels(sample) if len(levels) else sample

    def _check_columns(self, value: bytes, first: int, stops: Sequence[int]) -> int | None:
        """Return where the columns end, or None where something else stands between the numbers."""
        at = first
        for head, stop in zip(self._columns, stops, strict=True):
            if not value.startswith(head, at):
                return None
            at = first + stop + 1
            if value[at]:
                return None
            at += 1
        return None if value[at] else at + 1

    def _read_levels(self, value: bytes, at: int) -> tuple[Numbers, int] | None:
        rows = self.shape.rows
        levels = np.empty((len(self._levels), rows))
        if not value.startswith(self._level_count, at):
            return None
        at += len(self._level_count)
        for number, head in enumerate(self._levels):
            if not value.startswith(head, at):
                return None
            at += len(head)
            levels[number] = np.frombuffer(value, dtype="<f8", count=rows, offset=at)
            at += 8 * rows
            if value[at]:
                return None
            at += 1
        if value[at]:
            return None
        return levels, at + 1

    def _read_rows(self, value: bytes, numbers: "_Varints", at: int) -> tuple[Longs, Longs | None, int]:
        """Return the counters, the rows' offsets and where these end: all these numbers are read at once."""
        places = self._places.copy()
        size = places.size - self.shape.rows
        found = self._place(value, numbers, at)
        if found is None:
            return numbers.read(places[:size]).reshape(-1, self.shape.rows), None, at + 1
        first, end = found
        places[size:] += first
        longs = numbers.read(places)
        return longs[:size].reshape(-1, self.shape.rows), longs[size:], end

    def _read_stamps(self, value: bytes, numbers: "_Varints", at: int) -> tuple[Longs | None, int]:
        found = self._place(value, numbers, at)
        if found is None:
            return None, at + 1
        return numbers.read(np.arange(found[0], found[0] + self.shape.rows)), found[1]

    def _place(self, value: bytes, numbers: "_Varints", at: int) -> tuple[int, int] | None:
        """Return which number is the first of an array of one per row, and where that ends; None for an empty one.

        Raises ValueError for another array.
        """
        if not value[at]:
            return None
        rows = self.shape.rows
        if not value.startswith(self._rows, at):
            raise ValueError("another number of rows")
        first = int(numbers.ends.searchsorted(at + len(self._rows) - numbers.first))
        end = numbers.first + int(numbers.ends[first + rows - 1]) + 1
        if value[end]:
            raise ValueError("more than one block")
        return first, end + 1


def learn(value: bytes, sample: DecodedSample) -> RecordForm | None:
    """Return the form of a record that was decoded by fastavro, or None where its layout is unusual.

    The record must be written with the current schema of RawCounters.
    """
    if not sample.shape.rows or not sample.shape.counters:
        return None
    form = RecordForm(value, sample)
    again = form.read(value)
    return form if again is not None and _same(again, sample) else None


def _same(one: DecodedSample, other: DecodedSample) -> bool:
    return (
        (one.slot, one.polled_at_ms, one.uptime_cs, one.engine_boots, one.missing, one.complete)
        == (other.slot, other.polled_at_ms, other.uptime_cs, other.engine_boots, other.missing, other.complete)
        and np.array_equal(one.counts, other.counts)
        and np.array_equal(one.levels, other.levels)
        and _equal(one.offsets_ms, other.offsets_ms)
        and _equal(one.discontinuities_cs, other.discontinuities_cs)
    )


def _equal(one: Longs | None, other: Longs | None) -> bool:
    return one is other if one is None or other is None else np.array_equal(one, other)


def _fixed(shape: Shape) -> bytes:
    fixed = shape.fixed
    dimensions = [text(name) + array_of_texts(values) for name, values in fixed.dimensions]
    return b"".join(
        (
            *map(text, (fixed.resource, fixed.site, fixed.endpoint)),
            map_of_texts(fixed.labels),
            text(fixed.job),
            text(fixed.group),
            long(fixed.interval_s),
            array_of_texts(fixed.row_keys),
            array_of(dimensions),
            _ints(fixed.line_rates),
            array_of([b"".join(map(text, value)) for value in fixed.derived]),
            map_of_texts(fixed.absent),
        )
    )


def _ints(values: Sequence[int]) -> bytes:
    return array_of([long(value) for value in values])


def _state_columns(shape: Shape, states: tuple[tuple[str, ...], ...]) -> bytes:
    return array_of([text(name) + array_of_texts(values) for name, values in zip(shape.states, states, strict=True)])


def _missing(parts: Sequence[MissingPart]) -> bytes:
    return array_of([text(part.column) + text(part.reason) + _ints(part.rows) for part in parts])


@lru_cache(maxsize=_PLACES_KEPT)
def _columns(counters: tuple[CounterSpec, ...], rows: bytes) -> tuple[bytes, ...]:
    return tuple(
        text(spec.name) + long(spec.width) + _ints(spec.rows_32) + text(spec.unit) + doubles([spec.scale]) + rows
        for spec in counters
    )


@lru_cache(maxsize=_PLACES_KEPT)
def _places(columns: tuple[bytes, ...], rows: int) -> tuple[_Places, _Places]:
    """Return which of all varints, from the columns on, are the counters, and the last of each column.

    Each byte below 0x80 is taken for the end of one. The first array goes on with 0, 1, ... for one number per row.
    """
    places: list[int] = []
    seen = 0
    for head in columns:
        seen += sum(octet < 0x80 for octet in head)
        places += range(seen, seen + rows)
        seen += rows + 1  # the numbers, and the end of their block
    return np.array([*places, *range(rows)], dtype=np.intp), np.array(places[rows - 1 :: rows], dtype=np.intp)


def _read_head(value: bytes, at: int) -> _Head:
    slot, at = _read_long(value, at)
    polled_at_ms, at = _read_long(value, at)
    uptime_cs, at = _read_optional(value, at)
    engine_boots, at = _read_optional(value, at)
    return _Head(slot, polled_at_ms, uptime_cs, engine_boots, at)


def _read_optional(value: bytes, at: int) -> tuple[int | None, int]:
    branch, at = _read_long(value, at)
    if branch == 0:
        return None, at
    if branch != 1:
        raise ValueError("no such branch")
    return _read_long(value, at)


def _read_long(value: bytes, at: int) -> tuple[int, int]:
    """Return a long and where it ends. Raises ValueError for one of more than 64 bits, IndexError at the end."""
    octet = value[at]
    number, shift = octet & 0x7F, 7
    while octet & 0x80:
        if shift > _LAST_SHIFT:
            raise ValueError("more than ten bytes")
        at += 1
        octet = value[at]
        number |= (octet & 0x7F) << shift
        shift += 7
    if number >= _PAST_LONG:
        raise ValueError("more than 64 bits")
    return (number >> 1) ^ -(number & 1), at + 1


class _Varints:
    """The part of a record where the numbers stand; `ends` tells where, from its beginning on, each varint ends."""

    def __init__(self, value: bytes, first: int) -> None:
        self.first: Final = first
        self.ends: Final[_Places] = (np.frombuffer(value, dtype=np.int8, offset=first) >= 0).nonzero()[0]
        self._value: Final = value

    def read(self, places: _Places) -> Longs:
        """Return the numbers that stand there in the order of `ends`; none is the first.

        Each is loaded as one word, whose groups of 7 bits are then closed up in three steps.
        """
        stops = self.ends[places]
        places -= 1
        starts = self.ends[places]
        starts += 1
        padded = self._value + bytes(_WORD)
        words: npt.NDArray[np.uint64] = np.ndarray(
            (len(self._value) - self.first,), dtype="<u8", buffer=padded, offset=self.first, strides=(1,)
        )
        sizes = stops - starts
        packed = words[starts]
        packed &= _MASKS.take(sizes, mode="clip")
        for stay, move, by in _FOLDS:
            moved = packed & move
            moved >>= by
            packed &= stay
            packed |= moved
        signs = packed & _ONE
        packed >>= _ONE
        packed ^= np.negative(signs, out=signs)
        longs: Longs = packed.view(np.int64)
        if int(sizes.max()) >= _WORD:
            for place in (sizes >= _WORD).nonzero()[0].tolist():
                longs[place] = _read_long(self._value, self.first + int(starts[place]))[0]
        return longs
