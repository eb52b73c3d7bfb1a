"""The pages of one device, one row and one number."""

import json
import shlex
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Final, NamedTuple

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from schemas.codec import to_avro
from schemas.errors import PanoptesError
from schemas.records import EnrichedResource, Gauge, Link, LinkEnd
from streams.console.models import ReadModels
from streams.console.models.facts import Point, RowSeries
from streams.console.models.gauge_forms import OCTETS
from streams.console.models.rows import INTERFACE
from streams.console.pages import views
from streams.console.pages.asking import NotThereError, asked, text
from streams.console.pages.forms import readable, sparkline
from streams.console.pages.reads import Asker, History
from streams.console.pages.vitals import vitals
from streams.console.why.explained import AskedNumber, NotKept

Page = Callable[..., Response]
_TREND_S: Final = 1_800
_TREND_STEP_S: Final = 60


class RowLine(NamedTuple):
    gauge: Gauge
    load: float | None
    trends: dict[str, Markup]  #: sparkline of each direction


class DevicePages:
    """Pages that are addressed by a device's identity."""

    def __init__(self, models: ReadModels, history: History, why: Asker, page: Page) -> None:
        self._models = models
        self._history = history
        self._why = why
        self._page = page

    def _known(self, identity: str) -> EnrichedResource:
        known = self._models.resources().get(identity)
        if known is None:
            raise NotThereError(f"no device {identity!r} is known: it may have left, or its name may have changed")
        return known

    async def device(self, request: Request) -> Response:
        known = self._known(text(request, "id"))
        identity = known.resource.identity
        rows = sorted(self._models.rows(identity), key=lambda each: (each.group != INTERFACE, each.group))
        trends = await self._trends(identity, [gauge for gauge in rows if gauge.group == INTERFACE])
        groups: dict[str, list[RowLine]] = {}
        for gauge in rows:
            drawn = {name: trends.get((name, gauge.row), Markup()) for name in OCTETS}
            groups.setdefault(gauge.group, []).append(RowLine(gauge, views.loaded(gauge).load, drawn))
        filling = {
            "enriched": known,
            "line": views.line_of(self._models, known),
            "polls": self._models.polls(identity),
            "groups": groups,
            "vitals": vitals(rows),
            "neighbours": self._neighbours(identity),
        }
        return self._page("device.html", request, filling)

    async def record(self, request: Request) -> Response:
        """Return the device's records as they stand in the topics: what enrichment has, and the newest samples."""
        known = self._known(text(request, "id"))
        cannot, samples = "", list[str]()
        try:
            told = await self._why.newest(known.resource.identity)
            samples = [_shown(to_avro(each)) for each in told]
        except (PanoptesError, OSError) as problem:
            cannot = f"{problem}"
        line = views.line_of(self._models, known)
        filling = {"line": line, "enriched": _shown(_as_it_stands(known)), "samples": samples, "cannot": cannot}
        return self._page("record.html", request, filling)

    async def _trends(self, identity: str, gauges: Sequence[Gauge]) -> Mapping[tuple[str, str], Markup]:
        """Return the sparkline of each direction of each interface; none while the store is away."""
        end_s = int(time.time())
        found: dict[tuple[str, str], Markup] = {}
        for name in OCTETS if gauges else ():
            series = RowSeries(identity, INTERFACE, "", name, gauges[0].units.get(name, ""))
            try:
                told = await self._history.of_rows(
                    series, [each.row for each in gauges], end_s - _TREND_S, end_s, _TREND_STEP_S
                )
            except (PanoptesError, OSError):
                return {}  # the table stands without them, and the row's own page says what is away
            found |= {(name, row): _drawn(points) for row, points in told.items()}
        return found

    def _neighbours(self, identity: str) -> list[tuple[LinkEnd, LinkEnd, Link]]:
        found = []
        for link in self._models.links().values():
            one, other = link.ends
            found += [(one, other, link)] if one.resource == identity else []
            found += [(other, one, link)] if other.resource == identity else []
        return sorted(found, key=lambda each: str(each[0].row))

    async def why(self, request: Request) -> Response:
        what = asked(request)
        cannot, found = "", None
        try:
            answer = await self._why.why(what)
        except (PanoptesError, OSError) as problem:
            cannot = f"{problem}"
        else:
            cannot, found = (answer.what, None) if isinstance(answer, NotKept) else ("", answer)
        poll = None
        if found is not None:
            polls = self._models.polls(what.resource)
            poll = next((each for each in polls if (each.job, each.slot) == (found.job, found.now.slot)), None)
        filling: dict[str, object] = {
            "asked": what,
            "why": found,
            "cannot": cannot,
            "poll": poll,
            "command": _command(what),
        }
        filling["rules"] = [] if found is None else list(zip(found.words, found.rules, strict=True))
        return self._page("why.html", request, filling)


def _as_it_stands(known: EnrichedResource) -> dict[str, object]:
    """Return the record with its rows, which the models keep packed."""
    found = {name: {**asdict(replace(each, rows={})), "rows": dict(each.rows.items())}
             for name, each in known.enrichments.items()}  # fmt: skip
    return {**asdict(replace(known, enrichments={})), "enrichments": found}


def _shown(record: Mapping[str, object]) -> str:
    return readable(json.dumps(record, indent=1, ensure_ascii=False, default=_plain))


def _plain(value: object) -> object:
    return value.hex(" ") if isinstance(value, bytes) else list(value) if isinstance(value, Iterable) else str(value)


def _drawn(points: Sequence[Point]) -> Markup:
    pieces = sparkline([point.value for point in points])
    lines = Markup().join(Markup('<polyline points="{}"/>').format(each) for each in pieces)
    return Markup('<svg class="spark" viewBox="0 0 80 18" aria-hidden="true">{}</svg>').format(lines)


def _command(what: AskedNumber) -> str:
    words = ["panoptes", "rate", "--explain", "--resource", what.resource, "--group", what.group, "--row", what.row]
    slot = () if what.slot is None else ("--slot", str(what.slot))
    return shlex.join([*words, "--name", what.name, *slot])
