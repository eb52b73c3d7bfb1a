"""A plugin that goes step by step: what it finds is stored first, then from where it goes on."""

import asyncio
from dataclasses import replace

import pytest

from pollers.plugins.base import Discovery, SightingBatch
from schemas.records import DiscoveryRun, Resource
from streams.discovery.agent import Discoverer
from streams.pipeline import Topic
from streams.runtime.schedule.owner import Due
from streams.scheduling.slots import Span
from tests.unit.discovery.test_discoverer import ROUTER, App, installed
from tests.unit.resources.test_inventory import SWITCH


class Stepping:
    """Yields the given batches, from the one on that its state names; notes what it was given."""

    def __init__(self, *batches):
        self.batches, self.states, self.known = batches, [], []

    async def discover(self, known, state):
        self.states.append(state)
        for batch in self.batches[int(state or 0) :]:
            self.known.append(known.named(SWITCH.site, SWITCH.resource_id))
            if isinstance(batch, BaseException):
                raise batch
            yield batch


@pytest.fixture
async def app():
    app = App()
    for topic, record in ((Topic.RESOURCES, Resource), (Topic.DISCOVERY_RUNS, DiscoveryRun)):
        await app.context.serdes.of(topic, record).register()
    await app.context.serdes.of(Topic.INVENTORY, Resource).register()
    return app


async def discoverer_of(app, plugin):
    made = Discoverer(app, [installed("lab", None)._replace(instance=plugin)])
    app.inputs[Topic.TICKS_DISCOVERY] = lambda _record: None  # what its partitions are shared out by
    await app.own(*range(app.context.settings.kafka.partitions))
    return made


async def run(app, discoverer):
    discoverer._first_run = {"lab"}
    for partition in range(app.context.settings.kafka.partitions):
        await discoverer.run(Due(partition, Span(0, 0), gap=False))


def kept(discoverer):
    return discoverer._table.get(discoverer._partition("lab"), b"lab")


async def test_a_run_that_was_cut_short_goes_on_from_its_last_batch_and_begins_anew_after_a_whole_one(app):
    plugin = Stepping(
        SightingBatch(resources=[SWITCH], state=b"1", done=1, total=2),
        RuntimeError("cut"),
        SightingBatch(state=b"", done=2, total=2),
    )
    discoverer = await discoverer_of(app, plugin)
    await run(app, discoverer)
    assert (app.stored, kept(discoverer), app.told) == ([SWITCH.identity], b"1", {"lab": "RuntimeError: cut"})
    plugin.batches = (
        plugin.batches[0],
        SightingBatch(resources=[ROUTER], state=b"2"),
        SightingBatch(state=b"", done=2, total=2),
    )
    await run(app, discoverer)
    assert (app.stored[1:], kept(discoverer), app.told) == ([ROUTER.identity], None, {"lab": ""})
    await run(app, discoverer)
    assert plugin.states == [None, b"1", None]


async def test_what_is_found_is_stored_before_from_where_the_run_goes_on(app):
    discoverer = await discoverer_of(app, Stepping(SightingBatch(resources=[SWITCH], state=b"1")))
    await run(app, discoverer)
    topics = [each.topic for each in app.sent.stored]
    assert topics == ["panoptes.resources", app.changelog(discoverer._table), "panoptes.discovery-runs"]


async def test_a_plugin_is_told_what_the_inventory_holds_also_what_came_since_its_run_began(app):
    plugin = Stepping(SightingBatch(), SightingBatch())
    discoverer = await discoverer_of(app, plugin)
    inventory = app.context.serdes.of(Topic.INVENTORY, Resource)
    app.show(Topic.INVENTORY, SWITCH.identity, inventory.encode(SWITCH))
    await run(app, discoverer)
    assert plugin.known == [SWITCH, SWITCH]
    app.show(Topic.INVENTORY, SWITCH.identity, None)
    await run(app, discoverer)
    assert plugin.known[2:] == [None, None]


async def test_a_run_that_says_it_failed_is_told_and_what_it_saw_is_kept(app):
    discoverer = await discoverer_of(
        app, Stepping(SightingBatch(resources=[SWITCH]), SightingBatch(failed="the source is away"))
    )
    await run(app, discoverer)
    assert (app.stored, app.told) == ([SWITCH.identity], {"lab": "the source is away"})


@pytest.mark.parametrize("listing", [True, False], ids=["a-listing-plugin", "one-that-goes-step-by-step"])
async def test_an_id_that_its_site_has_with_another_class_or_type_is_refused(app, caplog, listing):
    other = replace(SWITCH, resource_type="juniper")
    plugin = Stepping(SightingBatch(resources=[other, ROUTER]))
    if listing:
        plugin = installed("lab", Discovery(resources=[other, ROUTER])).instance
    discoverer = await discoverer_of(app, plugin)
    inventory = app.context.serdes.of(Topic.INVENTORY, Resource)
    app.show(Topic.INVENTORY, SWITCH.identity, inventory.encode(SWITCH))
    await run(app, discoverer)
    assert app.stored == [ROUTER.identity]
    assert f"its site has {SWITCH.identity} already" in caplog.text


async def test_a_run_that_takes_longer_than_its_interval_is_not_begun_twice(app):
    going, started = asyncio.Event(), []

    class Slow:
        async def discover(self, _known, _state):
            started.append(1)
            await going.wait()
            yield SightingBatch()

    discoverer = await discoverer_of(app, Slow())
    first = asyncio.create_task(run(app, discoverer))
    async with asyncio.timeout(5):
        while not started:
            await asyncio.sleep(0)
        await run(app, discoverer)
        going.set()
        await first
    assert len(started) == 1
