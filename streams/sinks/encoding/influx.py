"""InfluxDB's line protocol: `measurement,tag=value,... field=value,... time`, times in milliseconds.

(docs.influxdata.com, "Line protocol".) A row is a line: the measurement is `panoptes_<group>`, the fields are the names
that Prometheus has, without that beginning. There is no marker for a series that ends: it has no more lines.
"""

import math
import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from pollers.plugins.batch import Block, Row, Words
from streams.sinks.encoding.pieces import Pieces
from streams.sinks.naming.labels import Labels
from streams.sinks.naming.names import PREFIX, Naming

_TAG: Final = str.maketrans({",": "\\,", "=": "\\=", " ": "\\ ", "\n": "\\ ", "\r": "\\ "})
_TEXT: Final = str.maketrans({'"': '\\"', "\\": "\\\\"})
_HEAD: Final = re.compile(rb"(?:[^ \\]|\\.)+")
_FIELD: Final = re.compile(rb'((?:[^=,\\]|\\.)+)=("(?:[^"\\]|\\.)*"|[^," ]+)(?:,|$)', re.DOTALL)


class _Plan(NamedTuple):
    names: tuple[str, ...]
    scales: npt.NDArray[np.float64]
    pattern: str  #: of all fields that are numbers


class InfluxLines:
    """Encodes gauges as lines; one instance lives as long as the sink, since it caches rows."""

    def __init__(self, naming: Naming, labels: Labels) -> None:
        self._naming = naming
        self._labels = labels
        self._plans: dict[tuple[str, tuple[str, ...], tuple[tuple[str, str], ...], bool], _Plan] = {}

    def encode(self, blocks: Iterable[Block]) -> list[Pieces]:
        """Return the blocks as lines, one piece each; a row without numbers and states has an empty one."""
        return [self._block(block) for block in blocks]

    def _block(self, block: Block) -> Pieces:
        plan = self._plan(block)
        scaled = block.numbers * plan.scales
        finite: list[bool] = np.all(np.isfinite(scaled), axis=1).tolist()
        said = {id(words): self._states(block, words) for words in block.words}
        lines = []
        for row, time_ms, numbers, words, plain in zip(
            block.rows, block.times_ms.tolist(), scaled.tolist(), block.words, finite, strict=True
        ):
            fields = plan.pattern % tuple(numbers) if plain else _finite(plan.names, numbers)
            states = said[id(words)]
            between = "," if fields and states else ""
            key = row.kept or self._keep(row)
            lines.append(f"{key} {fields}{between}{states} {time_ms}\n".encode() if fields or states else b"")
        return Pieces(b"".join(lines), np.cumsum([len(line) for line in lines]).tolist(), len(plan.names), block.rows)

    def _plan(self, block: Block) -> _Plan:
        grows = block.since_ms is not None
        key = (block.group, block.names, tuple(block.units.items()), grows)
        plan = self._plans.get(key)
        if plan is None:
            name_of = self._naming.counter if grows else self._naming.number
            named = [name_of(block.group, name, block.units.get(name, "")) for name in block.names]
            names = tuple(_field(block.group, name.name) for name in named)
            pattern = ",".join(f"{name}=%r" for name in names)
            plan = self._plans[key] = _Plan(names, np.array([name.scale for name in named]), pattern)
        return plan

    def _states(self, block: Block, words: Words) -> str:
        named = (
            (_field(block.group, self._naming.state(block.group, name)), words.states[name]) for name in block.states
        )
        return ",".join(f'{name}="{value.translate(_TEXT)}"' for name, value in named if value)

    def _keep(self, row: Row) -> str:
        tags = ",".join(
            f"{name.translate(_TAG)}={value.translate(_TAG).rstrip(chr(92)) or '_'}"
            for name, value in self._labels.of_row(row)
        )
        key = f"{PREFIX}_{row.group.translate(_TAG)}{',' if tags else ''}{tags}"
        row.kept = key
        return key


def fields_of(line: bytes) -> Sequence[tuple[str, bytes]]:
    """Return each field of a line in readable form and as a line of its own, to find a bad one."""
    head = _HEAD.match(line)
    if head is None:
        return ()
    fields, _, time = line[head.end() + 1 :].rstrip(b"\n").rpartition(b" ")
    made = []
    for name, value in _FIELD.findall(fields):
        key = b"%b %b" % (head[0], name)
        made.append((key.decode("utf-8", "replace"), b"%b %b=%b %b\n" % (head[0], name, value, time)))
    return made


def _field(group: str, name: str) -> str:
    begins = f"{PREFIX}_{group}_"
    return name.removeprefix(begins) if name != begins else name


def _finite(names: Sequence[str], numbers: Sequence[float]) -> str:
    pairs = zip(names, numbers, strict=True)
    return ",".join(f"{name}={number!r}" for name, number in pairs if math.isfinite(number))
