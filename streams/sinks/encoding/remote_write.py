"""Prometheus remote write 1.0: WriteRequest { timeseries = 1: TimeSeries { labels = 1, samples = 2 } }.

Label { name = 1, value = 2 }, sorted by name; Sample { value = 1: double, timestamp = 2: int64 milliseconds }.
(prometheus.io/docs/specs/prw/remote_write_spec, types.proto and remote.proto of Prometheus.) A series that has ended
gets a sample whose value is the stale marker.
"""

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from pollers.plugins.batch import Block, Row, Words
from schemas.binary import varint
from streams.sinks.encoding.pieces import Pieces
from streams.sinks.encoding.protobuf import fields, fixed64, message, number_, text
from streams.sinks.encoding.scatter import Bits, Octets, fill
from streams.sinks.naming.infos import Info, InfoPlace, Infos, What
from streams.sinks.naming.labels import Labels
from streams.sinks.naming.names import DEVICE_INFO, PREFIX, Naming, row_info
from streams.sinks.naming.states import States, StateSeries

NAME: Final = "__name__"
#: NaN with this payload ends a series (Prometheus' model/value: StaleNaN)
STALE: Final = 0x7FF0_0000_0000_0002
_ONE: Final = 0x3FF0_0000_0000_0000  # 1.0
_SERIES: Final = b"\x0a"  # field 1 of the request
#: sample: field 2, 16 bytes, of which 15 are the hole: the double's 8, the tag of the time, and the time's 6
_SAMPLE: Final = b"\x12\x10\x09"
_TIME: Final = 0x10
_TIME_SIZE: Final = 6
_HOLE: Final = 8 + 1 + _TIME_SIZE
_SHIFTS: Final = np.arange(0, 7 * _TIME_SIZE, 7, dtype=np.uint64)
_LATEST_MS: Final = 2 ** (7 * _TIME_SIZE) - 1  #: the year 2109
_PLANS_KEPT: Final = 4096


class LabelledRow(NamedTuple):
    """The encoded labels of a row, made once."""

    before: bytes  #: its labels, as far as they sort before the label of a state
    after: bytes
    place: InfoPlace


class _Plan(NamedTuple):
    """The series of a block's rows, but for their labels."""

    heads: tuple[bytes, ...]  #: label of the name, for numbers and for numbers that are not there
    scales: npt.NDArray[np.float64]  #: of those that are there
    states: tuple[tuple[bytes, bytes], ...]  #: label of the name, and of the value


class RemoteWrite:
    """Encodes gauges; one instance lives as long as the sink, since it keeps what was said of devices."""

    def __init__(self, naming: Naming, labels: Labels) -> None:
        self._naming = naming
        self._labels = labels
        self._states = States(naming)
        self._infos = Infos()
        self._names = lru_cache(maxsize=_PLANS_KEPT)(self._named)

    def encode(self, blocks: Iterable[Block]) -> list[Pieces]:
        """Return the blocks' numbers as pieces of a request, in the order of the blocks."""
        encoded = []
        for block in blocks:
            encoded.append(self._block(block))
            if said := self._said(block):
                encoded.append(said)
        return encoded

    def _block(self, block: Block) -> Pieces:
        series = self._states.series(block)
        missing = tuple(name for name in block.missing if name in block.units)
        plan = self._plan(block, missing, series)
        kept = [self._kept(row) for row in block.rows]
        if not plan.heads and not plan.states:
            return Pieces(b"", [0] * len(kept), 0, block.rows)
        sizes = [len(one.before) + len(one.after) for one in kept]
        shapes = {size: _shape(plan.heads, plan.states, size) for size in set(sizes)}
        frames = [_frame(shapes[size], one) for size, one in zip(sizes, kept, strict=True)]
        places = np.array([shapes[size].offsets for size in sizes])
        bits = np.empty(places.shape, dtype=np.uint64)
        numbers, heads = len(block.names), len(plan.heads)
        bits[:, :numbers] = (block.numbers * plan.scales).view(np.uint64)
        bits[:, numbers:heads] = STALE
        bits[:, heads:] = _state_bits(block.words, series)
        filled = fill(frames, places, _holes(bits, block.times_ms))
        return Pieces(filled.octets, filled.ends, numbers, block.rows)

    def _plan(self, block: Block, missing: tuple[str, ...], series: Sequence[StateSeries]) -> _Plan:
        units = block.units
        metrics = tuple((name, units.get(name, "")) for name in (*block.names, *missing))
        heads, scales = self._names(block.group, metrics, len(block.names), block.since_ms is not None)
        states = tuple((_label(NAME, one.name), _label(one.name, one.value)) for one in series)
        return _Plan(heads, scales, states)

    def _named(
        self, group: str, metrics: tuple[tuple[str, str], ...], there: int, grows: bool
    ) -> tuple[tuple[bytes, ...], npt.NDArray[np.float64]]:
        name_of = self._naming.counter if grows else self._naming.number
        names = [name_of(group, metric, unit) for metric, unit in metrics]
        return tuple(_label(NAME, name.name) for name in names), np.array([name.scale for name in names[:there]])

    def _kept(self, row: Row) -> LabelledRow:
        return row.kept if isinstance(row.kept, LabelledRow) else self._keep(row)

    def _keep(self, row: Row) -> LabelledRow:
        labels = self._labels.of_row(row)
        before = _labels(pair for pair in labels if pair[0] < PREFIX)
        after = _labels(pair for pair in labels if pair[0] >= PREFIX)
        row.kept = kept = LabelledRow(before, after, self._infos.place(row))
        return kept

    def _said(self, block: Block) -> Pieces | None:
        """Return what else is known of rows and devices, as far as it has to be said now."""
        places = [self._kept(row).place for row in block.rows]
        said = [self._info(info) for info in self._infos.due(block, places)]
        if not said:
            return None
        return Pieces(b"".join(said), np.cumsum([len(one) for one in said]).tolist(), 0, ())

    def _info(self, info: Info) -> bytes:
        row = info.row
        if info.what is What.ROW:
            name, labels = row_info(row.group), self._labels.of_row_info(row)
        else:
            name, labels = DEVICE_INFO, self._labels.of_device_info(row)
        return one_series([(NAME, name), *labels], info.at_ms, STALE if info.ends else _ONE)


def one_series(labels: Sequence[tuple[str, str]], at_ms: int, bits: int) -> bytes:
    """Encode one series of one sample, whose value is a double with these bits."""
    octets = _labels(sorted(labels)) + message(2, fixed64(1, bits) + number_(2, at_ms))
    return _SERIES + varint(len(octets)) + octets


def series_of(piece: bytes) -> list[tuple[str, bytes]]:
    """Return each series of a piece in readable form and as bytes, to find a bad one."""
    return [(_told(field.payload), piece[field.start : field.end]) for field in fields(piece)]


def _told(series: bytes) -> str:
    pairs = [
        tuple(part.payload.decode("utf-8", "replace") for part in fields(one.payload))
        for one in fields(series)
        if one.number == 1
    ]
    name = next((value for key, value in pairs if key == NAME), "")
    return f"{name}{{{', '.join(f'{key}={json.dumps(value)}' for key, value in pairs if key != NAME)}}}"


def _label(name: str, value: str) -> bytes:
    key, word = _key(name), value.encode("utf-8", "replace")
    size = len(key) + 2 + len(word)
    if size < 0x80:  # as nearly all are: one byte for each size
        return b"\x0a%c%b\x12%c%b" % (size, key, len(word), word)
    return message(1, key + message(2, word))


@lru_cache(maxsize=4096)
def _key(name: str) -> bytes:
    return text(1, name)


def _labels(pairs: Iterable[tuple[str, str]]) -> bytes:
    return b"".join([_label(name, value) for name, value in pairs])


class _Shape(NamedTuple):
    """The constant bytes of rows whose labels take so many bytes."""

    fronts: tuple[bytes, ...]  #: before the labels, of each number: the series' tag, size, and its name
    states: tuple[tuple[bytes, bytes], ...]  #: the same of states, and the label that the row's labels stand around
    offsets: npt.NDArray[np.intp]  #: where the hole of each series begins


@lru_cache(maxsize=16_384)
def _shape(heads: tuple[bytes, ...], states: tuple[tuple[bytes, bytes], ...], labels: int) -> _Shape:
    rest = labels + len(_SAMPLE) + _HOLE
    fronts = tuple(_SERIES + varint(len(head) + rest) + head for head in heads)
    around = tuple((_SERIES + varint(len(name) + len(value) + rest) + name, value) for name, value in states)
    sizes = [len(front) + rest for front in fronts] + [len(front) + len(value) + rest for front, value in around]
    return _Shape(fronts, around, np.cumsum(np.array(sizes, dtype=np.intp)) - _HOLE)


def _frame(shape: _Shape, kept: LabelledRow) -> bytes:
    before, behind = kept.before, kept.after + _SAMPLE + bytes(_HOLE)
    numbers = (before + behind).join((*shape.fronts, b"")) if shape.fronts else b""
    if not shape.states:
        return numbers
    states = [front + before + value for front, value in shape.states]
    return numbers + behind.join((*states, b""))


def _holes(bits: Bits, times_ms: npt.NDArray[np.int64]) -> Octets:
    """Return value, tag and time of every sample: rows x series x bytes."""
    rows, series = bits.shape
    holes = np.empty((rows, series, _HOLE), dtype=np.uint8)
    holes[:, :, :8] = np.ascontiguousarray(bits).view(np.uint8).reshape(rows, series, 8)
    holes[:, :, 8] = _TIME
    times = (times_ms.astype(np.uint64)[:, None] >> _SHIFTS).astype(np.uint8) | np.uint8(0x80)
    times[:, -1] &= 0x7F
    holes[:, :, 9:] = times[:, None, :]
    return holes


def _state_bits(words: Sequence[Words], series: Sequence[StateSeries]) -> Bits:
    """Return 1 for the value that a state has, 0 for its others, and the stale marker where it has none any more."""
    distinct = {id(one): one for one in words}
    table = {
        key: [
            STALE if one.state not in word.states else _ONE if word.states[one.state] == one.value else 0
            for one in series
        ]
        for key, word in distinct.items()
    }
    return np.array([table[id(one)] for one in words], dtype=np.uint64).reshape(len(words), len(series))
