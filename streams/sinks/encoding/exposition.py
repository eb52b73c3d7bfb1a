"""The last numbers of every row as a page to be scraped, in OpenMetrics 1.0 or in Prometheus' text format 0.0.4.

(openmetrics.io; prometheus.io, "Exposition formats".) Levels and rates are gauges without times: a scrape says when it
was. A row that has not been heard of for some of its intervals is left out, one that is gone goes at once.
"""

import enum
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from pollers.plugins.batch import Block, Row
from streams.sinks.naming.infos import ROW_GONE
from streams.sinks.naming.labels import Labels
from streams.sinks.naming.names import DEVICE_INFO, Naming, row_info

Pairs = Iterable[tuple[str, str]]

_LASTS_INTERVALS: Final = 3
_INFO: Final = "_info"
_ESCAPED: Final = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


class Page(enum.StrEnum):
    """The formats; the value is the Content-Type."""

    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
    TEXT = "text/plain; version=0.0.4; charset=utf-8"


class _Last(NamedTuple):
    """What a row was when it was last heard of."""

    row: Row
    at_ms: int
    numbers: Mapping[str, float]
    states: Mapping[str, str]


class _Family:
    """The samples of one name."""

    def __init__(self, kind: str, unit: str) -> None:
        self.kind = kind
        self.unit = unit
        self.lines: list[str] = []


class LatestRows:
    """What every row was last, a fold over blocks; of equal rows the later time counts."""

    def __init__(self, naming: Naming, labels: Labels, most_rows: int) -> None:
        self._naming = naming
        self._labels = labels
        self._most_rows = most_rows
        self._rows: dict[tuple[str, str, str], _Last] = {}
        self.left_out = 0  #: rows that there was no room for

    @property
    def rows(self) -> int:
        """Return how many rows there are."""
        return len(self._rows)

    def take(self, blocks: Iterable[Block]) -> None:
        """Take what the blocks say; a new row beyond the most is left out, and counted."""
        for block in blocks:
            times_ms, numbers = block.times_ms.tolist(), block.numbers.tolist()
            for at, row in enumerate(block.rows):
                key = (row.resource, row.group, row.row)
                known = self._rows.get(key)
                if known is not None and known.at_ms > times_ms[at]:
                    continue
                words = block.words[at]
                if ROW_GONE in words.missing.values():
                    self._rows.pop(key, None)
                elif known is None and len(self._rows) >= self._most_rows:
                    self.left_out += 1
                else:
                    found = dict(zip(block.names, numbers[at], strict=True))
                    self._rows[key] = _Last(row, times_ms[at], found, words.states)

    def forget_old(self, now_ms: int) -> None:
        """Drop rows that have not been heard of for three of their intervals."""
        for key, last in list(self._rows.items()):
            if now_ms - last.at_ms > _LASTS_INTERVALS * last.row.interval_s * 1000:
                del self._rows[key]

    def page(self, form: Page, wanted: Callable[[Row], bool]) -> str:
        """Return the page of the wanted rows, families and their samples in the order of their names."""
        families: dict[str, _Family] = {}
        devices: dict[str, Row] = {}
        learnt = self._values()
        for last in self._rows.values():
            if wanted(last.row):
                self._add(families, last, learnt)
                devices.setdefault(last.row.resource, last.row)
        for row in devices.values():
            _put(families, DEVICE_INFO, ("info", ""), self._labels.of_device_info(row), 1.0)
        lines = (line for name in sorted(families) for line in _lines(name, families[name], form))
        return "".join(lines) + ("# EOF\n" if form is Page.OPENMETRICS else "")

    def _values(self) -> Mapping[tuple[str, str], list[str]]:
        """Return the values that each state has in some row, sorted, with those that the vocabulary has."""
        found: dict[tuple[str, str], set[str]] = {}
        for last in self._rows.values():
            for state, value in last.states.items():
                key = (last.row.group, state)
                found.setdefault(key, set(self._naming.values(*key))).add(value)
        return {key: sorted(values - {""}) for key, values in found.items()}

    def _add(self, families: dict[str, _Family], last: _Last, learnt: Mapping[tuple[str, str], list[str]]) -> None:
        row, labels = last.row, self._labels.of_row(last.row)
        for metric, number in last.numbers.items():
            name = self._naming.number(row.group, metric, row.units.get(metric, ""))
            _put(families, name.name, ("gauge", name.unit), labels, number * name.scale)
        for state, value in last.states.items():
            if self._naming.is_text(row.group, state):
                continue
            called = self._naming.state(row.group, state)
            for one in learnt[row.group, state]:
                _put(families, called, ("stateset", ""), [*labels, (called, one)], float(one == value))
        _put(families, row_info(row.group), ("info", ""), self._labels.of_row_info(row), 1.0)


def _put(families: dict[str, _Family], name: str, kind: tuple[str, str], labels: Pairs, value: float) -> None:
    family = families.get(name)
    if family is None:
        family = families[name] = _Family(*kind)
    if family.kind == kind[0]:  # a name has one type: what a user's profile calls alike is left out
        pairs = ",".join(f'{key}="{text.translate(_ESCAPED)}"' for key, text in labels)
        family.lines.append(f"{name}{{{pairs}}} {_number(value)}\n")


def _lines(name: str, family: _Family, form: Page) -> Iterator[str]:
    if form is Page.OPENMETRICS:
        yield f"# TYPE {name.removesuffix(_INFO) if family.kind == 'info' else name} {family.kind}\n"
        if family.unit and name.endswith(f"_{family.unit}"):
            yield f"# UNIT {name} {family.unit}\n"
    else:
        yield f"# TYPE {name} gauge\n"
    yield from family.lines


def _number(value: float) -> str:
    if value - value != 0:
        return "NaN" if value != value else "+Inf" if value > 0 else "-Inf"  # noqa: PLR0124 - NaN is not itself
    return repr(value)
