"""Sightings go into the inventory, and a resource that nobody has seen for its time to live is ended there."""

import asyncio
import json
from dataclasses import asdict, replace
from types import SimpleNamespace

import pytest

from schemas.codec import from_avro
from schemas.errors import RecordError
from schemas.records import Resource
from streams.pipeline import Topic
from streams.resources.agent import EXPIRE_EVERY_S, manage
from streams.runtime.faust.offsets import Offsets
from tests.unit.resources.test_inventory import SWITCH
from tests.unit.runtime.fake_stream import EachByItself

KEY = SWITCH.identity
EXPIRES_MS = SWITCH.last_seen_ms + SWITCH.ttl_s * 1000
INVENTORY = "panoptes.inventory"


class Json:
    def encode(self, record):
        return json.dumps(asdict(record)).encode()

    def decode(self, value):
        return from_avro(Resource, json.loads(value))

    async def read(self, value):
        return self.decode(value)


class Outbox:
    """Stores records in their order; a send waits while it is held back, and fails where it is told to."""

    def __init__(self):
        self.stored = []
        self.go = asyncio.Event()
        self.go.set()
        self.problem = None

    async def send(self, topic, key, value, partition=None):
        await self.go.wait()
        if self.problem is not None:
            raise self.problem
        self.stored.append((topic, key.decode(), value))


class App:
    """The part of a stage's app that the manager uses, with a clock that is set by hand."""

    def __init__(self):
        self.now_ms = SWITCH.last_seen_ms
        self.outbox = Outbox()
        self.offsets = Offsets()
        self.serdes = SimpleNamespace(of=lambda *_: Json())
        self.consumer_generation_id = 1
        self.recovered = True
        self.mine = True
        self.tables, self.agents, self.timers = {}, {}, {}
        self.offset = 0

    def topic_name(self, topic):
        return f"panoptes.{topic}"

    def input_topic(self, topic):
        return self.topic_name(topic)

    def bytes_table(self, name):
        return self.tables.setdefault(name, {})

    def agent(self, topic, name):
        return lambda work: self.agents.setdefault(topic, work)

    def timer(self, interval_s):
        return lambda work: self.timers.setdefault(interval_s, work)

    def is_recovered(self):
        return self.recovered

    def owns(self, topic, _key):
        return self.mine and topic is Topic.RESOURCES

    @property
    def known(self):
        return set(self.tables["known-resources"])

    async def see(self, *sightings):
        """Let the stage's agent take sightings, each in a batch of its own."""

        class Stream(EachByItself):
            async def events(_):  # noqa: N805
                for sighting in sightings:
                    self.offset += 1
                    message = SimpleNamespace(
                        tp=("panoptes.resources", 0), topic="panoptes.resources", partition=0, offset=self.offset,
                        key=sighting.identity.encode(), value=Json().encode(sighting), generation_id=1,
                    )  # fmt: skip
                    yield SimpleNamespace(message=message)

        async with asyncio.timeout(5):
            await self.agents["panoptes.resources"](Stream())

    async def tick(self, now_ms):
        """Do what the manager has asked to be done every few seconds."""
        self.now_ms = now_ms
        async with asyncio.timeout(5):
            await self.timers[EXPIRE_EVERY_S]()


@pytest.fixture
async def app():
    """Return an app that knows the switch, with nothing sent of late."""
    app = App()
    manage(app, lambda: app.now_ms)
    await app.see(SWITCH)
    assert app.outbox.stored == [(INVENTORY, KEY, Json().encode(SWITCH))]
    app.outbox.stored.clear()
    return app


async def settle():
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_resource_leaves_the_inventory_when_its_ttl_is_over(app):
    await app.tick(EXPIRES_MS)
    assert app.outbox.stored == [(INVENTORY, KEY, None)]
    assert app.known == set()


async def test_it_stays_until_then(app):
    await app.tick(EXPIRES_MS - 1)
    assert app.outbox.stored == []
    assert app.known == {KEY}


async def test_it_is_ended_once(app):
    await app.tick(EXPIRES_MS)
    await app.tick(EXPIRES_MS + 10_000)
    assert app.outbox.stored == [(INVENTORY, KEY, None)]


async def test_only_what_has_expired_is_ended(app):
    router = replace(SWITCH, resource_id="rt1", ttl_s=2 * SWITCH.ttl_s)
    await app.see(router)
    app.outbox.stored.clear()
    await app.tick(EXPIRES_MS)
    assert app.outbox.stored == [(INVENTORY, KEY, None)]
    assert app.known == {router.identity}


async def test_another_sighting_begins_its_ttl_anew(app):
    await app.see(replace(SWITCH, last_seen_ms=EXPIRES_MS - 1))
    app.outbox.stored.clear()
    await app.tick(EXPIRES_MS)
    assert app.outbox.stored == []


async def test_one_that_is_seen_again_after_its_end_is_in_the_inventory_again(app):
    await app.tick(EXPIRES_MS)
    seen = replace(SWITCH, first_seen_ms=EXPIRES_MS + 1, last_seen_ms=EXPIRES_MS + 1)
    await app.see(seen)
    assert app.outbox.stored == [(INVENTORY, KEY, None), (INVENTORY, KEY, Json().encode(seen))]


async def test_nothing_is_ended_while_the_table_is_recovered(app):
    app.recovered = False
    await app.tick(EXPIRES_MS)
    assert app.outbox.stored == []
    assert app.known == {KEY}


async def test_what_belongs_to_another_worker_is_left_to_it(app):
    app.mine = False
    await app.tick(EXPIRES_MS)
    assert app.outbox.stored == []
    assert app.known == {KEY}


async def test_a_sighting_on_its_way_keeps_it(app):
    app.outbox.go.clear()
    seen = replace(SWITCH, last_seen_ms=EXPIRES_MS)
    sighting = asyncio.create_task(app.see(seen))
    await settle()  # the sighting is being sent
    expiry = asyncio.create_task(app.tick(EXPIRES_MS))
    await settle()
    app.outbox.go.set()
    await asyncio.gather(sighting, expiry)
    assert app.outbox.stored == [(INVENTORY, KEY, Json().encode(seen))]
    assert app.known == {KEY}


async def test_it_is_known_until_its_end_is_stored(app):
    app.outbox.problem = RecordError("not today")
    with pytest.raises(RecordError):
        await app.tick(EXPIRES_MS)
    assert app.known == {KEY}, "forgotten without a tombstone it would stay in the inventory for ever"
