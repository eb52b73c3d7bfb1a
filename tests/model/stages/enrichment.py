"""Enrichment: the inventory in; each resource out as the inventory has it last, with what its own device said."""

import asyncio
from collections.abc import Mapping, Sequence
from types import SimpleNamespace

from pollers.plugins.base import Kind
from schemas.errors import DeviceError
from schemas.records import EnrichedResource, Enrichment, Job, Resource
from streams.pipeline import Topic
from streams.runtime.plugins import Installed
from tests.model.stage_model import Given, StageModel
from tests.model.stages.parts import GARBAGE, KEYS, resource
from tests.model.world import World

JOB = Job(plugin="ping", profile="", interval_s=60)


class Enrichments(StageModel):
    name = "enrichment"
    settle_s = 130.0  #: a device that did not answer is asked again after a minute

    def begin(self, world: World) -> None:
        super().begin(world)
        self.inventory = world.serdes.of(Topic.INVENTORY, Resource)
        self.enriched = world.serdes.of(Topic.ENRICHED_RESOURCES, EnrichedResource)
        self.last: dict[str, Resource | None] = {}

    def plugins(self) -> SimpleNamespace:
        section = SimpleNamespace(name="facts", title="enrichment:facts", interval_s=20)
        poller = SimpleNamespace(name="ping", title="polling:ping", interval_s=60)
        installed = {
            Kind.ENRICHMENT: [Installed(section, lambda _resource: True, self)],  # type: ignore[arg-type]
            Kind.POLLING: [Installed(poller, lambda _resource: True, self)],  # type: ignore[arg-type]
        }
        return SimpleNamespace(of=installed.__getitem__, know=lambda _known: None)

    async def enrich(self, asked: Resource) -> Mapping[str, Enrichment]:
        await asyncio.sleep(self.world.device_s)
        if not self.world.devices_answer:
            raise DeviceError("no answer")
        at_ms = int(self.world.clock.now_s * 1000)
        facts = {"endpoint": asked.endpoint}
        return {"facts": Enrichment(plugin="facts", collected_at_ms=at_ms, ttl_s=86_400, facts=facts)}

    def jobs(self, _resource: Resource, _enrichments: Mapping[str, Enrichment]) -> Sequence[Job]:
        return [JOB]

    def given(self, key: int, variant: int) -> Given:
        name = KEYS[key].encode()
        if variant == 0:
            self.last[KEYS[key]] = None
            return Given(Topic.INVENTORY, name, None)
        if variant == 1:
            return Given(Topic.INVENTORY, name, GARBAGE, is_usable=False)
        # none too large: what the first enrichment cannot send is tried again for ever, which is no dead letter
        known = resource(key, 2 if variant == 8 else variant, last_seen_ms=int(self.world.clock.now_s * 1000))
        self.last[KEYS[key]] = known
        return Given(Topic.INVENTORY, name, self.inventory.encode(known))

    def check(self) -> None:
        for key, known in self.last.items():
            values = self.world.values(Topic.ENRICHED_RESOURCES, key.encode())
            last = self.enriched.decode(values[-1]) if values and values[-1] is not None else None
            assert (None if last is None else last.resource) == known, f"{key} is not what the inventory says"
            if last is not None and known is not None:
                assert last.enrichments["facts"].facts == {"endpoint": known.endpoint}, f"{key} has another's facts"
                assert list(last.jobs) == [JOB], f"{key} has other jobs"
