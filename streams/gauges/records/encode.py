"""Encodes gauges straight from a poll's matrices, byte for byte as fastavro would.

A record is three pieces. Its start (identity, dimensions, labels) and its end (states, reasons) are kept by content;
between them stand slot, time, duration and the numbers, laid out alike for all rows that have the same ones: those are
written column by column into a template. Doubles are little-endian in Avro too, so a column is one copy.
"""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from schemas.binary import END, long, map_of, map_of_texts, text
from schemas.binary import varint as _varint
from streams.gauges.fold.findings import Gone, Rows, Words
from streams.gauges.records.gauge import counters_of
from streams.gauges.samples.sample import DecodedSample, Fixed, Shape

Octets: TypeAlias = npt.NDArray[np.uint8]

_NO_NUMBER: Final = b"\0" * 8
_NULL: Final = b"\0"  # the branches of the union ["null", "double"]
_SOME: Final = b"\2"
_SHIFTS: Final = np.arange(0, 70, 7, dtype=np.uint64)


_LARGEST_OFFSET_MS: Final = 2**31
_LAYOUTS_KEPT: Final = 1024
_ENDS_KEPT: Final = 16_384
_AFTERS_KEPT: Final = 1024


class _Kind(NamedTuple):
    """The constants of rows with the same layout."""

    missing: Words
    doubts: Words
    timed: bool  #: it has a duration
    time_size: int  #: bytes of its time


def pack(rows: Rows, header: bytes, *, with_counters: bool = False) -> list[bytes]:
    """Return each row's Gauge as bytes with the schema's header: in the order of the poll, then the rows that are
    gone.
    """
    here = _pack_here(rows, header, with_counters=with_counters)
    return [*here, *(_pack_gone(rows.sample, gone, header) for gone in rows.gone)] if rows.gone else here


def _pack_here(rows: Rows, header: bytes, *, with_counters: bool) -> list[bytes]:
    sample = rows.sample
    absent = _absent_dimensions(sample)
    starts = _starts(sample.shape, header, absent).whole(rows.units)
    times = _zigzag_times(sample)
    kinds = _kinds(rows, times)
    if len(kinds) == 1 and not with_counters:
        ((kind, _),) = kinds.items()
        middles = _middles(rows, kind, times, None)
        ends = _each(_ends(sample.shape.states, sample.states, kind.missing, kind.doubts), sample.shape.rows)
        return [start + middle + end for start, middle, end in zip(starts, middles, ends, strict=True)]
    packed = [b""] * sample.shape.rows
    for kind, members in kinds.items():
        middles = _middles(rows, kind, times, members)
        states = tuple(tuple(column[row] for row in members) for column in sample.states)
        ends = _each(_ends(sample.shape.states, states, kind.missing, kind.doubts), len(members))
        for row, middle, end in zip(members, middles, ends, strict=True):
            tail = end[:-1] + _counters(sample, row) if with_counters else end
            packed[row] = starts[row] + middle + tail
    return packed


def _kinds(rows: Rows, times: npt.NDArray[np.uint64]) -> Mapping[_Kind, Sequence[int]]:
    every = range(rows.sample.shape.rows)
    if rows.plain and every:
        polled_at_ms, first_ms = rows.sample.polled_at_ms, rows.sample.first_answer_ms
        # offsets are ints of Avro: 32 bits
        size = len(long(polled_at_ms + first_ms))
        if polled_at_ms + first_ms >= 0 and size == len(long(polled_at_ms + _LARGEST_OFFSET_MS)):
            return {_Kind((), (), timed=True, time_size=size): every}
    kinds: dict[_Kind, list[int]] = {}
    for row, (duration_s, time) in enumerate(zip(rows.durations_s.tolist(), times.tolist(), strict=True)):
        timed = not math.isnan(duration_s)
        kind = _Kind(rows.missing.get(row, ()), rows.doubts.get(row, ()), timed, len(_varint(time)))
        kinds.setdefault(kind, []).append(row)
    return kinds


def _middles(rows: Rows, kind: _Kind, times: npt.NDArray[np.uint64], members: Sequence[int] | None) -> list[bytes]:
    slot = long(rows.sample.slot)
    numbers, durations_s = rows.numbers, rows.durations_s
    if members is not None:
        chosen = list(members)
        numbers, durations_s, times = numbers[:, chosen], durations_s[chosen], times[chosen]
    layout = _layout(rows.names, tuple(name for name, _ in kind.missing), len(slot), kind.timed, kind.time_size)
    octets = layout.template(len(times)).copy()
    block = octets.view(layout.fields)
    block["slot"] = np.frombuffer(slot, dtype=np.uint8)
    block["time"] = _varints(times, kind.time_size)
    if kind.timed:
        block["duration"] = durations_s
    for field, position in layout.numbers:
        block[field] = numbers[position]
    written, size = octets.tobytes(), layout.size
    return [written[at : at + size] for at in range(0, len(written), size)]


class _Layout:
    """The middle of a record, for one set of numbers that are there."""

    def __init__(self, pieces: Sequence[tuple[str | None, bytes]], formats: Mapping[str, npt.DTypeLike]) -> None:
        """Take the bytes in order, with the name of each field that is to be filled in."""
        places: dict[str, int] = {}
        at = 0
        for name, octets in pieces:
            if name is not None:
                places[name] = at
            at += len(octets)
        self.size: Final = at
        self.numbers: Final = tuple((name, int(name)) for name in places if name.isdecimal())
        self._octets: Final = b"".join(octets for _, octets in pieces)
        self.fields: Final = np.dtype(
            {
                "names": list(places),
                "formats": [formats.get(name, "<f8") for name in places],
                "offsets": list(places.values()),
                "itemsize": at,
            }
        )
        self._templates: dict[int, Octets] = {}

    def template(self, rows: int) -> Octets:
        """Return the template for that many rows, to be copied as bytes: numpy copies only those of fields."""
        if rows not in self._templates:
            self._templates[rows] = np.frombuffer(self._octets * rows, dtype=np.uint8)
        return self._templates[rows]


@lru_cache(maxsize=_LAYOUTS_KEPT)
def _layout(names: tuple[str, ...], absent: tuple[str, ...], slot_size: int, timed: bool, time_size: int) -> _Layout:
    present = [(str(position), name) for position, name in enumerate(names) if name not in absent]
    pieces: list[tuple[str | None, bytes]] = [("slot", bytes(slot_size)), ("time", bytes(time_size))]
    pieces += [(None, _SOME), ("duration", _NO_NUMBER)] if timed else [(None, _NULL)]
    if present:
        pieces.append((None, long(len(present))))
        for position, name in present:
            pieces += [(None, text(name)), (position, _NO_NUMBER)]
    pieces.append((None, b"\0"))
    return _Layout(pieces, {"slot": ("u1", (slot_size,)), "time": ("u1", (time_size,))})


class _Starts:
    """The beginning of each row's record, put together from what they share and what each has of its own."""

    __slots__ = ("_before", "_ends", "_labels", "_own")

    def __init__(self, shape: Shape, header: bytes, absent: frozenset[tuple[str, int]]) -> None:
        fixed = shape.fixed
        interval = long(fixed.interval_s)
        own = [
            b"".join(
                (
                    text(key),
                    interval,
                    map_of_texts((name, values[row]) for name, values in fixed.dimensions if (name, row) not in absent),
                )
            )
            for row, key in enumerate(fixed.row_keys)
        ]
        self._before: Final = _front(fixed, header)
        self._labels: Final = fixed.labels
        self._own: Final = b"".join(own)  # one object instead of one a row: half of the memory
        self._ends: Final = np.cumsum([len(one) for one in own], dtype=np.uint32)

    def whole(self, units: Words) -> list[bytes]:
        before, after, own = self._before, _after(self._labels, units), self._own
        made, at = [], 0
        for end in self._ends.tolist():
            made.append(b"".join((before, own[at:end], after)))
            at = end
        return made


def _starts(shape: Shape, header: bytes, absent: frozenset[tuple[str, int]]) -> _Starts:
    """Return the beginnings, which are made once a shape, and once for each set of dimensions that are absent."""
    key = (_Starts, header, absent)
    found = cast("_Starts | None", shape.kept.get(key))
    if found is None:
        found = shape.kept[key] = _Starts(shape, header, absent)
    return found


@lru_cache(maxsize=_AFTERS_KEPT)
def _after(labels: Words, units: Words) -> bytes:
    """Return labels and units: devices of one kind share them."""
    return map_of_texts(labels) + map_of_texts(units)


def _front(fixed: Fixed, header: bytes) -> bytes:
    return header + b"".join(map(text, (fixed.site, fixed.resource, fixed.endpoint, fixed.job, fixed.group)))


def _pack_gone(sample: DecodedSample, gone: Gone, header: bytes) -> bytes:
    fixed = sample.shape.fixed
    return b"".join(
        (
            _front(fixed, header),
            text(gone.row),
            long(fixed.interval_s),
            map_of_texts(gone.dimensions),
            map_of_texts(fixed.labels),
            map_of_texts(gone.units),
            long(sample.slot),
            long(sample.polled_at_ms),
            _NULL,  # no duration
            END,  # no numbers
            END,  # no states
            map_of_texts(gone.missing),
            END,  # no doubts
            END,  # no counters
        )
    )


@lru_cache(maxsize=_ENDS_KEPT)
def _ends(
    names: tuple[str, ...], states: tuple[tuple[str, ...], ...], missing: Words, doubts: Words
) -> tuple[bytes, ...]:
    """Return states, missing, confidence and no counters, for each row; for all of them where there are no states."""
    absent = {name for name, _ in missing}
    words = map_of_texts(missing) + map_of_texts(doubts) + b"\0"
    rows = zip(*states, strict=True) if states else ((),)
    ends: dict[tuple[str, ...], bytes] = {}
    made = []
    for values in rows:
        if values not in ends:
            named = zip(names, values, strict=True) if values else ()
            ends[values] = map_of_texts((name, value) for name, value in named if name not in absent) + words
        made.append(ends[values])
    return tuple(made)


def _each(ends: tuple[bytes, ...], rows: int) -> tuple[bytes, ...]:
    return ends if len(ends) == rows else ends * rows


def _absent_dimensions(sample: DecodedSample) -> frozenset[tuple[str, int]]:
    if not sample.missing:
        return frozenset()
    dimensions = {name for name, _ in sample.shape.fixed.dimensions}
    return frozenset((part.column, row) for part in sample.missing if part.column in dimensions for row in part.rows)


def _zigzag_times(sample: DecodedSample) -> npt.NDArray[np.uint64]:
    times = np.full(sample.shape.rows, sample.polled_at_ms, dtype=np.int64)
    if sample.offsets_ms is not None:
        times += sample.offsets_ms
    zigzag: npt.NDArray[np.uint64] = ((times << 1) ^ (times >> 63)).view(np.uint64)
    return zigzag


def _varints(zigzag: npt.NDArray[np.uint64], size: int) -> Octets:
    """Return numbers that all take that many bytes as rows of bytes."""
    octets: Octets = (zigzag[:, None] >> _SHIFTS[:size]).astype(np.uint8) | np.uint8(0x80)
    octets[:, -1] &= 0x7F
    return octets


def _counters(sample: DecodedSample, row: int) -> bytes:
    return map_of((name, long(value)) for name, value in counters_of(sample, row).items())
