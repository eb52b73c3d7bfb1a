"""The results of the API's operations as plain data; independent of HTTP."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Final, Generic, NamedTuple, TypeAlias, TypedDict, TypeVar

from schemas.records import EnrichedResource
from streams.console.api.asking import BadRequestError, needed, number, paged, text
from streams.console.models import ReadModels, RowSeries
from streams.console.models.states import DeviceHealth
from streams.scheduling.filter_fields import ENRICHED
from streams.scheduling.filters import compile_over

FAR_S: Final = 2**33  #: Unix seconds, beyond every time that is meant
Query: TypeAlias = Mapping[str, str]
E = TypeVar("E")


class UnknownDeviceError(LookupError):
    """The address names a device that is not known."""


class ApiOperation(NamedTuple):
    """An API operation as it is served and documented."""

    path: str  #: under /api/v1
    says: str
    parameters: Mapping[str, str]  #: of the query: name -> meaning
    answer: Callable[[ReadModels, Query], Mapping[str, object]]


def devices(models: ReadModels, query: Query) -> dict[str, object]:
    """Return one page of the devices that match. Raises FilterError, BadRequestError."""
    fits, state = compile_over(query.get("filter", ""), ENRICHED), text(query, "state")
    if state and state not in list(DeviceHealth):
        raise BadRequestError(f"state: expected one of {', '.join(DeviceHealth)}, found {state[:40]!r}")
    found = [each for each in models.by_id() if fits(each)]
    if state:
        found = [each for each in found if models.health(each.resource.identity) == state]
    told = page_of(found, query)
    return {**told, "found": [_line(models, each) for each in told["found"]]}


def device(models: ReadModels, query: Query) -> dict[str, object]:
    """Return everything known of a device. Raises UnknownDeviceError."""
    known = models.named(query["site"], query["id"])
    if known is None:
        raise UnknownDeviceError(f"no device {query['id']!r} of site {query['site']!r} is known")
    found = {
        name: {"collected_at_ms": each.collected_at_ms, "facts": each.facts, "rows": dict(each.rows.items())}
        for name, each in known.enrichments.items()
    }
    polls = [asdict(poll) for poll in models.polls(known.resource.identity)]
    return {**_line(models, known), "resource": asdict(known.resource), "enrichments": found,
            "jobs": [job.name for job in known.jobs], "polls": polls}  # fmt: skip


def rows(models: ReadModels, query: Query) -> Mapping[str, object]:
    """Return the newest gauge of the rows of a device. Raises UnknownDeviceError, BadRequestError."""
    identity, group = _known(models, query), text(query, "group")
    found = [asdict(gauge) for gauge in models.rows(identity) if not group or gauge.group == group]
    found.sort(key=lambda gauge: (gauge["group"], gauge["row"]))
    return page_of(found, query)


def busiest(models: ReadModels, query: Query) -> dict[str, object]:
    """Return the interfaces with the most traffic. Raises BadRequestError."""
    return {"found": [asdict(gauge) for gauge in models.busiest(number(query, "count", 10, 1000))]}


def points(models: ReadModels, query: Query) -> dict[str, object]:
    """Return the history of a number from memory. Raises UnknownDeviceError, BadRequestError."""
    series = RowSeries(_known(models, query), *(needed(query, name) for name in ("group", "row", "name")))
    start_s, end_s = number(query, "start", 0, FAR_S), number(query, "end", FAR_S, FAR_S)
    return {"oldest_slot": models.oldest_slot(),
            "found": [[point.at_s, point.value] for point in models.points(series, start_s, end_s)]}  # fmt: skip


def links(models: ReadModels, query: Query) -> Mapping[str, object]:
    """Return one page of links. Raises BadRequestError."""
    return page_of([{"key": key, **asdict(link)} for key, link in sorted(models.links().items())], query)


def problems(models: ReadModels, query: Query) -> Mapping[str, object]:
    """Return one page of present problems, worst first. Raises BadRequestError."""
    return page_of([each._asdict() for each in models.problems()], query)


def topics(models: ReadModels, _query: Query) -> dict[str, object]:
    """Return the progress of each topic."""
    return {"found": [each._asdict() for each in models.topics()]}


def dead_letters(models: ReadModels, query: Query) -> Mapping[str, object]:
    """Return one page of the last dead letters, without contents. Raises BadRequestError."""
    found = [{name: value for name, value in asdict(each).items() if name not in ("key", "value")}
             for each in reversed(models.dead_letters())]  # fmt: skip
    return page_of(found, query)


def _known(models: ReadModels, query: Query) -> str:
    identity = needed(query, "id")
    if identity not in models.resources():
        raise UnknownDeviceError(f"no device {identity!r} is known")
    return identity


def _line(models: ReadModels, known: EnrichedResource) -> dict[str, object]:
    resource = known.resource
    polls = models.polls(resource.identity)
    last = polls[-1] if polls else None
    return {
        "identity": resource.identity, "site": resource.site, "class": resource.resource_class,
        "subclass": resource.resource_subclass, "type": resource.resource_type, "id": resource.resource_id,
        "endpoint": resource.endpoint, "state": models.health(resource.identity),
        "reason": last.reason if last else "", "last_slot": last.slot if last else None,
        "lateness_ms": last.lateness_ms if last else None,
    }  # fmt: skip


class AnswerPage(TypedDict, Generic[E]):
    """One page of what was found."""

    total: int
    page: int
    found: Sequence[E]


def page_of(entries: Sequence[E], query: Query) -> AnswerPage[E]:
    """Return one page of entries. Raises BadRequestError."""
    page, most = paged(query)
    return {"total": len(entries), "page": page, "found": entries[(page - 1) * most : page * most]}


_PAGED: Final = {"page": "from 1 on", "per_page": "entries of a page, 1000 at most"}
_ID: Final = {"id": "identity: site|class|subclass|type|id"}
OPERATIONS: Final = (
    ApiOperation("/devices", "Devices that fit a filter, by id.",
              {"filter": "in the filter language", "state": f"one of {', '.join(DeviceHealth)}", **_PAGED}, devices),
    ApiOperation("/devices/{site}/{id}", "All that is known of a device.", {}, device),
    ApiOperation("/rows", "The newest numbers of a device's rows.", {**_ID, "group": "only this one", **_PAGED}, rows),
    ApiOperation("/busiest", "The interfaces that carry most.", {"count": "how many, 1000 at most"}, busiest),
    ApiOperation("/points", "A number over time, as memory has it.",
              {**_ID, "group": "of metrics", "row": "of the group", "name": "of the number",
               "start": "Unix seconds", "end": "Unix seconds"}, points),
    ApiOperation("/links", "How devices are joined.", _PAGED, links),
    ApiOperation("/problems", "What is wrong now, the worst first, then the latest.", _PAGED, problems),
    ApiOperation("/topics", "How far each topic is read.", {}, topics),
    ApiOperation("/dead-letters", "What could not be processed, the latest first.", _PAGED, dead_letters),
)  # fmt: skip
