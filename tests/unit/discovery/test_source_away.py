"""A NetBox that fails for an hour of the clock takes nothing out of the inventory, and afterwards all is as before."""

from dataclasses import replace
from typing import Final

import pytest

from pollers.plugins.base import Kind
from pollers.plugins.sources.netbox import netbox
from schemas.records import DiscoveryRun, Resource
from streams.discovery.agent import Discoverer
from streams.pipeline import Topic
from streams.resources.agent import manage
from streams.runtime.plugins import Installed
from streams.runtime.schedule.owner import DueTick
from streams.runtime.settings.loading import PluginSection
from streams.scheduling.slots import Span
from tests.unit.discovery.test_sources import NOW_MS, TOKEN, Api, context, device, serving
from tests.unit.runtime.kernel_fakes import FakeWorker

MINUTE_MS: Final = 60_000
TTL_S: Final = 300  #: a twelfth of the hour
SECTION: Final = PluginSection(kind=Kind.DISCOVERY, name="src", plugin="netbox", interval_s=60)
RECORDS: Final = ((Topic.RESOURCES, Resource), (Topic.DISCOVERY_RUNS, DiscoveryRun), (Topic.INVENTORY, Resource))


class World:
    """The two stages that an inventory comes of, a minute after the other."""

    def __init__(self):
        self.now_ms = NOW_MS
        self.manager_worker = FakeWorker("resources")
        self.manager = manage(self.manager_worker)
        self.inventory, self.tombstones, self.failed = {}, 0, []

    async def start(self):
        for topic, record in RECORDS:
            await self.manager_worker.context.serdes.of(topic, record).register()
        await self.manager_worker.own(*range(self.manager_worker.context.settings.kafka.partitions))
        return self

    async def minute(self, url):
        """Run the section once, in a worker that has just begun, and then all that follows of it."""
        self.now_ms += MINUTE_MS
        worker = FakeWorker("discovery")
        worker.now_ms = self.manager_worker.now_ms = self.now_ms
        for topic, record in RECORDS:
            await worker.context.serdes.of(topic, record).register()
        given = replace(context(url=url, **TOKEN, page_size="3", ttl_s=str(TTL_S)), now_ms=lambda: self.now_ms)
        discoverer = Discoverer(worker, [Installed(SECTION, lambda _: True, netbox(given))])
        for partition in range(worker.context.settings.kafka.partitions):
            await discoverer.run(DueTick(partition, Span(0, 0), gap=False))
        for each in worker.sent.stored:
            if each.topic == "panoptes.resources":
                self.manager_worker.bring(Topic.RESOURCES, each.key.decode(), each.value)
            else:
                self.failed.append(
                    worker.context.serdes.of(Topic.DISCOVERY_RUNS, DiscoveryRun).decode(each.value).failed
                )
                self.manager_worker.show(Topic.DISCOVERY_RUNS, each.key.decode(), each.value)
        await self.manager_worker.idle()
        await self.manager.expire()
        await self.manager_worker.idle()
        self._take()

    def _take(self):
        serde = self.manager_worker.context.serdes.of(Topic.INVENTORY, Resource)
        stored = self.manager_worker.sent.stored
        for each in (one for one in stored if one.topic == "panoptes.inventory"):
            if each.value is None:
                self.tombstones += 1
                self.inventory.pop(each.key.decode(), None)
            else:
                self.inventory[each.key.decode()] = replace(serde.decode(each.value), last_seen_ms=0)
        stored.clear()


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(None, id="away"),
        pytest.param((403, "application/json", "{}"), id="its-token-is-refused"),
        pytest.param((200, "text/html", "<html>log in</html>"), id="answering-html"),
        pytest.param("repeats", id="a-page-that-repeats-itself"),
    ],
)
async def test_nothing_expires_in_an_hour_of_failures_and_afterwards_the_inventory_is_the_same(broken):
    world, api = await World().start(), Api([device(number) for number in range(1, 8)])
    with serving(api) as url:
        await world.minute(url)
    before = dict(world.inventory)
    assert (len(before), world.failed) == (7, [""])
    if broken is None:
        for _ in range(60):
            await world.minute(url)
    else:
        api.repeats, api.broken = broken == "repeats", None if broken == "repeats" else broken
        with serving(api) as url:
            for _ in range(60):
                await world.minute(url)
    assert all(world.failed[1:])
    assert len(world.failed) == 61
    api.repeats, api.broken = False, None
    with serving(api) as url:
        for _ in range(10):
            await world.minute(url)
        assert (world.inventory, world.tombstones) == (before, 0)
        api.devices = api.devices[1:]
        for _ in range(TTL_S // 60 + 2):
            await world.minute(url)
    assert (set(before) - set(world.inventory), world.tombstones) == ({"fra1|network|leaf|frr|leaf1"}, 1)
