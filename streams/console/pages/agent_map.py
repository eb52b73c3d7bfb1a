"""The page of the network map, and the path between two devices."""

import heapq
import time
from collections.abc import Callable, Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from streams.console.models import ReadModels
from streams.console.models.facts import RowAt, RowSeries
from streams.console.pages.asking import BadAddressError, number, text
from streams.console.pages.drawing import HEADERS
from streams.console.pages.graph import INTERFACE, MOST_NODES, Edge, LinkLoad, graph, loads_now, rows_of, sites, way
from streams.console.pages.reads import History

AGO: Final = {"1 h": 3_600, "6 h": 21_600, "1 d": 86_400, "7 d": 604_800}
_OCTETS: Final = "octets/s"
_LISTED: Final = 200  #: links in the table


class MapPages:
    """The map and the data for its script."""

    def __init__(self, models: ReadModels, history: History, page: Callable[..., Response]) -> None:
        self._models = models
        self._history = history
        self._page = page

    async def map(self, request: Request) -> Response:
        """Return the map and its table; the script fetches the same graph separately."""
        site, at_s = self._asked(request)
        places = sites(self._models)
        too_many = sum(each.devices for each in places) > MOST_NODES
        if too_many and not site:
            site = places[0].name
        typed = [text(request, name) for name in ("from", "to")]
        ends = [self._named(each) for each in typed]
        now_s = int(time.time())
        drawn = graph(self._models, await self._loads(at_s), site)
        filling: dict[str, object] = {
            "graph": drawn, "listed": heapq.nsmallest(_LISTED, drawn["links"], key=_weight), "sites": places,
            "site": site, "too_many": too_many, "at": at_s,
            "ago": {name: now_s - seconds for name, seconds in AGO.items()},
            "ends": ends, "typed": typed, "way": way(self._models, *ends) if all(ends) else None,
            "source": self._history.source(),
        }  # fmt: skip
        return self._page("map.html", request, filling)

    async def graph(self, request: Request) -> Response:
        site, at_s = self._asked(request)
        return JSONResponse(graph(self._models, await self._loads(at_s), site), headers=HEADERS)

    def _asked(self, request: Request) -> tuple[str, int | None]:
        at_s = number(request, "at")
        if at_s is not None and at_s > time.time():
            raise BadAddressError(f"at: expected a time that has been, found {at_s}")
        return text(request, "site"), at_s

    def _named(self, typed: str) -> str:
        """Return the identity of a device that is named by it, by its id or by a part of that; empty for none."""
        known = self._models.resources()
        if not typed or typed in known:
            return typed
        return next((each for each in sorted(known) if typed in each.rpartition("|")[2]), "")

    async def _loads(self, at_s: int | None) -> Mapping[RowAt, LinkLoad]:
        if at_s is None:
            return loads_now(self._models)
        rows = set(rows_of(self._models))
        into, out = [
            await self._history.moment(RowSeries("", INTERFACE, "", name, _OCTETS), rows, at_s)
            for name in ("octets_in", "octets_out")
        ]
        return {row: LinkLoad(_bits(into, row), _bits(out, row)) for row in {*into, *out}}


def _weight(link: Edge) -> tuple[bool, float]:
    """Return the place of a link in the table: first what is not up, then by what it carries."""
    return link["state"] == "up", -max(link["in"] or 0.0, link["out"] or 0.0)


def _bits(octets: Mapping[RowAt, float], row: RowAt) -> float | None:
    found = octets.get(row)
    return None if found is None else found * 8
