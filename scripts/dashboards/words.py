"""Panels of what the vocabulary knows: its names, units and meanings are the panels' own."""

from collections.abc import Iterator
from itertools import groupby
from typing import Final

from pollers.vocabulary.load import load
from pollers.vocabulary.model import Metric, MetricKind
from pollers.vocabulary.prometheus import base_unit, prometheus_name
from scripts.dashboards.panels import Panel, Query, Section

#: every query of a device's rows is bounded by the variables of its dashboard
SELECT: Final = 'site=~"$site", device=~"$device"'
SELECT_ROW: Final = f'{SELECT}, row=~"$row"'
_GROUPS: Final = load().groups
#: a base unit -> Grafana's word for it, and for it per second
_UNITS: Final = {
    "ratio": "percentunit",
    "bytes": "bytes",
    "bits_per_second": "bps",
    "seconds": "s",
    "celsius": "celsius",
    "volts": "volt",
    "amperes": "amp",
    "watts": "watt",
    "hertz": "hertz",
    "meters": "lengthm",
    "rpm": "rotrpm",
    "dbm": "dBm",
}
_RATES: Final = {"bytes": "bps", "packets": "pps"}
_LARGEST: Final = 6  #: queries in one panel


def name(group: str, metric: str) -> str:
    """Return what a metric is called in the store."""
    found = _GROUPS[group].metrics[metric]
    return prometheus_name(group, metric, found.unit, found.kind).name


def numbers(group: str, *metrics: str, title: str, select: str = SELECT) -> Panel:
    """Return a panel with a curve per row of each metric; octets are drawn as bits."""
    found = [_GROUPS[group].metrics[each] for each in metrics]
    return Panel(
        title=title,
        unit=_unit(found[0]),
        meaning=" ".join(each.meaning for each in found),
        queries=tuple(_curves(each, select, several=len(found) > 1) for each in found),
    )


def states(group: str, metric: str, *, title: str, select: str = SELECT) -> Panel:
    """Return a panel with a band per row, whose colour is the state that it has."""
    found, label = _GROUPS[group].metrics[metric], name(group, metric)
    words = [f'{label}{{{select}, {label}="{word}"}} * {at}' for at, word in enumerate(found.states, start=1)]
    return Panel(
        title=title,
        kind="state-timeline",
        meaning=found.meaning,
        states=found.states,
        queries=(Query(expr=f"max by (site, device, row) ({' or '.join(words)})", legend="{{device}} {{row}}"),),
    )


def section(group: str) -> Section:
    """Return all that the vocabulary has of a group: a panel per state, and one per unit of numbers."""
    metrics = [each for each in _GROUPS[group].metrics.values() if each.kind is not MetricKind.INFO]
    return Section(title=_GROUPS[group].meaning.rstrip("."), panels=tuple(_of(group, metrics)))


def _of(group: str, metrics: list[Metric]) -> Iterator[Panel]:
    for each in metrics:
        if each.kind is MetricKind.STATE:
            yield states(group, each.name, title=_title(each.name))
    measured = sorted((each for each in metrics if each.kind is not MetricKind.STATE), key=_unit)
    for _, same in groupby(measured, key=_unit):
        names = [each.name for each in same]
        for at in range(0, len(names), _LARGEST):
            some = names[at : at + _LARGEST]
            yield numbers(group, *some, title=", ".join(map(_title, some)))


def _curves(metric: Metric, select: str, *, several: bool) -> Query:
    exported = name(metric.group, metric.name)
    bits = metric.kind is MetricKind.RATE and base_unit(metric.unit).word == "bytes"
    legend = "{{device}} {{row}}" + (f" {_title(metric.name)}" if several else "")
    return Query(expr=f"{exported}{{{select}}}{' * 8' if bits else ''}", legend=legend)


def _unit(metric: Metric) -> str:
    word = base_unit(metric.unit).word
    return _RATES.get(word, "cps") if metric.kind is MetricKind.RATE else _UNITS.get(word, "short")


def _title(metric: str) -> str:
    return metric.replace("_", " ")
