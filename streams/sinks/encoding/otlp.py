"""OTLP metrics: ExportMetricsServiceRequest, one ResourceMetrics a row (opentelemetry-proto, metrics/v1).

Levels and rates are gauges; counters are cumulative sums, monotonic, with the time since when they have grown without a
reset. A number that is not there has a point with the flag NO_RECORDED_VALUE, which ends its series.
Everything but the sixteen or so bytes of a point's times and value is the same in each poll of a row.
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
from streams.sinks.encoding.protobuf import double, fields, fixed64, message, number_, read_varint, text
from streams.sinks.encoding.scatter import Octets, fill
from streams.sinks.naming.infos import Info, InfoPlace, Infos, What
from streams.sinks.naming.labels import Labels
from streams.sinks.naming.names import DEVICE_INFO, Name, Naming, row_info
from streams.sinks.naming.states import States, StateSeries

_GAUGE: Final = 5  #: fields of Metric
_SUM: Final = 7
_CUMULATIVE: Final = number_(2, 2) + number_(3, 1)  #: of a Sum: its temporality, and that it only grows
_NO_VALUE: Final = number_(8, 1)  #: flags of a point
_SCOPE: Final = message(1, text(1, "panoptes"))
_RESOURCE: Final = message(1, message(1, text(1, "service.name") + message(2, text(1, "panoptes"))))
_START: Final = 0x11  # tags of a point: fixed64 and double
_TIME: Final = 0x19
_VALUE: Final = 0x21
_NS_PER_MS: Final = 1_000_000
_LEVEL_HOLE: Final = 8 + 1 + 8
_SUM_HOLE: Final = 8 + 1 + _LEVEL_HOLE


class AttributedRow(NamedTuple):
    """The encoded attributes of a row, made once."""

    attributes: bytes
    place: InfoPlace


class _Series(NamedTuple):
    """The constant bytes of a metric of one point, whatever its row."""

    before: bytes  #: name and unit
    within: bytes  #: of the point, before its times: the attribute of a state, or flags
    kind: int
    behind: bytes  #: behind the point


class Otlp:
    """Encodes gauges and counters; one instance lives as long as the sink, since it caches rows."""

    def __init__(self, naming: Naming, labels: Labels) -> None:
        self._naming = naming
        self._labels = labels
        self._states = States(naming)
        self._infos = Infos()

    def encode(self, blocks: Iterable[Block]) -> list[Pieces]:
        """Return the blocks' numbers as pieces of a request."""
        encoded = []
        for block in blocks:
            encoded.append(self._block(block))
            if block.since_ms is None and (said := self._said(block)):
                encoded.append(said)
        return encoded

    def _block(self, block: Block) -> Pieces:
        states = self._states.series(block)
        missing = tuple(name for name in block.missing if name in block.units)
        series, scales = self._series(block, missing, states)
        kept = [self._kept(row) for row in block.rows]
        if not series:
            return Pieces(b"", [0] * len(block.rows), 0, block.rows)
        sum_ = block.since_ms is not None
        frames = [_frame(series, one.attributes, sum_) for one in kept]
        values = np.zeros((len(kept), len(series)))
        values[:, : len(block.names)] = block.numbers * scales
        first = len(block.names) + len(missing)
        values[:, first:] = _state_values(block.words, states)
        places = np.array([_offsets(series, len(one.attributes), sum_) for one in kept])
        filled = fill(frames, places, _holes(values, block))
        return Pieces(filled.octets, filled.ends, len(block.names), block.rows)

    def _series(
        self, block: Block, missing: Sequence[str], states: Sequence[StateSeries]
    ) -> tuple[tuple[_Series, ...], npt.NDArray[np.float64]]:
        sum_ = block.since_ms is not None
        name_of = self._naming.counter if sum_ else self._naming.number
        names = [name_of(block.group, name, block.units.get(name, "")) for name in (*block.names, *missing)]
        kind, behind = (_SUM, _CUMULATIVE) if sum_ else (_GAUGE, b"")
        series = [
            _Series(_named(name), _NO_VALUE if at >= len(block.names) else b"", kind, behind)
            for at, name in enumerate(names)
        ]
        for one in states:
            flags = b"" if one.state in block.states else _NO_VALUE
            series.append(_Series(text(1, one.name), _attribute(one.name, one.value) + flags, _GAUGE, b""))
        return tuple(series), np.array([name.scale for name in names[: len(block.names)]])

    def _kept(self, row: Row) -> AttributedRow:
        return row.kept if isinstance(row.kept, AttributedRow) else self._keep(row)

    def _keep(self, row: Row) -> AttributedRow:
        attributes = b"".join(_attribute(*pair) for pair in self._labels.of_row(row))
        row.kept = kept = AttributedRow(attributes, self._infos.place(row))
        return kept

    def _said(self, block: Block) -> Pieces | None:
        said = [self._info(info) for info in self._infos.due(block, [self._kept(row).place for row in block.rows])]
        return Pieces(b"".join(said), np.cumsum([len(one) for one in said]).tolist(), 0, ()) if said else None

    def _info(self, info: Info) -> bytes:
        if info.what is What.ROW:
            name, labels = row_info(info.row.group), self._labels.of_row_info(info.row)
        else:
            name, labels = DEVICE_INFO, self._labels.of_device_info(info.row)
        point = fixed64(3, info.at_ms * _NS_PER_MS) + (_NO_VALUE if info.ends else double(4, 1.0))
        point += b"".join(_attribute(*pair) for pair in labels)
        return message(1, _RESOURCE + message(2, _SCOPE + message(2, text(1, name) + message(5, message(1, point)))))


def series_of(piece: bytes) -> Sequence[tuple[str, bytes]]:
    """Return each metric of a piece in readable form and as a piece of its own."""
    made = []
    for resource in fields(piece):
        for scope in _inside(resource.payload, 2):
            for metric in _inside(scope, 2):
                alone = message(1, _RESOURCE + message(2, _SCOPE + message(2, metric)))
                made.append((_told(metric), alone))
    return made


def _inside(payload: bytes, *numbers: int) -> list[bytes]:
    return [field.payload for field in fields(payload) if field.number in numbers]


def _told(metric: bytes) -> str:
    points = [point for data in _inside(metric, _GAUGE, _SUM) for point in _inside(data, 1) if point]
    pairs = [[*_inside(one, 1), *_inside(_inside(one, 2)[0], 1)] for point in points for one in _inside(point, 7)]
    labels = ", ".join(f"{name.decode()}={json.dumps(value.decode())}" for name, value in pairs)
    return f"{b''.join(_inside(metric, 1)).decode()}{{{labels}}}"


def rejected(answer: bytes) -> tuple[int, str]:
    """Return the number of points that a successful response rejects, and why: ExportMetricsPartialSuccess."""
    count, why = 0, ""
    try:
        for partial in (field for field in fields(answer) if field.number == 1):
            for field in fields(partial.payload):
                if field.number == 1:
                    count, _ = read_varint(field.payload, 0)
                elif field.number == 2:
                    why = field.payload.decode("utf-8", "replace")
    except (ValueError, IndexError):
        return 0, ""  # some stores answer with JSON, or nothing
    return count, why


def _named(name: Name) -> bytes:
    return text(1, name.name) + (text(3, name.unit) if name.unit else b"")


def _attribute(name: str, value: str) -> bytes:
    return message(7, text(1, name) + message(2, text(1, value)))


@lru_cache(maxsize=16_384)
def _heads(series: tuple[_Series, ...], attributes: int, sum_: bool) -> tuple[bytes, ...]:
    """Return what comes before the hole of each metric, the row's attributes taking so many bytes."""
    return tuple(_head(one, attributes, sum_) for one in series)


def _head(one: _Series, attributes: int, sum_: bool) -> bytes:
    hole = _SUM_HOLE if sum_ else _LEVEL_HOLE
    tag = bytes((_START if sum_ else _TIME,))
    point = len(one.within) + 1 + hole + attributes
    data_size = 1 + len(varint(point)) + point + len(one.behind)
    # the point is the last field of its data, and the data the last of the metric
    data = varint(one.kind << 3 | 2) + varint(data_size) + one.behind + b"\x0a" + varint(point) + one.within + tag
    size = len(one.before) + len(data) + hole + attributes
    return b"\x12" + varint(size) + one.before + data


@lru_cache(maxsize=16_384)
def _envelope(series: tuple[_Series, ...], attributes: int, sum_: bool) -> bytes:
    """Return what comes before the metrics of a row."""
    hole = _SUM_HOLE if sum_ else _LEVEL_HOLE
    metrics = sum(len(head) + hole + attributes for head in _heads(series, attributes, sum_))
    scope = b"\x12" + varint(len(_SCOPE) + metrics) + _SCOPE
    return b"\x0a" + varint(len(_RESOURCE) + len(scope) + metrics) + _RESOURCE + scope


def _frame(series: tuple[_Series, ...], attributes: bytes, sum_: bool) -> bytes:
    size = len(attributes)
    behind = bytes(_SUM_HOLE if sum_ else _LEVEL_HOLE) + attributes
    return _envelope(series, size, sum_) + behind.join((*_heads(series, size, sum_), b""))


@lru_cache(maxsize=16_384)
def _offsets(series: tuple[_Series, ...], attributes: int, sum_: bool) -> npt.NDArray[np.intp]:
    hole = _SUM_HOLE if sum_ else _LEVEL_HOLE
    sizes = np.array([len(head) + hole + attributes for head in _heads(series, attributes, sum_)], dtype=np.intp)
    return len(_envelope(series, attributes, sum_)) + np.cumsum(sizes) - hole - attributes


def _holes(values: npt.NDArray[np.float64], block: Block) -> Octets:
    rows, series = values.shape
    holes = np.empty((rows, series, _LEVEL_HOLE if block.since_ms is None else _SUM_HOLE), dtype=np.uint8)
    at = 0
    if block.since_ms is not None:
        holes[:, :, :8] = _octets(block.since_ms * _NS_PER_MS)
        holes[:, :, 8] = _TIME
        at = 9
    holes[:, :, at : at + 8] = _octets(block.times_ms * _NS_PER_MS)[:, None, :]
    holes[:, :, at + 8] = _VALUE
    holes[:, :, at + 9 :] = _octets(values)
    return holes


def _octets(numbers: npt.NDArray[np.int64] | npt.NDArray[np.float64]) -> Octets:
    return np.ascontiguousarray(numbers).view(np.uint8).reshape(*numbers.shape, 8)


def _state_values(words: Sequence[Words], series: Sequence[StateSeries]) -> npt.NDArray[np.float64]:
    table = {
        id(word): [float(word.states.get(one.state) == one.value) for one in series]
        for word in {id(word): word for word in words}.values()
    }
    return np.array([table[id(word)] for word in words]).reshape(len(words), len(series))
