"""The page of one row and its history."""

import csv
import io
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from schemas.records import Gauge
from streams.console.models import ReadModels
from streams.console.models.facts import Point, RowSeries
from streams.console.pages.asking import POINTS, RANGES, WEEK_S, NotThereError, span, text, until
from streams.console.pages.band import band
from streams.console.pages.drawing import HEADERS
from streams.console.pages.gaps import explained
from streams.console.pages.reads import History

#: what is plotted of an interface: title, what goes up, what goes down
_INTERFACE_PLOTS: Final = (
    ("Traffic", "octets_in", "octets_out"),
    ("Errors", "errors_in", "errors_out"),
    ("Discards", "discards_in", "discards_out"),
)
_MOST_PLOTS: Final = 8
_LEAST_STEP_S: Final = 15
_P95: Final = 0.95

Lines = Mapping[str, Sequence[Point]]


class RowPages:
    """The page of a row and the data of its plots."""

    def __init__(self, models: ReadModels, history: History, page: Callable[..., Response]) -> None:
        self._models = models
        self._history = history
        self._page = page

    async def row(self, request: Request) -> Response:
        identity, group, row = (text(request, name) for name in ("id", "group", "row"))
        if identity not in self._models.resources():
            raise NotThereError(f"no device {identity!r} is known: it may have left, or its name may have changed")
        name, _ = span(request)
        end_s = until(request, int(time.time())) if text(request, "end") else None
        gauge = self._models.row(identity, group, row)
        names = sorted({*gauge.gauges, *gauge.missing}) if gauge else []
        plots = _INTERFACE_PLOTS if group == "interface" else [(each, each, "") for each in names[:_MOST_PLOTS]]
        filling: dict[str, object] = {"identity": identity, "group": group, "row": row, "range": name, "ranges": RANGES}
        filling |= {"gauge": gauge, "names": names, "plots": plots, "source": self._history.source(), "end": end_s}
        last_s = end_s or int(time.time())
        changes, states = self._models.state_changes(identity, group, row), gauge.states if gauge else {}
        filling |= {"band": band(changes, states, last_s - RANGES[name], last_s)}
        filling |= {"week": bool(text(request, "week")), "polls": self._models.polls(identity)}
        return self._page("row.html", request, filling)

    async def plot(self, request: Request) -> Response:
        """Return the data of a plot: its lines, optionally the week before, p95 and the line rate."""
        identity, group, row = (text(request, name) for name in ("id", "group", "row"))
        _, seconds = span(request)
        end_s = until(request, int(time.time()))
        gauge = self._models.row(identity, group, row)
        names = [name for name in (text(request, "over"), text(request, "under")) if name]
        series = [RowSeries(identity, group, row, name, gauge.units.get(name, "") if gauge else "") for name in names]
        lines = await self._lines(series, end_s, seconds)
        if text(request, "form") == "csv":
            called = {"Content-Disposition": 'attachment; filename="row.csv"'}
            return Response(_csv(lines), media_type="text/csv", headers={**HEADERS, **called})
        polls = self._models.polls(identity)
        absent = {} if gauge is None else gauge.missing
        shown = {name: explained(line, polls, absent.get(name, "")) for name, line in lines.items()}
        before = await self._lines(series, end_s - WEEK_S, seconds) if text(request, "week") else {}
        told = {
            "lines": {name: [[at_s * 1000, value, why] for at_s, value, why in line] for name, line in shown.items()},
            "before": {
                name: [[(each.at_s + WEEK_S) * 1000, each.value] for each in line] for name, line in before.items()
            },
            "p95": {name: p95([each.value for each in line]) for name, line in lines.items()},
            "unit": series[0].unit if series else "",
            "speed": _speed(gauge),
            "under": text(request, "under"),
        }
        return JSONResponse(told, headers=HEADERS)

    async def _lines(self, series: Sequence[RowSeries], end_s: int, seconds: int) -> Lines:
        step_s = max(_LEAST_STEP_S, seconds // POINTS)
        return {each.name: await self._history.points(each, end_s - seconds, end_s, step_s) for each in series}


def p95(values: Sequence[float | None]) -> float | None:
    """Return the 95th percentile (nearest rank), None where there is no number."""
    known = sorted(value for value in values if value is not None)
    return known[max(0, math.ceil(_P95 * len(known)) - 1)] if known else None


def _speed(gauge: Gauge | None) -> float | None:
    return None if gauge is None else gauge.gauges.get("speed_bits_per_s")


def _csv(lines: Lines) -> str:
    """Return a line for each time, a column for each number."""
    at: dict[int, dict[str, Point]] = {}
    for name, points in lines.items():
        for point in points:
            at.setdefault(point.at_s, {})[name] = point
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["time", *lines])
    for moment, known in sorted(at.items()):
        values = [known[name].value if name in known else None for name in lines]
        writer.writerow([moment, *("" if value is None else value for value in values)])
    return out.getvalue()
