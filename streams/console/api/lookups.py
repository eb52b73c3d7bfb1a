"""API operations that query other systems or search: history, why, paths, slots."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Final, NamedTuple

from schemas.records import Gauge
from streams.console.api.answers import FAR_S, Query, UnknownDeviceError
from streams.console.api.asking import BadRequestError, needed, number, paged, text
from streams.console.models import ReadModels, RowSeries
from streams.console.pages import views
from streams.console.pages.graph import graph, loads_now, way
from streams.console.pages.reads import Asker, History
from streams.console.why.explained import AskedNumber, NotKept

_DAY_S: Final = 86_400
_POINTS: Final = 11_000  #: as many as Prometheus gives


class Sources(NamedTuple):
    models: ReadModels
    history: History
    why: Asker


class Lookup(NamedTuple):
    """An API operation that awaits its result."""

    path: str  #: under /api/v1
    says: str
    parameters: Mapping[str, str]  #: of the query: name -> meaning
    answer: Callable[[Sources, Query], Awaitable[Mapping[str, object]]]


async def history(sources: Sources, query: Query) -> Mapping[str, object]:
    """Return the history of a number. Raises BadRequestError, UnknownDeviceError, BackendError."""
    identity, group, row, name = (needed(query, each) for each in ("id", "group", "row", "name"))
    gauge = _row(sources.models, identity, group, row)
    start_s, end_s = number(query, "start", 0, FAR_S), number(query, "end", 0, FAR_S)
    step_s = max(1, number(query, "step", 60, _DAY_S))
    if not 0 < end_s - start_s <= _POINTS * step_s:
        raise BadRequestError(f"start, end: expected a time of 1 to {_POINTS} steps, found {end_s - start_s} s")
    series = RowSeries(identity, group, row, name, gauge.units.get(name, "") if gauge else "")
    found = await sources.history.points(series, start_s, end_s, step_s)
    return {"source": sources.history.source(), "found": [[point.at_s, point.value] for point in found]}


async def why(sources: Sources, query: Query) -> Mapping[str, object]:
    """Return how a number was computed. Raises BadRequestError, UnknownDeviceError, BackendError."""
    identity, group, row, name = (needed(query, each) for each in ("id", "group", "row", "name"))
    if identity not in sources.models.resources():
        raise UnknownDeviceError(f"no device {identity!r} is known")
    slot = number(query, "slot", 0, FAR_S) if query.get("slot") else None
    answer = await sources.why.why(AskedNumber(identity, group, row, name, slot))
    if isinstance(answer, NotKept):
        raise UnknownDeviceError(answer.what)
    parts = {"asked": answer.asked._asdict(), "now": answer.now._asdict(), "rules": answer.rules}
    return {**answer._asdict(), **parts, "before": None if answer.before is None else answer.before._asdict()}


async def search(sources: Sources, query: Query) -> Mapping[str, object]:
    """Return the devices and rows that contain a text. Raises BadRequestError."""
    return {"found": [hit._asdict() for hit in views.search(sources.models, needed(query, "q"))]}


async def path(sources: Sources, query: Query) -> Mapping[str, object]:
    """Return the shortest path from one device to another. Raises BadRequestError, UnknownDeviceError."""
    ends = [needed(query, name) for name in ("from", "to")]
    for identity in ends:
        if identity not in sources.models.resources():
            raise UnknownDeviceError(f"no device {identity!r} is known")
    found = way(sources.models, *ends)
    if found is None:
        raise UnknownDeviceError("no links that are up lead from one to the other")
    steps = [{**step._asdict(), "near": asdict(step.near), "far": asdict(step.far)} for step in found]
    return {"found": steps}


async def charted(sources: Sources, query: Query) -> Mapping[str, object]:
    """Return devices and links with their load. Raises BadRequestError."""
    return graph(sources.models, loads_now(sources.models), text(query, "site"))


async def slots(sources: Sources, query: Query) -> Mapping[str, object]:
    """Return the last slots of each job of a page of devices. Raises BadRequestError."""
    lines = views.slot_lines(sources.models)
    page, most = paged(query)
    found = [
        {"id": line.identity, "job": line.job, "polls": [asdict(poll) for poll in views.polls_of(sources.models, line)]}
        for line in lines[(page - 1) * most : page * most]
    ]
    return {"total": len(lines), "page": page, "found": found}


async def profiles(sources: Sources, _query: Query) -> Mapping[str, object]:
    """Return how many devices each profile fits."""
    names = ("profile", "devices", "without_their_vendors")
    return {"found": [dict(zip(names, line, strict=True)) for line in views.profiles(sources.models)]}


def _row(models: ReadModels, identity: str, group: str, row: str) -> Gauge | None:
    if identity not in models.resources():
        raise UnknownDeviceError(f"no device {identity!r} is known")
    return models.row(identity, group, row)


_NUMBER: Final = {"id": "identity: site|class|subclass|type|id", "group": "of metrics", "row": "of the group",
                  "name": "of the number"}  # fmt: skip
LOOKUPS: Final = (
    Lookup("/history", "A number over time, from the store or from memory.",
           {**_NUMBER, "start": "Unix seconds", "end": "Unix seconds", "step": "seconds, 60 without"}, history),
    Lookup("/why", "How a number came to be.", {**_NUMBER, "slot": "Unix seconds, the newest without"}, why),
    Lookup("/search", "Names, addresses, facts, rows.", {"q": "text to look for"}, search),
    Lookup("/path", "The fewest links from one device to another.", {"from": "identity", "to": "identity"}, path),
    Lookup("/map", "Devices and links with their load.", {"site": "only this one and what it is joined to"}, charted),
    Lookup("/slots", "The last slots of each job.",
           {"page": "from 1 on", "per_page": "jobs of a page, 1000 at most"}, slots),
    Lookup("/profiles", "Which profile fits how many devices.", {}, profiles),
)  # fmt: skip
