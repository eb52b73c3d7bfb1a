"""Resources: sightings in, the inventory out; what nobody sees any more ends."""

from schemas.records import Resource
from streams.pipeline import Topic
from streams.resources.inventory import Sightings, merged, seen, unexpired
from tests.model.stage_model import Given, StageModel
from tests.model.stages.parts import GARBAGE, KEYS, resource
from tests.model.world import World


class Resources(StageModel):
    name = "resources"
    settle_s = 60.0

    def begin(self, world: World) -> None:
        super().begin(world)
        self.serde = world.serdes.of(Topic.RESOURCES, Resource)
        self.known: dict[str, Sightings] = {key: {} for key in KEYS}

    def given(self, key: int, variant: int) -> Given:
        name = KEYS[key].encode()
        if variant == 0:
            self.known[KEYS[key]] = {}
            return Given(Topic.RESOURCES, name, None)
        if variant == 1:
            return Given(Topic.RESOURCES, name, GARBAGE, is_usable=False)
        now_ms = int(self.world.clock.now_s * 1000)
        sighting = resource(
            key, variant, last_seen_ms=now_ms, ttl_s=20 if variant == 7 else 86_400, plugins=("ab"[variant % 2],)
        )
        if variant != 8:
            self.known[KEYS[key]] = seen(self.known[KEYS[key]], sighting)
        return Given(Topic.RESOURCES, name, self.serde.encode(sighting), is_usable=variant != 8)

    def check(self) -> None:
        """The inventory has what the sightings say that have not ended."""
        now_ms = int(self.world.clock.now_s * 1000)
        for key, sightings in self.known.items():
            wanted = merged(unexpired(sightings, now_ms, {}), self.world.settings.resources.precedence)
            values = self.world.values(Topic.INVENTORY, key.encode())
            last = self.serde.decode(values[-1]) if values and values[-1] is not None else None
            assert _said(last) == _said(wanted), f"the inventory of {key}"


def _said(known: Resource | None) -> object:
    return None if known is None else (known.endpoint, known.labels, known.plugins, known.ttl_s)
