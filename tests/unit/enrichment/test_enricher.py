"""What is found of a resource never stands after what the inventory has said since."""

import asyncio
import json
import re
from dataclasses import asdict, replace
from types import SimpleNamespace

import pytest

from pollers.plugins.base import Kind
from schemas.codec import from_avro
from schemas.errors import DeviceError, FatalError
from schemas.records import EnrichedResource, Enrichment, Job
from streams.enrichment.agent import Enricher
from streams.runtime.faust.offsets import Offsets
from streams.runtime.kernel.alone import Alone
from streams.runtime.kernel.folding import Effects, fold_topic
from streams.runtime.ops.metrics import Metrics
from streams.runtime.plugins import Installed
from streams.runtime.registry.serde import UnknownSchema
from streams.runtime.settings.loading import PluginSection
from tests.unit.resources.test_inventory import SWITCH
from tests.unit.runtime.fake_stream import EachByItself

KEY = SWITCH.identity
FACTS = Enrichment(plugin="device-facts", collected_at_ms=1_000, ttl_s=3_600, facts={"vendor": "acme"})


class Json:
    """Encodes whatever record; decodes enriched resources."""

    def encode(self, record):
        return json.dumps(asdict(record)).encode()

    def decode(self, value):
        return from_avro(EnrichedResource, json.loads(value))


class Table(dict):
    def on_recover(self, _listener):
        pass


class Outbox:
    """Stores a topic's records; a send waits while it is held back."""

    def __init__(self):
        self.last = {}
        self.go = asyncio.Event()
        self.go.set()

    async def send(self, _topic, key, value, partition=None):
        await self.go.wait()
        self.last[key.decode()] = value


class App:
    def __init__(self):
        self.outbox = Outbox()
        self.offsets = Offsets()
        self.serdes = SimpleNamespace(of=lambda *_: Json())
        self.metrics = Metrics("enrichment")
        self.mine = True
        self.consumer_generation_id = 1
        self.crashed = None
        listeners = SimpleNamespace(connect=lambda *_, **__: None)
        self.on_partitions_assigned = self.on_rebalance_complete = listeners

    def bytes_table(self, _name):
        return Table()

    def topic_name(self, topic):
        return f"panoptes.{topic}"

    def partition_of(self, _key):
        return 0

    def owns(self, _topic, _key):
        return self.mine

    async def crash(self, fault):
        self.crashed = fault


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


@pytest.fixture
def world():
    app, plugin, traffic, load = App(), Plugin(), Polling("traffic"), Polling("load")
    of_kind = {
        Kind.ENRICHMENT: [installed(Kind.ENRICHMENT, "device", plugin)],
        Kind.POLLING: [installed(Kind.POLLING, "traffic", traffic), installed(Kind.POLLING, "load", load)],
    }
    enricher = Enricher(app, SimpleNamespace(of=of_kind.__getitem__))
    return SimpleNamespace(app=app, plugin=plugin, traffic=traffic, load=load, enricher=enricher)


def faults(world):
    """Return what the worker's metrics say, by section."""
    lines = world.app.metrics.text().decode().splitlines()
    found = (re.match(r'panoptes_plugin_faults_total{section="(.+)",stage="enrichment"} (.+)', line) for line in lines)
    return {match[1]: float(match[2]) for match in found if match}


async def fold(world, *records):
    """Let the stage's agent take records of the inventory, each in a batch of its own."""

    class Stream(EachByItself):
        async def events(self):
            for offset, record in enumerate(records):
                tp = SimpleNamespace(topic="panoptes.inventory", partition=0)
                message = SimpleNamespace(
                    generation_id=1,
                    tp=("panoptes.inventory", 0), topic=tp.topic, partition=0, offset=offset, key=KEY.encode(),
                    value=None if record is None else b"a resource",
                )  # fmt: skip
                self.now = record
                yield SimpleNamespace(message=message)

        async def read(self, _value):
            return self.now

    stream = Stream()
    async with asyncio.timeout(5):
        await fold_topic(
            world.app, stream, stream, world.enricher.table, world.enricher.take, world.enricher.alone
        )  # fmt: skip


async def enriched(world):
    async with asyncio.timeout(5):
        while world.enricher._running:
            await asyncio.gather(*world.enricher._running.values())


async def settle():
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_new_resource_is_published_with_what_was_found(world):
    world.plugin.answer.set()
    await fold(world, SWITCH)
    await enriched(world)
    assert Json().decode(world.app.outbox.last[KEY]).enrichments == {"device": FACTS}
    assert world.enricher.table[KEY] == world.app.outbox.last[KEY]


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
    assert Json().decode(world.app.outbox.last[KEY]).jobs == (world.traffic.job, world.load.job)


async def test_a_poller_that_fails_to_say_its_jobs_is_counted_and_keeps_those_that_it_had(world):
    world.plugin.answer.set()
    await fold(world, SWITCH)
    await enriched(world)
    world.traffic.fault = ZeroDivisionError()
    world.load.job = replace(world.load.job, interval_s=30)
    await fold(world, replace(SWITCH, endpoint="192.0.2.99"))
    await enriched(world)
    assert faults(world) == {"enrichment:device": 0, "polling:traffic": 1, "polling:load": 0}
    assert Json().decode(world.app.outbox.last[KEY]).jobs == (world.traffic.job, world.load.job)


async def test_a_tombstone_that_comes_while_findings_are_sent_stands_last(world):
    await fold(world, SWITCH)
    await settle()
    world.app.outbox.go.clear()
    world.plugin.answer.set()
    await settle()  # what was found is being sent
    gone = asyncio.create_task(fold(world, None))
    await settle()
    world.app.outbox.go.set()
    await gone
    await enriched(world)
    assert world.app.outbox.last == {KEY: None}
    assert world.enricher.table == {}


async def test_what_was_found_at_an_address_that_was_left_is_not_kept(world):
    await fold(world, SWITCH)
    await settle()
    await fold(world, replace(SWITCH, endpoint="192.0.2.99"))
    world.plugin.answer.set()
    await enriched(world)
    assert world.app.outbox.last == {}
    await world.enricher.run(SimpleNamespace(partition=0, span=SimpleNamespace(seconds=[1]), gap=False))
    await enriched(world)
    assert world.plugin.asked == [SWITCH.endpoint, "192.0.2.99"]
    assert Json().decode(world.app.outbox.last[KEY]).resource.endpoint == "192.0.2.99"


async def test_a_worker_whose_partition_has_left_says_nothing_more_of_it(world):
    await fold(world, SWITCH)
    await settle()
    before = dict(world.enricher.table)
    world.app.mine = False
    world.plugin.answer.set()
    await enriched(world)
    assert world.app.outbox.last == {}
    assert world.enricher.table == before


async def test_a_fault_that_would_set_every_record_aside_stops_the_worker(world):
    class Damaged:
        async def read(self, _value):
            raise FatalError("schemas.json is damaged")

    class Stream(EachByItself):
        async def events(self):
            message = SimpleNamespace(
                tp=("t", 0), topic="t", partition=0, offset=7, key=b"k", value=b"v", generation_id=1
            )
            yield SimpleNamespace(message=message)

    with pytest.raises(FatalError):
        await fold_topic(world.app, Stream(), Damaged(), {}, lambda _: None)
    assert isinstance(world.app.crashed, FatalError)
    assert world.app.offsets.committable(("t", 0)) == 7


async def test_a_record_is_not_set_aside_for_a_table_entry_whose_schema_is_still_to_be_fetched(world):
    learnt, taken = asyncio.Event(), []

    async def learn():
        learnt.set()

    def step(received):
        if not learnt.is_set():
            raise UnknownSchema("schema id 9 of a record of panoptes.inventory is not known yet", learn)
        taken.append(received.key)
        return Effects()

    class Stream(EachByItself):
        async def events(self):
            message = SimpleNamespace(
                tp=("t", 0), topic="t", partition=0, offset=7, key=b"k", value=None, generation_id=1
            )
            yield SimpleNamespace(message=message)

    await fold_topic(world.app, Stream(), None, {}, step)
    assert taken == ["k"]
    assert world.app.offsets.committable(("t", 0)) == 8


async def test_locks_of_keys_that_nobody_uses_are_not_kept():
    alone = Alone()
    async with alone.of("a"):
        assert len(alone._locks) == 1
    assert len(alone._locks) == 0


async def test_events_gathered_before_a_rebalance_are_left_to_their_second_delivery(world):
    class Stream(EachByItself):
        async def events(self):
            message = SimpleNamespace(
                tp=("t", 0), topic="t", partition=0, offset=50, key=b"k", value=None, generation_id=0
            )
            yield SimpleNamespace(message=message)

    taken = []
    await fold_topic(world.app, Stream(), None, {}, lambda received: taken.append(received) or Effects())
    assert taken == []
    assert world.app.offsets.committable(("t", 0)) is None, "committing 51 would lose what is delivered from 20 on"
