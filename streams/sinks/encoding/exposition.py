"""Formats rows as pages for scraping, in OpenMetrics 1.0 or Prometheus' text format 0.0.4, and as targets.

(openmetrics.io; prometheus.io, "Exposition formats" and "HTTP SD".) Levels and rates are gauges without times: a scrape
says when it was.
"""

import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from pollers.plugins.batch import Row
from streams.sinks.encoding.latest import Last, Values
from streams.sinks.naming.infos import POLL
from streams.sinks.naming.labels import Labels
from streams.sinks.naming.names import DEVICE_INFO, Naming, row_info

_INFO: Final = "_info"
_TOTAL: Final = "_total"
_ESCAPED: Final = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


class Page(enum.StrEnum):
    """The page formats; the value is the Content-Type."""

    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
    TEXT = "text/plain; version=0.0.4; charset=utf-8"


class ScrapeTarget(NamedTuple):
    """A device as a scrape target; the parameters `site` and `device` select its page."""

    site: str
    device: str
    labels: Mapping[str, str]  #: what else is known of it


class _Kind(NamedTuple):
    kind: str
    unit: str
    meaning: str


class _Family:
    """The samples of one name."""

    def __init__(self, kind: _Kind) -> None:
        self.kind, self.unit, self.meaning = kind
        self.lines: list[str] = []


_DEVICE: Final = _Kind("info", "", "what is known of a device")


class Exposition:
    """Formats pages; a row's labels are cached on the row."""

    def __init__(self, naming: Naming, labels: Labels) -> None:
        self._naming = naming
        self._labels = labels

    def page(self, form: Page, rows: Iterable[Last], values: Values) -> str:
        """Return the page of these rows, families in the order of their names."""
        families: dict[str, _Family] = {}
        devices: dict[str, Row] = {}
        for last in rows:
            self._add(families, last, values)
            if last.row.group != POLL:
                devices.setdefault(last.row.resource, last.row)
        for row in devices.values():
            _put(families, DEVICE_INFO, _DEVICE, _pairs(self._labels.of_device_info(row)), 1.0)
        lines = (line for name in sorted(families) for line in _lines(name, families[name], form))
        return "".join(lines) + ("# EOF\n" if form is Page.OPENMETRICS else "")

    def targets(self, devices: Sequence[Row]) -> list[ScrapeTarget]:
        """Return the devices as targets."""
        found = (dict(self._labels.of_device_info(row)) for row in devices)
        return [ScrapeTarget(labels.pop("site", ""), labels.pop("device", ""), labels) for labels in found]

    def _add(self, families: dict[str, _Family], last: Last, values: Values) -> None:
        row = last.row
        labels = row.kept if isinstance(row.kept, str) else self._keep(row)
        name_of, kind = (self._naming.counter, "counter") if last.grows else (self._naming.number, "gauge")
        for metric, number in last.numbers.items():
            name = name_of(row.group, metric, row.units.get(metric, ""))
            what = _Kind(kind, name.unit, self._naming.meaning(row.group, metric))
            _put(families, name.name, what, labels, number * name.scale)
        for state, value in last.states.items():
            called = self._naming.state(row.group, state)
            what = _Kind("stateset", "", self._naming.meaning(row.group, state))
            for one in values.get((row.group, state), ()):
                pairs = ",".join(filter(None, (labels, _pairs([(called, one)]))))
                _put(families, called, what, pairs, float(one == value))
        if row.group != POLL:  # a job is no row, and its record says nothing of the device but where it is
            what = _Kind("info", "", f"what is known of a row of the group {row.group}")
            _put(families, row_info(row.group), what, _pairs(self._labels.of_row_info(row)), 1.0)

    def _keep(self, row: Row) -> str:
        row.kept = labels = _pairs(self._labels.of_row(row))
        return labels


def _pairs(labels: Iterable[tuple[str, str]]) -> str:
    return ",".join([f'{key}="{text.translate(_ESCAPED)}"' for key, text in labels])


def _put(families: dict[str, _Family], name: str, kind: _Kind, labels: str, value: float) -> None:
    family = families.get(name)
    if family is None:
        family = families[name] = _Family(kind)
    if family.kind == kind.kind:  # a name has one type: what a user's profile calls alike is left out
        family.lines.append(f"{name}{{{labels}}} {_number(value)}\n")


def _lines(name: str, family: _Family, form: Page) -> Iterator[str]:
    if form is Page.OPENMETRICS:
        called, kind = name, family.kind
        if kind == "info":
            called = name.removesuffix(_INFO)
        elif kind == "counter":
            # OpenMetrics has counters by names that end so, and knows nothing of others
            called, kind = name.removesuffix(_TOTAL), kind if name.endswith(_TOTAL) else "unknown"
        yield f"# TYPE {called} {kind}\n"
        if family.unit and called.endswith(f"_{family.unit}"):
            yield f"# UNIT {called} {family.unit}\n"
    else:
        called = name
        yield f"# TYPE {called} {'counter' if family.kind == 'counter' else 'gauge'}\n"
    yield f"# HELP {called} {family.meaning.translate(_ESCAPED)}\n"
    yield from family.lines


def _number(value: float) -> str:
    if value - value != 0:
        return "NaN" if value != value else "+Inf" if value > 0 else "-Inf"  # noqa: PLR0124 - NaN is not itself
    return repr(value)
