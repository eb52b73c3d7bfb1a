"""Discovery: a section is run at each of its slots, and what it saw is published."""

import asyncio
from types import SimpleNamespace

from pollers.plugins.base import Discovery, Kind
from schemas.records import Resource
from streams.pipeline import Topic
from streams.runtime.plugins import Installed
from tests.model.stage_model import StageModel
from tests.model.stages.parts import KEYS, resource
from tests.model.world import World

INTERVAL_S = 10


class Discoveries(StageModel):
    name = "discovery"

    def begin(self, world: World) -> None:
        super().begin(world)
        self.sightings = world.serdes.of(Topic.RESOURCES, Resource)

    def plugins(self) -> SimpleNamespace:
        section = SimpleNamespace(name="list", title="discovery:list", interval_s=INTERVAL_S, zone="")
        installed = [Installed(section, lambda _resource: True, self)]  # type: ignore[arg-type]
        return SimpleNamespace(of={Kind.DISCOVERY: installed}.__getitem__, know=lambda _known: None)

    async def discover(self) -> Discovery:
        await asyncio.sleep(self.world.device_s)
        if not self.world.devices_answer:
            raise OSError("the source of the list is away")
        now_ms = int(self.world.clock.now_s * 1000)
        return Discovery(
            resources=[resource(key, 2, first_seen_ms=now_ms, last_seen_ms=now_ms) for key in range(len(KEYS))]
        )

    def check(self) -> None:
        """Every resource was seen within the last interval."""
        now_ms = self.world.clock.now_s * 1000
        for key in KEYS:
            seen = [self.sightings.decode(value or b"") for value in self.world.values(Topic.RESOURCES, key.encode())]
            assert seen, f"{key} was never seen"
            assert now_ms - seen[-1].last_seen_ms <= (INTERVAL_S + 2) * 1000, f"{key} is no longer seen"
