"""The discovery plugin `crawl`: asks unknown neighbours of known devices over SNMP (docs/discovery.md)."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Final

from pollers.plugins.base import KnownDevice, OptionError, PluginContext, SightingBatch
from pollers.plugins.discovery.crawl_leads import DEPTH_LABEL, CrawlLimits, Lead, Why, addresses_of, lead, told
from pollers.plugins.discovery.naming import Namer
from pollers.plugins.discovery.sweep import SweepOptions
from pollers.plugins.lists import device_list
from pollers.snmp.client import ProbePace, Target
from pollers.snmp.errors import SnmpError
from schemas.records import DEFAULT_TTL_S, Resource, Unfollowed

OPTIONS: Final = (
    "site", "prefixes", "exclude", "depth", "port", "dns", "packets_per_s", "timeout_s", "rounds",
    "class", "subclass", "type", "ttl_s",
)  # fmt: skip
_DNS_S: Final = 2.0
_MAX_PORT: Final = 65_535

LookUp = Callable[[str], Awaitable[Sequence[str]]]


async def _look_up(name: str) -> Sequence[str]:
    """Return the addresses of a name; none where it has none."""
    try:
        async with asyncio.timeout(_DNS_S):
            found = await asyncio.get_running_loop().getaddrinfo(name, None)
    except (OSError, TimeoutError, UnicodeError):
        return ()
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


class Crawl:
    """Sends requests only to devices that are not in the inventory yet."""

    follows_neighbours = True  #: it is to be told them

    def __init__(self, context: PluginContext, look_up: LookUp = _look_up) -> None:
        """Raises OptionError."""
        self._context, self._look_up = context, look_up
        options = SweepOptions(context.options, OPTIONS)
        self.site = options.part("site")
        self.networks = options.networks("prefixes", needed=True)
        exclude = options.networks("exclude", needed=False)
        self._limits = CrawlLimits(self.site, self.networks, exclude, options.number("depth", 8, 1000))
        self._port = options.number("port", 161, _MAX_PORT)
        self._dns = options.yes("dns", default=True)
        self._pace = ProbePace(
            packets_per_s=options.number("packets_per_s", 100, 100_000),
            timeout_s=options.number("timeout_s", 1, 60),
            rounds=options.number("rounds", 2, 10),
        )
        self._parts = options.parts()
        self._ttl_s = options.number("ttl_s", DEFAULT_TTL_S, device_list.MAX_TTL_S)
        if options.problems:
            raise OptionError(options.problems)

    async def discover(self, known: KnownDevice, _state: bytes | None) -> AsyncGenerator[SightingBatch, None]:
        """Yield the neighbours that answer, and a problem for each that could not be followed."""
        context = self._context
        leads = [await self._lead(known, resource, row) for resource, row in told(known, self.site)]
        by_address = self._to_ask(leads)
        namer = Namer(
            section=context.section, site=self.site, parts=self._parts, ttl_s=self._ttl_s, known=known,
            classify=context.classify,
        )  # fmt: skip
        answered: set[str] = set()
        again = self._again(known)
        targets = [Target(host, self._port) for host in (*by_address, *again)]
        done = 0
        try:
            async with aclosing(context.snmp.probe(self.site, iter(targets), self._pace)) as steps:
                async for step in steps:
                    done += step.asked
                    found = []
                    for answer in step.found:
                        answered.add(answer.target.host)
                        depth = by_address.get(answer.target.host) or again[answer.target.host]
                        seen = namer.sighting(answer, context.now_ms())
                        found.append(replace(seen, labels={DEPTH_LABEL: str(depth)}))
                    yield SightingBatch(resources=found, done=done, total=len(targets))
        except SnmpError as problem:
            yield SightingBatch(problems=(str(problem),), failed=str(problem))
            return
        yield SightingBatch(done=done, total=done, unfollowed=[_unfollowed(one) for one in _left(leads, answered)])

    async def _lead(self, known: KnownDevice, resource: Resource, row: Mapping[str, str]) -> Lead:
        addresses = addresses_of(row)
        name = row.get("system_name", "")
        if not addresses and name and self._dns:
            addresses = addresses_of({"addresses": ",".join(await self._look_up(name))})
        return lead(resource, row, addresses, self._limits, known.sites_at)

    def _to_ask(self, leads: Sequence[Lead]) -> dict[str, int]:
        """Return the addresses to ask, each once, with the least depth at which it was heard of."""
        depths: dict[str, int] = {}
        for one in leads:
            for address in one.addresses if one.why is None else ():
                depths[address] = min(one.depth, depths.get(address, one.depth))
        return depths

    def _again(self, known: KnownDevice) -> dict[str, int]:
        """Return the addresses of what this section found, and which leaves soon unless it is seen again."""
        now_ms, found = self._context.now_ms(), dict[str, int]()
        for resource in known.seen_by(self._context.section):
            if (now_ms - resource.last_seen_ms) * 2 >= resource.ttl_s * 1000 and resource.addresses:
                depth = resource.labels.get(DEPTH_LABEL, "1")
                found[resource.addresses[0]] = int(depth) if depth.isdecimal() else 1
        return found


def _left(leads: Sequence[Lead], answered: set[str]) -> Sequence[Lead]:
    left: list[Lead] = []
    for one in leads:
        if one.why is not None:
            left.append(one)
        elif answered.isdisjoint(one.addresses):
            left.append(one._replace(why=Why.SILENT))
    return left


def _unfollowed(one: Lead) -> Unfollowed:
    return Unfollowed(
        heard_by=one.heard_by,
        row=one.row,
        system_name=one.name,
        chassis_id=one.chassis_id,
        addresses=one.addresses,
        why=str(one.why),
    )


def create(context: PluginContext) -> Crawl:
    """Return the plugin. Raises OptionError."""
    return Crawl(context)
