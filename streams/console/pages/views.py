"""The contents of each page, computed from the records: pure, so that tests need no browser."""

import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from schemas.records import EnrichedResource, Gauge, PollStatus
from streams.console.models import CurrentProblem, ReadModels, TopicFacts
from streams.console.models.states import DeviceHealth
from streams.scheduling.filter_fields import ENRICHED
from streams.scheduling.filters import compile_over

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
    """An interface with its traffic."""

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
        """Return the utilisation of the busier direction, 0 to 1."""
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
    """Return one page of the devices that match a filter. Raises FilterError.

    Lines are made of those of the page alone: there may be ten thousand others.
    """
    wanted = compile_over(text, ENRICHED) if text.strip() else None
    found = [each for each in models.by_id() if wanted is None or wanted(each)]
    facets = {
        "resource_site": Counter(each.resource.site for each in found).most_common(12),
        "resource_type": Counter(each.resource.resource_type for each in found).most_common(12),
    }
    if state:
        found = [each for each in found if models.health(each.resource.identity) == state]
    if sort in _SORTS:
        found.sort(key=lambda each: _SORTS[sort](models, each))
    pages = max(1, -(-len(found) // PAGE))
    page = min(max(page, 1), pages)
    lines = [line_of(models, each) for each in found[(page - 1) * PAGE : page * PAGE]]
    return DevicesPage(lines, len(found), page, pages, facets)


#: on top of the order by name
_SORTS: Final[Mapping[str, Callable[[ReadModels, EnrichedResource], tuple[str, int]]]] = {
    "site": lambda _, each: (each.resource.site, 0),
    "kind": lambda _, each: (kind_of(each), 0),
    "state": lambda models, each: ("", _ORDER[models.health(each.resource.identity)]),
    "late": lambda models, each: ("", -models.lateness_ms(each.resource.identity)),
}


class Overview(NamedTuple):
    states: Mapping[DeviceHealth, int]
    problems: Sequence[CurrentProblem]  #: the latest
    problem_count: int
    busiest: Sequence[Loaded]
    erring: Sequence[Gauge]  #: interfaces with most errors
    topics: Sequence[TopicFacts]  #: how fresh the pipeline is
    workers: Sequence[tuple[str, int, int, int]]  #: name, polls, and how late they were: median and 95 of 100, ms
    late: Sequence[DeviceLine]


def overview(models: ReadModels) -> Overview:
    known = models.resources()
    counts = Counter(models.health(identity) for identity in known)
    problems = models.problems()
    polled = (identity for identity in known if models.worker(identity))
    late = heapq.nlargest(10, polled, key=models.lateness_ms)
    return Overview(
        {state: counts[state] for state in DeviceHealth if counts[state]},
        problems[:50],
        len(problems),
        [loaded(gauge) for gauge in models.busiest(10)],
        models.erring(10),
        models.topics(),
        _workers(models),
        [line_of(models, known[identity]) for identity in late],
    )


class Hit(NamedTuple):
    what: str
    identity: str
    row: str
    text: str


def search(models: ReadModels, text: str, most: int = 60) -> Sequence[Hit]:
    """Return devices with the text in name, address or facts, and rows with it in name, alias or description."""
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


class SlotLine(NamedTuple):
    identity: str
    job: str


class HeatLine(NamedTuple):
    line: SlotLine
    cells: Sequence[PollStatus | None]  #: one for each column of time; None: nothing is known of it


class Heat(NamedTuple):
    """Poll outcomes by device and time."""

    columns: Sequence[int]  #: when each begins, Unix seconds
    lines: Sequence[HeatLine]
    page: int
    pages: int
    workers: Sequence[tuple[str, int, int, int]]  #: name, polls, and how late they were: median and 95 of 100, ms


HEAT_LINES: Final = 40
_COLUMNS: Final = 48


def slot_lines(models: ReadModels) -> Sequence[SlotLine]:
    """Return every job of every device."""
    return [SlotLine(identity, job) for identity in sorted(models.resources()) for job in models.jobs(identity)]


def polls_of(models: ReadModels, line: SlotLine) -> Sequence[PollStatus]:
    return [poll for poll in models.polls(line.identity) if poll.job == line.job]


def heat(models: ReadModels, page: int) -> Heat:
    """Return a page of jobs with their polls by slot; a column with several shows the worst."""
    every = slot_lines(models)
    pages = max(1, -(-len(every) // HEAT_LINES))
    page = min(max(page, 1), pages)
    shown = {line: polls_of(models, line) for line in every[(page - 1) * HEAT_LINES : page * HEAT_LINES]}
    polls = [poll for each in shown.values() for poll in each]
    step_s = min((poll.interval_s for poll in polls), default=60)
    last_s = max((poll.slot for poll in polls), default=0)
    first_s = last_s - last_s % step_s - (_COLUMNS - 1) * step_s
    lines = []
    for line, told in shown.items():
        cells: list[PollStatus | None] = [None] * _COLUMNS
        for poll in told:
            for slot in range(poll.slot, poll.slot + poll.slots * poll.interval_s, poll.interval_s):
                at = (slot - first_s) // step_s
                if 0 <= at < _COLUMNS:
                    cells[at] = poll
        lines.append(HeatLine(line, cells))
    return Heat([first_s + at * step_s for at in range(_COLUMNS)], lines, page, pages, _workers(models))


def _workers(models: ReadModels) -> Sequence[tuple[str, int, int, int]]:
    late: dict[str, list[int]] = {}
    for identity in models.resources():
        if worker := models.worker(identity):
            late.setdefault(worker, []).append(models.lateness_ms(identity))
    return [
        (name, len(each), each[len(each) // 2], each[int(len(each) * 0.95)])
        for name, found in sorted(late.items())
        for each in (sorted(found),)
    ]


def profiles(models: ReadModels) -> Sequence[tuple[str, int, int]]:
    """Return each profile with its number of devices, and of those without a vendor's profile."""
    fits: Counter[str] = Counter()
    lacking: Counter[str] = Counter()
    for each in models.resources().values():
        facts = each.enrichments["device"].facts if "device" in each.enrichments else {}
        name = facts.get("profile", "none yet")
        fits[name] += 1
        lacking[name] += "no_vendors_profile" in facts
    return [(name, count, lacking[name]) for name, count in fits.most_common()]
