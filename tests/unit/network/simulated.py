"""Sessions with simulated devices, as recordings of all that they show, and the enriched resources they become."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from pollers.plugins.base import EnrichmentPlugin, PluginContext
from pollers.plugins.network import neighbours
from pollers.plugins.snmp import interfaces as snmp_interfaces
from pollers.profiles.authoring.recording import Entry, RecordedSession
from pollers.snmp.client import Device, Probed, ProbePace, Session, Target
from pollers.snmp.codec import ber as codec
from pollers.snmp.values import Value
from schemas.records import EnrichedResource, Enrichment, Resource
from streams.playground.simulators import ber, truth
from streams.playground.simulators.mibs import mib

NOW_MS = 1_700_000_000_000
INTERVAL_S = 300


def entries_of(device: truth.SimulatedDevice, at_s: float = 0.0) -> list[Entry]:
    """Return all that a simulated device shows."""
    view = mib.build(device, 0.0)
    found = []
    for place, oid in enumerate(view.oids):
        value = ber.read_all(ber.read(view.binding(place, at_s))[0].content)[1]
        found.append((".".join(map(str, oid)), Value(*codec.decode_value(value.tag, value.content))))
    return found


class Recorded:
    """An Access whose one device answers from entries; counts what it would have been asked."""

    def __init__(self, entries: list[Entry]) -> None:
        self.session = RecordedSession(entries)

    def open(self, device: Device, deadline_s: float) -> AbstractAsyncContextManager[Session]:
        return self._open()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Session]:
        yield self.session

    def probe(self, site: str, targets: Iterator[Target], pace: ProbePace) -> AsyncGenerator[Probed, None]:
        raise NotImplementedError

    async def close(self) -> None: ...


def context(access: Recorded, options: Mapping[str, str] = {}) -> PluginContext:
    return PluginContext(section="tested", interval_s=INTERVAL_S, options=options, snmp=access, now_ms=lambda: NOW_MS)


def resource_of(device: truth.SimulatedDevice) -> Resource:
    return Resource(
        site=device.site, resource_class="network", resource_subclass="switch", resource_type=device.vendor,
        resource_id=device.device_id, endpoint=f"{device.address}:16100", plugins=["test"],
        first_seen_ms=0, last_seen_ms=0,
    )  # fmt: skip


async def found_by(plugin: EnrichmentPlugin, device: truth.SimulatedDevice) -> Mapping[str, Enrichment]:
    return await plugin.enrich(resource_of(device))


async def enriched(device: truth.SimulatedDevice) -> EnrichedResource:
    """Return the resource with what `interfaces` and `neighbours` find, or nothing where the device is silent."""
    found: dict[str, Enrichment] = {}
    if device.role not in ("silent", "wrong-community"):
        access = Recorded(entries_of(device))
        for make in (snmp_interfaces.create, neighbours.create):
            found |= await make(context(access)).enrich(resource_of(device))
    return EnrichedResource(resource=resource_of(device), enrichments=found, jobs=[], jobs_since_ms=1)
