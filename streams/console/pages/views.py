"""What each page shows, worked out from the records: pure, so that a test needs no browser."""

import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from schemas.records import EnrichedResource, Gauge, PollStatus
from streams.console.models import CurrentProblem, ReadModels
from streams.console.models.states import DeviceHealth
from streams.scheduling.filters import compile_filter

PAGE: Final = 100


class DeviceLine(NamedTuple):
    identity: str
    name: str
    site: str
    kind: str  #: class/subclass/type
    endpoint: str
    health: DeviceHealth
    reason: str
    last_ms: int | None
    lateness_ms: int | None
    since_ms: int | None  #: since when it does not answer, or its last poll


class Loaded(NamedTuple):
    """An interface with what it carries."""

    gauge: Gauge
    device: str
    line_rate: float | None  #: bit/s

    @property
    def bits_in(self) -> float | None:
        return _bits(self.gauge, "octets_in")

    @property
    def bits_out(self) -> float | None:
        return _bits(self.gauge, "octets_out")

    @property
    def load(self) -> float | None:
        """Return the share of the line that the busier direction takes."""
        most = max((bits for bits in (self.bits_in, self.bits_out) if bits is not None), default=None)
        return None if most is None or not self.line_rate else most / self.line_rate


def _bits(gauge: Gauge, name: str) -> float | None:
    octets = gauge.gauges.get(name)
    return None if octets is None else octets * 8


def loaded(gauge: Gauge) -> Loaded:
    return Loaded(gauge, gauge.resource.rpartition("|")[2], gauge.gauges.get("speed_bits_per_s") or None)


def kind_of(enriched: EnrichedResource) -> str:
    resource = enriched.resource
    return "/".join(filter(None, (resource.resource_class, resource.resource_subclass, resource.resource_type)))


def line_of(models: ReadModels, enriched: EnrichedResource) -> DeviceLine:
    resource = enriched.resource
    last = models.last_poll(resource.identity)
    return DeviceLine(
        resource.identity,
        resource.resource_id,
        resource.site,
        kind_of(enriched),
        resource.endpoint,
        models.health(resource.identity),
        last.reason if last else "",
        last.started_at_ms if last else None,
        last.lateness_ms if last else None,
        (last.unreachable_since_ms or last.started_at_ms) if last else None,
    )


class DevicesPage(NamedTuple):
    lines: Sequence[DeviceLine]
    found: int
    page: int
    pages: int
    facets: Mapping[str, Sequence[tuple[str, int]]]  #: field of the filter language -> value and how many have it


_ORDER: Final = {state: place for place, state in enumerate(DeviceHealth)}


def devices(models: ReadModels, text: str, sort: str, page: int, state: str = "") -> DevicesPage:
    """Return one page of the devices that a filter finds. Raises FilterError.

    Lines are made of those of the page alone: there may be ten thousand others.
    """
    wanted = compile_filter(text) if text.strip() else None
    found = [each for each in models.resources().values() if wanted is None or wanted(each.resource)]
    facets = {
        "resource_site": Counter(each.resource.site for each in found).most_common(12),
        "resource_type": Counter(each.resource.resource_type for each in found).most_common(12),
    }
    if state:
        found = [each for each in found if models.health(each.resource.identity) == state]
    found.sort(key=lambda each: each.resource.resource_id)
    if sort in _SORTS:
        found.sort(key=lambda each: _SORTS[sort](models, each))
    pages = max(1, -(-len(found) // PAGE))
    page = min(max(page, 1), pages)
    lines = [line_of(models, each) for each in found[(page - 1) * PAGE : page * PAGE]]
    return DevicesPage(lines, len(found), page, pages, facets)


def _lateness_ms(models: ReadModels, each: EnrichedResource) -> int:
    last = models.last_poll(each.resource.identity)
    return last.lateness_ms if last else 0


#: on top of the order by name
_SORTS: Final[Mapping[str, Callable[[ReadModels, EnrichedResource], Any]]] = {
    "site": lambda _, each: each.resource.site,
    "kind": lambda _, each: kind_of(each),
    "state": lambda models, each: _ORDER[models.health(each.resource.identity)],
    "late": lambda models, each: -_lateness_ms(models, each),
}


class Overview(NamedTuple):
    states: Mapping[DeviceHealth, int]
    problems: Sequence[CurrentProblem]  #: the latest
    problem_count: int
    busiest: Sequence[Loaded]
    workers: Mapping[str, int]  #: devices by who polled them last
    late: Sequence[DeviceLine]


def overview(models: ReadModels) -> Overview:
    known = models.resources()
    counts = Counter(models.health(identity) for identity in known)
    problems = models.problems()
    polls = [last for identity in known if (last := models.last_poll(identity)) is not None]
    late = heapq.nlargest(10, polls, key=lambda poll: poll.lateness_ms)
    return Overview(
        {state: counts[state] for state in DeviceHealth if counts[state]},
        problems[:50],
        len(problems),
        [loaded(gauge) for gauge in models.busiest(10)],
        Counter(poll.worker for poll in polls),
        [line_of(models, known[poll.resource]) for poll in late],
    )


class Hit(NamedTuple):
    what: str
    identity: str
    row: str
    text: str


def search(models: ReadModels, text: str, most: int = 60) -> Sequence[Hit]:
    """Return what has the text in its name, address, facts, or in the name, alias or description of a row."""
    wanted = text.strip().casefold()
    hits: list[Hit] = []
    if not wanted:
        return hits
    for each in models.having(wanted):
        resource, identity = each.resource, each.resource.identity
        told = {"name": resource.resource_id, "address": resource.endpoint}
        told |= dict(resource.identifiers) | {f"address {place}": at for place, at in enumerate(resource.addresses)}
        told |= {name: fact for known in each.enrichments.values() for name, fact in known.facts.items()}
        hits += [Hit(what, identity, "", value) for what, value in told.items() if wanted in value.casefold()][:3]
        for row, words in _rows(each):
            hits += [Hit(what, identity, row, value) for what, value in words.items() if wanted in value.casefold()][:1]
        if len(hits) >= most:
            break
    return hits[:most]


def _rows(each: EnrichedResource) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield each row with its texts; of interfaces the row is the gauges' own."""
    for plugin, found in each.enrichments.items():
        for row, words in found.rows.items():
            yield (row if plugin == "interfaces" else ""), {"row": row, **words}


class HeatLine(NamedTuple):
    identity: str
    job: str
    polls: Sequence[PollStatus]  #: one for each slot, the newest last


def heat(models: ReadModels, page: int, most: int = 40) -> Sequence[HeatLine]:
    """Return the last slots of a page of devices."""
    lines = []
    for identity in sorted(models.resources())[(page - 1) * PAGE : page * PAGE]:
        by_job: dict[str, dict[int, PollStatus]] = {}
        for poll in models.polls(identity):
            by_job.setdefault(poll.job, {})[poll.slot] = poll
        lines += [
            HeatLine(identity, job, [polls[slot] for slot in sorted(polls)[-most:]])
            for job, polls in sorted(by_job.items())
        ]
    return lines


def profiles(models: ReadModels) -> Sequence[tuple[str, int, int]]:
    """Return each profile with how many devices it fits, and how many of those have none of their vendor's."""
    fits: Counter[str] = Counter()
    lacking: Counter[str] = Counter()
    for each in models.resources().values():
        facts = each.enrichments["device"].facts if "device" in each.enrichments else {}
        name = facts.get("profile", "none yet")
        fits[name] += 1
        lacking[name] += "no_vendors_profile" in facts
    return [(name, count, lacking[name]) for name, count in fits.most_common()]
