"""What is found of a resource never stands after what the inventory has said since."""

import asyncio
import json
import re
import time
from dataclasses import asdict, replace
from types import SimpleNamespace

import pytest

from pollers.plugins.base import Kind
from schemas.codec import from_avro
from schemas.errors import DeviceError
from schemas.records import EnrichedResource, Enrichment, Job, Resource
from streams.enrichment.agent import RETRY_S, Enricher
from streams.enrichment.merging import first_seen
from streams.pipeline import Topic
from streams.runtime.kernel.context import StageContext
from streams.runtime.kernel.effects import Write
from streams.runtime.kernel.handler import Pace
from streams.runtime.plugins import Installed
from streams.runtime.schedule.owner import DueTick
from streams.runtime.settings.loading import PluginSection
from streams.scheduling.filter_fields import ENRICHED as ENRICHED_FIELDS
from streams.scheduling.filters import compile_over
from streams.scheduling.slots import Span
from tests.unit.resources.test_inventory import SWITCH
from tests.unit.runtime.kernel_fakes import FakeWorker, settle, until

ENRICHED = "panoptes.enriched-resources"
KEY = SWITCH.identity
FACTS = Enrichment(plugin="device-facts", collected_at_ms=1_000, ttl_s=3_600, facts={"vendor": "acme"})


class Json:
    def __init__(self, record):
        self._record = record

    def encode(self, record):
        return json.dumps(asdict(record)).encode()

    def decode(self, value):
        return from_avro(self._record, json.loads(value))


class Plugin:
    """Answers when it may."""

    def __init__(self):
        self.asked = []
        self.answer = asyncio.Event()
        self.found = {"device": FACTS}

    async def enrich(self, resource):
        self.asked.append(resource.endpoint)
        await self.answer.wait()
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


class Polling:
    """Wants one job, of a minute, or fails."""

    def __init__(self, section):
        self.job = Job(plugin=section, profile="", interval_s=60)
        self.fault = None

    def jobs(self, _resource, _enrichments):
        if self.fault is not None:
            raise self.fault
        return [self.job]


def installed(kind, name, instance):
    section = PluginSection(kind=kind, name=name, plugin="fake", interval_s=600)
    return Installed(section, lambda _: True, instance)


def plugins(of_kind):
    return SimpleNamespace(of=of_kind.__getitem__, know=lambda _known: None)


class World:
    """The stage in a worker that has the switch's partition."""

    def __init__(self):
        self.worker = FakeWorker("enrichment")
        self.worker.context.serdes.of = lambda topic, _record: Json(
            Resource if topic is Topic.INVENTORY else EnrichedResource
        )
        self.plugin, self.traffic, self.load = Plugin(), Polling("traffic"), Polling("load")
        of_kind = {
            Kind.ENRICHMENT: [installed(Kind.ENRICHMENT, "device", self.plugin)],
            Kind.POLLING: [
                installed(Kind.POLLING, "traffic", self.traffic),
                installed(Kind.POLLING, "load", self.load),
            ],
        }
        self.table = self.worker.table("enriched")
        self.enricher = Enricher(self.worker.context, self.table, plugins(of_kind))
        self.worker.lifecycle.register(self.enricher)
        self.worker.lifecycle.register(self.enricher.schedules)
        self.enricher.fold = self.worker.fold([Topic.INVENTORY], self.enricher.step, self.table, pace=Pace(linger_s=0))
        self.partition = self.worker.partition(KEY)

    @property
    def stored(self):
        return self.table.get(self.partition, KEY.encode())

    @property
    def last(self):
        """What stands last in the enriched resources; `...` where nothing does."""
        values = self.worker.sent.values(ENRICHED, KEY)
        return values[-1] if values else ...

    async def tick(self):
        await self.enricher.run(DueTick(self.partition, Span(1, 1), gap=False))


class Neighbours:
    """A section that is for switches of one vendor only."""

    def __init__(self):
        self.asked = 0

    async def enrich(self, _resource):
        self.asked += 1
        return {"neighbours": replace(FACTS, plugin="neighbours", facts={"sys_name": "sw1"})}


@pytest.mark.parametrize(
    ("vendor", "asked", "jobs"),
    [pytest.param("acme", 1, ["traffic"], id="it-fits"), pytest.param("other", 0, [], id="it-does-not")],
)
async def test_sections_are_picked_by_what_was_found_a_moment_before(vendor, asked, jobs):
    world, neighbours = World(), Neighbours()
    section = PluginSection(
        kind=Kind.ENRICHMENT, name="a-first", plugin="neighbours", interval_s=600, filter="facts.vendor = 'acme'"
    )
    polling = PluginSection(
        kind=Kind.POLLING, name="traffic", plugin="fake", interval_s=600, filter="neighbours.sys_name = 'sw1'"
    )
    of_kind = {
        Kind.ENRICHMENT: [
            Installed(section, compile_over(section.filter, ENRICHED_FIELDS), neighbours),
            installed(Kind.ENRICHMENT, "device", world.plugin),
        ],
        Kind.POLLING: [Installed(polling, compile_over(polling.filter, ENRICHED_FIELDS), world.traffic)],
    }
    enricher = Enricher(world.worker.context, world.table, plugins(of_kind))
    world.plugin.found = {"device": replace(FACTS, facts={"vendor": vendor})}
    world.plugin.answer.set()
    known = first_seen(SWITCH)
    found = await enricher._ask_all(known, ["a-first", "device"])
    assert neighbours.asked == asked
    assert [job.plugin for job in enricher._jobs_wanted(known, found)] == jobs


@pytest.fixture
async def world():
    made = World()
    await made.worker.own(made.partition)
    return made


def faults(world):
    """Return what the worker's metrics say, by section."""
    lines = world.worker.context.metrics.text().decode().splitlines()
    found = (re.match(r'panoptes_plugin_faults_total{section="(.+)",stage="enrichment"} (.+)', line) for line in lines)
    return {match[1]: float(match[2]) for match in found if match}


async def fold(world, *records):
    """Bring records of the inventory, and return when their effects are in place."""
    for record in records:
        world.worker.bring(Topic.INVENTORY, KEY, None if record is None else Json(Resource).encode(record))
        await world.worker.idle()


async def enriched(world):
    async with asyncio.timeout(5):
        while world.enricher._running:
            await asyncio.gather(*world.enricher._running.values(), return_exceptions=True)
            await asyncio.sleep(0)  # for what is called when they are done: gathering those that are does not wait


async def test_a_new_resource_is_published_with_what_was_found(world):
    world.plugin.answer.set()
    await fold(world, SWITCH)
    await enriched(world)
    assert Json(EnrichedResource).decode(world.last).enrichments == {"device": FACTS}
    assert world.stored == world.last


@pytest.mark.parametrize(
    ("found", "counted"),
    [
        pytest.param({"device": FACTS}, 0, id="answers"),
        pytest.param(DeviceError("no answer"), 0, id="device-is-silent"),
        pytest.param(KeyError("model"), 1, id="raises"),
        pytest.param(None, 1, id="gives-nothing"),
    ],
)
async def test_a_plugin_that_fails_is_counted_and_the_resource_gets_its_jobs_all_the_same(world, found, counted):
    world.plugin.found = found
    world.plugin.answer.set()
    await fold(world, SWITCH)
    await enriched(world)
    assert faults(world) == {"enrichment:device": counted, "polling:traffic": 0, "polling:load": 0}
    assert Json(EnrichedResource).decode(world.last).jobs == (world.traffic.job, world.load.job)


async def test_a_poller_that_fails_to_say_its_jobs_is_counted_and_keeps_those_that_it_had(world):
    world.plugin.answer.set()
    await fold(world, SWITCH)
    await enriched(world)
    world.traffic.fault = ZeroDivisionError()
    world.load.job = replace(world.load.job, interval_s=30)
    await fold(world, replace(SWITCH, endpoint="192.0.2.99"))
    await enriched(world)
    assert faults(world) == {"enrichment:device": 0, "polling:traffic": 1, "polling:load": 0}
    assert Json(EnrichedResource).decode(world.last).jobs == (world.traffic.job, world.load.job)


async def test_a_tombstone_that_comes_while_findings_are_sent_stands_last(world):
    await fold(world, SWITCH)
    await settle()
    go = world.worker.sent.hold(ENRICHED)
    world.plugin.answer.set()
    await until(world.worker.sent.waits.is_set)  # what was found is being sent
    gone = asyncio.create_task(fold(world, None))
    await settle()
    go.set()
    await gone
    await enriched(world)
    assert world.last is None
    assert world.stored is None


async def test_findings_of_a_resource_that_has_gone_meanwhile_are_not_kept(world):
    await fold(world, SWITCH)
    await settle()
    await fold(world, None)
    world.plugin.answer.set()
    await enriched(world)
    assert world.last is None
    assert world.stored is None


async def test_what_was_found_at_an_address_that_was_left_is_not_kept(world):
    await fold(world, SWITCH)
    await settle()
    await fold(world, replace(SWITCH, endpoint="192.0.2.99"))
    world.plugin.answer.set()
    await enriched(world)
    assert world.last is ...
    await world.tick()
    await enriched(world)
    assert world.plugin.asked == [SWITCH.endpoint, "192.0.2.99"]
    assert Json(EnrichedResource).decode(world.last).resource.endpoint == "192.0.2.99"


async def test_a_worker_whose_partition_has_left_says_nothing_more_of_it(world):
    await fold(world, SWITCH)
    await settle()
    written = list(world.worker.sent.stored)
    await world.worker.own((world.partition + 1) % 4)
    world.plugin.answer.set()
    await enriched(world)
    await settle()
    assert world.worker.sent.stored == written


async def test_findings_that_a_rebalance_came_between_are_asked_for_again_where_the_partition_stays(world):
    world.plugin.answer.set()
    await fold(world, SWITCH)
    await enriched(world)
    world.plugin.found = {"device": replace(FACTS, facts={"vendor": "other"})}
    go = world.worker.sent.hold(ENRICHED)
    world.worker.sent.waits.clear()
    world.enricher.start(KEY, ["device"])
    await until(world.worker.sent.waits.is_set)  # what was found is being sent
    world.worker.assigned(world.worker.places(world.partition))
    go.set()
    await enriched(world)
    assert Json(EnrichedResource).decode(world.last).enrichments == {"device": FACTS}
    await world.tick()
    await enriched(world)
    assert Json(EnrichedResource).decode(world.last).enrichments == world.plugin.found


async def test_a_first_enrichment_that_was_cut_short_is_due_again_with_the_new_owner(world):
    await fold(world, SWITCH)
    await settle()
    heir = World()
    heir.table.store(heir.partition, [Write(KEY.encode(), world.stored)])
    await heir.worker.own(heir.partition)
    heir.plugin.answer.set()
    await heir.tick()
    await enriched(heir)
    assert Json(EnrichedResource).decode(heir.last).enrichments == {"device": FACTS}


async def test_a_device_that_did_not_answer_is_asked_again_after_a_while(world, monkeypatch):
    world.plugin.found = DeviceError("no answer")
    world.plugin.answer.set()
    await fold(world, SWITCH)
    await enriched(world)
    await world.tick()
    await enriched(world)
    assert len(world.plugin.asked) == 1
    now = time.time()
    monkeypatch.setattr("streams.enrichment.agent.time.time", lambda: now + RETRY_S + 1)
    await world.tick()
    await enriched(world)
    assert len(world.plugin.asked) == 2


async def test_a_tick_looks_at_no_key_of_another_partition_however_many_wait_for_their_first_enrichment(
    world, monkeypatch
):
    other = (world.partition + 1) % world.worker.context.settings.kafka.partitions
    await world.worker.own(world.partition, other)
    resources = [replace(SWITCH, resource_id=f"sw{number}") for number in range(200)]
    waiting = [each for each in resources if world.worker.partition(each.identity) == world.partition]
    for each in waiting:
        world.worker.bring(Topic.INVENTORY, each.identity, Json(Resource).encode(each))
    await world.worker.idle()
    hashed = []
    of = StageContext.partition_of
    monkeypatch.setattr(StageContext, "partition_of", lambda context, key: hashed.append(key) or of(context, key))
    await world.enricher.run(DueTick(other, Span(1, 1), gap=False))
    await world.tick()
    assert len(waiting) > 10
    assert hashed == []
