"""Reading a poll that looks like the one before it: only what differs is decoded.

A RawCounters record of 48 rows holds some 600 strings that hardly ever change and 600 numbers that always do. A `Form`
is learnt from a record that was decoded in the general way. A record of the same form has the same bytes wherever there
are no numbers: those are compared, and the numbers are read all at once. Anything unexpected gives None, and the
general decoder has the last word.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from streams.gauges.avro import doubles, long, map_of_texts, text
from streams.gauges.sample import Longs, MissingPart, Numbers, Sample, Shape, without_strange_levels

HEADER_SIZE: Final = 5  # of the Confluent wire format: a zero byte and the schema's id

_Places: TypeAlias = npt.NDArray[np.intp]

#: byte count of a varint -> its payload bits; longer ones are read one by one
_MASKS: Final = np.array([0, *(int("7f" * size, 16) for size in range(1, 9))], dtype=np.uint64)
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


class _Head(NamedTuple):
    """What RawCounters has before `slot`, and the numbers after that up to `counters`."""

    slot: int
    polled_at_ms: int
    uptime_cs: int | None
    engine_boots: int | None
    end: int


class Form:
    """What records of one series have in common, byte by byte. Make it with `learn`."""

    def __init__(self, value: bytes, sample: Sample) -> None:
        """Take a record and what the general decoder made of it. The record has rows and counters."""
        shape = sample.shape
        rows = long(shape.rows)
        self.shape: Final = shape
        self.start: Final = value[:HEADER_SIZE] + _fixed(shape)
        self._count: Final = long(len(shape.counters))
        self._columns: Final = tuple(
            text(spec.name) + long(spec.width) + _ints(spec.rows_32) + text(spec.unit) + doubles([spec.scale]) + rows
            for spec in shape.counters
        )
        self._places: Final = _places(self._columns, shape.rows)
        self._level_count: Final = long(len(shape.levels)) if shape.levels else b""
        self._levels: Final = tuple(
            text(name) + text(unit) + rows for name, unit in zip(shape.levels, shape.level_units, strict=True)
        )
        self._states: Final = _state_columns(shape, sample.states)
        self._rows: Final = rows
        self._stamps: Final = _ints([] if sample.discontinuities_cs is None else sample.discontinuities_cs.tolist())
        self._missing: Final = _missing(sample.missing)
        self._last: Final = sample

    def read(self, value: bytes) -> Sample | None:
        """Return the poll, or None where the record is not of this form."""
        if not value.startswith(self.start):
            return None
        try:
            head = _read_head(value, len(self.start))
            return self._read_numbers(value, head)
        except (IndexError, ValueError):  # it ends too early
            return None

    def _read_numbers(self, value: bytes, head: _Head) -> Sample | None:
        if not value.startswith(self._count, head.end):
            return None
        first = head.end + len(self._count)
        numbers = _Varints(value, first)
        ends = numbers.ends
        stops = ends[self._places]
        at = self._check_columns(value, first, stops[:, -1].tolist())
        if at is None or (found := self._read_levels(value, at)) is None:
            return None
        levels, at = found
        if not value.startswith(self._states, at):
            return None
        at += len(self._states)
        starts = ends[self._places - 1]
        starts += 1
        counts, offsets_ms, at = self._read_rows(value, numbers, at, starts, stops)
        discontinuities_cs = self._last.discontinuities_cs
        if value.startswith(self._stamps, at):
            at += len(self._stamps)
        else:
            discontinuities_cs, at = self._read_stamps(value, numbers, at)
        if value[at:] != self._missing:
            return None
        sample = Sample(
            shape=self.shape,
            slot=head.slot,
            polled_at_ms=head.polled_at_ms,
            uptime_cs=head.uptime_cs,
            engine_boots=head.engine_boots,
            counts=counts.view(np.uint64),
            levels=levels,
            states=self._last.states,
            offsets_ms=offsets_ms,
            discontinuities_cs=discontinuities_cs,
            missing=self._last.missing,
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

    def _read_rows(
        self, value: bytes, numbers: "_Varints", at: int, starts: _Places, stops: _Places
    ) -> tuple[Longs, Longs | None, int]:
        """Return the counters, the rows' offsets and where these end: all these numbers are read at once."""
        place = self._place(value, numbers, at)
        if place is None:
            return numbers.read(starts, stops), None, at + 1
        size = self._places.size
        longs = numbers.read(
            np.concatenate((starts.ravel(), place.starts)), np.concatenate((stops.ravel(), place.stops))
        )
        return longs[:size].reshape(self._places.shape), longs[size:], place.end

    def _read_stamps(self, value: bytes, numbers: "_Varints", at: int) -> tuple[Longs | None, int]:
        place = self._place(value, numbers, at)
        return (None, at + 1) if place is None else (numbers.read(place.starts, place.stops), place.end)

    def _place(self, value: bytes, numbers: "_Varints", at: int) -> "_Place | None":
        """Return where an array of one number per row stands, None for an empty one. Raises ValueError for another."""
        if not value[at]:
            return None
        if not value.startswith(self._rows, at):
            raise ValueError("another number of rows")
        place = numbers.row(at + len(self._rows), self.shape.rows)
        if value[place.end - 1]:
            raise ValueError("more than one block")
        return place


class _Place(NamedTuple):
    """An array of numbers in a record."""

    starts: _Places
    stops: _Places
    end: int  #: behind its block, in the whole record


def learn(value: bytes, sample: Sample) -> Form | None:
    """Return the form of a record that was decoded in the general way, or None where it is written unusually.

    The record must be written with the current schema of RawCounters.
    """
    if not sample.shape.rows or not sample.shape.counters:
        return None
    form = Form(value, sample)
    again = form.read(value)
    return form if again is not None and _same(again, sample) else None


def _same(one: Sample, other: Sample) -> bool:
    return (
        (one.slot, one.polled_at_ms, one.uptime_cs, one.engine_boots, one.missing)
        == (other.slot, other.polled_at_ms, other.uptime_cs, other.engine_boots, other.missing)
        and np.array_equal(one.counts, other.counts)
        and np.array_equal(one.levels, other.levels)
        and _equal(one.offsets_ms, other.offsets_ms)
        and _equal(one.discontinuities_cs, other.discontinuities_cs)
    )


def _equal(one: Longs | None, other: Longs | None) -> bool:
    return one is other if one is None or other is None else np.array_equal(one, other)


def _fixed(shape: Shape) -> bytes:
    fixed = shape.fixed
    dimensions = [text(name) + _texts(values) for name, values in fixed.dimensions]
    return b"".join(
        (
            *map(text, (fixed.resource, fixed.site, fixed.endpoint)),
            map_of_texts(fixed.labels),
            text(fixed.job),
            text(fixed.group),
            long(fixed.interval_s),
            _texts(fixed.row_keys),
            _array(dimensions),
            _ints(fixed.line_rates),
            _array([b"".join(map(text, value)) for value in fixed.derived]),
        )
    )


def _array(items: Sequence[bytes]) -> bytes:
    return b"".join((long(len(items)), *items, b"\0")) if items else b"\0"


def _texts(values: Sequence[str]) -> bytes:
    return _array([text(value) for value in values])


def _ints(values: Sequence[int]) -> bytes:
    return _array([long(value) for value in values])


def _state_columns(shape: Shape, states: tuple[tuple[str, ...], ...]) -> bytes:
    return _array([text(name) + _texts(values) for name, values in zip(shape.states, states, strict=True)])


def _missing(parts: Sequence[MissingPart]) -> bytes:
    return _array([text(part.column) + text(part.reason) + _ints(part.rows) for part in parts])


def _places(columns: Sequence[bytes], rows: int) -> _Places:
    """Return which of all bytes that end a varint (those below 0x80) ends which number, counted from the columns on."""
    places = np.empty((len(columns), rows), dtype=np.intp)
    seen = 0
    for number, head in enumerate(columns):
        seen += sum(octet < 0x80 for octet in head)
        places[number] = np.arange(seen, seen + rows)
        seen += rows + 1  # the numbers, and the end of their block
    return places


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
    octet = value[at]
    number, shift = octet & 0x7F, 7
    while octet & 0x80:
        at += 1
        octet = value[at]
        number |= (octet & 0x7F) << shift
        shift += 7
    return (number >> 1) ^ -(number & 1), at + 1


class _Varints:
    """The part of a record where the numbers stand; places are counted from its beginning."""

    def __init__(self, value: bytes, first: int) -> None:
        self.first: Final = first
        self.ends: Final[_Places] = np.flatnonzero(np.frombuffer(value, dtype=np.int8, offset=first) >= 0)
        self._value: Final = value

    def row(self, at: int, size: int) -> _Place:
        """Return where that many numbers stand, of which the first is at a place in the whole record."""
        place = int(np.searchsorted(self.ends, at - self.first))
        stops = self.ends[place : place + size]
        starts = np.empty_like(stops)
        starts[0] = at - self.first
        starts[1:] = stops[:-1] + 1
        return _Place(starts, stops, self.first + int(stops[size - 1]) + 2)

    def read(self, starts: _Places, stops: _Places) -> Longs:
        """Return the numbers: each is loaded as one word, whose groups of 7 bits are then closed up in three steps."""
        padded = self._value + bytes(_WORD)
        words: npt.NDArray[np.uint64] = np.ndarray(
            (len(self._value) - self.first,), dtype="<u8", buffer=padded, offset=self.first, strides=(1,)
        )
        sizes = stops - starts
        sizes += 1
        packed = words[starts]
        packed &= _MASKS.take(sizes, mode="clip")
        for stay, move, by in _FOLDS:
            packed = (packed & stay) | ((packed & move) >> by)
        longs: Longs = ((packed >> _ONE) ^ -(packed & _ONE)).view(np.int64)
        if int(sizes.max()) > _WORD:
            for place in zip(*np.nonzero(sizes > _WORD), strict=True):
                longs[place] = _read_long(self._value, self.first + int(starts[place]))[0]
        return longs
