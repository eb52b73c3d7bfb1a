"""Grafana's panels as JSON has them, made of queries on our names."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

Json = dict[str, Any]

DATASOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
_ALL_WIDTH: Final = 24
_TOOLTIP: Final = {"mode": "multi", "sort": "desc"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    expr: str
    legend: str = ""
    instant: bool = False  #: only the last value, as tables and single numbers want it


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    title: str
    queries: tuple[Query, ...]
    kind: Literal["timeseries", "stat", "table", "state-timeline"] = "timeseries"
    unit: str = "short"  #: as Grafana calls it
    meaning: str = ""
    states: tuple[str, ...] = ()  #: of a state-timeline: the words of 1, 2, ...
    width: int = 12  #: of 24
    height: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    title: str
    panels: tuple[Panel, ...]


def laid_out(sections: Iterable[Section]) -> list[Json]:
    """Return headings and panels with ids and places, from left to right and top to bottom."""
    made: list[Json] = []
    top = 0
    for section in sections:
        made.append(_heading(section.title, len(made) + 1, top))
        left, top, tallest = 0, top + 1, 0
        for panel in section.panels:
            if left + panel.width > _ALL_WIDTH:
                left, top, tallest = 0, top + tallest, 0
            made.append(_panel(panel, len(made) + 1, {"h": panel.height, "w": panel.width, "x": left, "y": top}))
            left, tallest = left + panel.width, max(tallest, panel.height)
        top += tallest
    return made


def _heading(title: str, number: int, top: int) -> Json:
    place = {"h": 1, "w": _ALL_WIDTH, "x": 0, "y": top}
    return {"id": number, "type": "row", "title": title, "collapsed": False, "gridPos": place, "panels": []}


def _panel(panel: Panel, number: int, place: Mapping[str, int]) -> Json:
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.meaning,
        "datasource": DATASOURCE,
        "gridPos": dict(place),
        "targets": [_target(query, panel, at) for at, query in enumerate(panel.queries)],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _OPTIONS[panel.kind],
    }


def _target(query: Query, panel: Panel, at: int) -> Json:
    return {
        "refId": chr(ord("A") + at),
        "datasource": DATASOURCE,
        "expr": query.expr,
        "legendFormat": query.legend,
        "instant": query.instant,
        "range": not query.instant,
        "format": "table" if panel.kind == "table" else "time_series",
    }


def _defaults(panel: Panel) -> Json:
    custom: Json = {}
    if panel.kind == "timeseries":
        # a gap is a gap: no line is drawn over what was not measured
        custom = {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 5, "showPoints": "auto", "spanNulls": False}
    elif panel.kind == "table":
        custom = {"align": "auto", "inspect": False}
    elif panel.kind == "state-timeline":
        custom = {"fillOpacity": 70, "lineWidth": 0}
    mappings = [{"type": "value", "options": _words(panel.states)}] if panel.states else []
    return {"unit": panel.unit, "mappings": mappings, "custom": custom}


def _words(states: Sequence[str]) -> Json:
    words = enumerate(states, start=1)
    return {str(at): {"index": at - 1, "text": word, "color": _COLOURS.get(word, "blue")} for at, word in words}


_GOOD: Final = ("up", "ok", "established", "full", "start")
_BAD: Final = ("down", "failed", "critical", "idle", "lowerLayerDown")
_COLOURS: Final = {**dict.fromkeys(_GOOD, "green"), **dict.fromkeys(_BAD, "red"), "warning": "orange"}
_LEGEND: Final = {"showLegend": True, "displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]}
_LAST: Final = {"values": False, "calcs": ["lastNotNull"], "fields": ""}
_OPTIONS: Final[Mapping[str, Json]] = {
    "timeseries": {"legend": _LEGEND, "tooltip": _TOOLTIP},
    "stat": {
        "reduceOptions": _LAST,
        "orientation": "auto",
        "textMode": "auto",
        "colorMode": "value",
        "graphMode": "area",
        "justifyMode": "auto",
        "wideLayout": True,
        "showPercentChange": False,
        "percentChangeColorMode": "standard",
    },
    "table": {"showHeader": True, "cellHeight": "sm", "frameIndex": 0},
    "state-timeline": {
        "mergeValues": True,
        "showValue": "auto",
        "alignValue": "left",
        "rowHeight": 0.9,
        "legend": {"showLegend": True, "displayMode": "list", "placement": "bottom", "calcs": []},
        "tooltip": {"mode": "single", "sort": "none"},
    },
}
