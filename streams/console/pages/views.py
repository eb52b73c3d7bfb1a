"""What each page shows, worked out from the records: pure, so that a test needs no browser."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from schemas.records import EnrichedResource, Gauge, PollStatus
from streams.console.models.states import DeviceHealth, health
from streams.console.pages.reads import Models
from streams.scheduling.filters import compile_filter
from streams.topology.exports import node_of, port_of, title_of

PAGE: Final = 100
INTERFACE: Final = "interface"


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


class Trouble(NamedTuple):
    what: str
    identity: str
    row: str
    text: str
    since_ms: int | None


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


def line_of(models: Models, enriched: EnrichedResource) -> DeviceLine:
    resource = enriched.resource
    polls = models.polls(resource.identity)
    last = polls[-1] if polls else None
    kind = "/".join(filter(None, (resource.resource_class, resource.resource_subclass, resource.resource_type)))
    return DeviceLine(
        resource.identity,
        resource.resource_id,
        resource.site,
        kind,
        resource.endpoint,
        health(polls),
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


_SORTS: Final = {
    "name": lambda line: line.name,
    "site": lambda line: (line.site, line.name),
    "kind": lambda line: (line.kind, line.name),
    "state": lambda line: (list(DeviceHealth).index(line.health), line.name),
    "late": lambda line: (-(line.lateness_ms or 0), line.name),
}


def devices(models: Models, text: str, sort: str, page: int, state: str = "") -> DevicesPage:
    """Return one page of the devices that a filter finds. Raises FilterError."""
    wanted = compile_filter(text)
    found = [each for each in models.resources().values() if wanted(each.resource)]
    facets = {
        "resource_site": Counter(each.resource.site for each in found).most_common(12),
        "resource_type": Counter(each.resource.resource_type for each in found).most_common(12),
    }
    lines = [line_of(models, each) for each in found]
    lines = [line for line in lines if not state or line.health == state]
    lines.sort(key=_SORTS.get(sort, _SORTS["name"]))
    pages = max(1, -(-len(lines) // PAGE))
    page = min(max(page, 1), pages)
    return DevicesPage(lines[(page - 1) * PAGE : page * PAGE], len(lines), page, pages, facets)


class Overview(NamedTuple):
    states: Mapping[DeviceHealth, int]
    problems: Sequence[Trouble]
    busiest: Sequence[Loaded]
    workers: Mapping[str, int]  #: polls of late by worker
    late: Sequence[DeviceLine]


def overview(models: Models) -> Overview:
    lines = [line_of(models, each) for each in models.resources().values()]
    counts = Counter(line.health for line in lines)
    problems = [
        Trouble(line.health, line.identity, "", line.reason, line.since_ms)
        for line in lines
        if line.health not in {DeviceHealth.GOOD, DeviceHealth.UNKNOWN}
    ]
    problems += [
        Trouble(link.state.replace("_", "-"), end.resource, end.row, _joined(link.ends), link.since_ms)
        for link in models.links().values()
        if link.state != "up"
        for end in link.ends[:1]
    ]
    problems.sort(key=lambda each: -(each.since_ms or 0))
    workers = Counter(poll.worker for line in lines for poll in models.polls(line.identity)[-1:])
    late = sorted(lines, key=lambda line: -(line.lateness_ms or 0))[:10]
    return Overview(
        {state: counts[state] for state in DeviceHealth if counts[state]},
        problems[:50],
        [loaded(gauge) for gauge in models.busiest(10)],
        workers,
        late,
    )


def _joined(ends: Sequence[Any]) -> str:
    return " to ".join(f"{title_of(end)} {port_of(end)}" for end in ends)


def graph(models: Models) -> dict[str, Any]:
    """Return nodes and links as the map draws them: loads are shares of the line, or null where not known."""
    nodes: dict[str, dict[str, Any]] = {}
    edges = []
    known = models.resources()
    rows: dict[str, dict[str, Gauge]] = {}
    for key, link in models.links().items():
        for end in link.ends:
            identity = node_of(end)
            site = known[identity].resource.site if identity in known else ""
            state = health(models.polls(identity)) if identity in known else DeviceHealth.UNKNOWN
            nodes.setdefault(identity, {"id": identity, "name": title_of(end), "site": site, "state": str(state)})
        one, other = link.ends
        if one.resource and one.resource not in rows:
            rows[one.resource] = {each.row: each for each in models.rows(one.resource) if each.group == INTERFACE}
        gauge = rows.get(one.resource, {}).get(one.row)
        speed = link.speed_bits_per_s
        edges.append(
            {
                "key": key,
                "source": node_of(one),
                "target": node_of(other),
                "ports": [port_of(one), port_of(other)],
                "state": str(link.state).replace("_", "-"),
                "since_ms": link.since_ms,
                "speed": speed,
                "out": None if gauge is None else _bits(gauge, "octets_out"),
                "in": None if gauge is None else _bits(gauge, "octets_in"),
            }
        )
    return {"nodes": sorted(nodes.values(), key=lambda node: str(node["id"])), "links": edges}


class Hit(NamedTuple):
    what: str
    identity: str
    row: str
    text: str


def search(models: Models, text: str, most: int = 60) -> Sequence[Hit]:
    """Return what has the text in its name, address, facts, or in the name, alias or description of a row."""
    wanted = text.strip().casefold()
    hits: list[Hit] = []
    if not wanted:
        return hits
    for identity, each in models.resources().items():
        resource = each.resource
        told = {"name": resource.resource_id, "address": resource.endpoint}
        told |= dict(resource.identifiers) | {f"address {place}": at for place, at in enumerate(resource.addresses)}
        told |= {name: fact for known in each.enrichments.values() for name, fact in known.facts.items()}
        hits += [Hit(what, identity, "", value) for what, value in told.items() if wanted in value.casefold()][:3]
        for row, dimensions in _rows(each):
            words = {"row": row, **dimensions}
            hits += [Hit(what, identity, row, value) for what, value in words.items() if wanted in value.casefold()][:1]
        if len(hits) >= most:
            break
    return hits[:most]


def _rows(each: EnrichedResource) -> Sequence[tuple[str, Mapping[str, str]]]:
    return list(each.enrichments["interfaces"].rows.items()) if "interfaces" in each.enrichments else []


class HeatLine(NamedTuple):
    identity: str
    job: str
    polls: Sequence[PollStatus]  #: one for each slot, the newest last


def heat(models: Models, page: int, most: int = 40) -> Sequence[HeatLine]:
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


def profiles(models: Models) -> Sequence[tuple[str, int, int]]:
    """Return each profile with how many devices it fits, and how many of those have none of their vendor's."""
    fits: Counter[str] = Counter()
    lacking: Counter[str] = Counter()
    for each in models.resources().values():
        facts = each.enrichments["device"].facts if "device" in each.enrichments else {}
        name = facts.get("profile", "none yet")
        fits[name] += 1
        lacking[name] += "no_vendors_profile" in facts
    return [(name, count, lacking[name]) for name, count in fits.most_common()]
