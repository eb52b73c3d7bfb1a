"""Sightings go into the inventory, and a resource that nobody has seen for its time to live is ended there."""

import asyncio
import json
from dataclasses import asdict, replace

import pytest

from schemas.codec import from_avro
from schemas.errors import RecordError
from schemas.records import DiscoveryRun, Resource
from streams.pipeline import Topic
from streams.resources.agent import manage
from streams.resources.agent_manager import EXPIRE_EVERY_S
from streams.resources.entries import write_known
from streams.runtime.kernel.effects import Write
from streams.runtime.registry.serde import UnknownSchema
from tests.unit.resources.test_inventory import SWITCH
from tests.unit.runtime.kernel_fakes import FakeWorker, settings_with, settle, until

KEY = SWITCH.identity
EXPIRES_MS = SWITCH.last_seen_ms + SWITCH.ttl_s * 1000
INVENTORY = "panoptes.inventory"


class Json:
    """A serde of which some schemas are to be fetched first (`new`) or are lost (`lost`)."""

    def __init__(self):
        self.fetched = set()

    def encode(self, record):
        return b"\x00" + json.dumps(asdict(record)).encode()

    def decode(self, value):
        async def fetch():
            if value == b"lost":
                raise RecordError("unknown schema id 9")
            self.fetched.add(value)

        if value in {b"new", b"lost"} and value not in self.fetched:
            raise UnknownSchema("not known yet", fetch)
        if value == b"new":
            return SWITCH
        try:
            return from_avro(Resource, json.loads(value[1:]))
        except ValueError as problem:
            raise RecordError(f"no record: {problem}") from problem


def write_run(run):
    return json.dumps(asdict(run)).encode()


class RunsSerde:
    async def read(self, value):
        return DiscoveryRun(**json.loads(value))


RUNS = RunsSerde()


class World:
    """The stage in a worker that has every partition."""

    def __init__(self, *entries, precedence=()):
        self.serde = Json()
        settings = settings_with("resources", precedence=list(precedence))
        self.worker = worker = FakeWorker("resources", settings)
        worker.now_ms = SWITCH.last_seen_ms
        worker.context.serdes.of = lambda topic, _: RUNS if topic is Topic.DISCOVERY_RUNS else self.serde
        self.manager = manage(worker)
        self.outbox = worker.sent
        for key, value in entries:
            self.manager.table.store(worker.partition(key), [Write(key.encode(), value)])

    async def start(self):
        await self.worker.own(*range(self.worker.context.settings.kafka.partitions))
        return self

    @property
    def known(self):
        table = self.manager.table
        return {key.decode() for partition in table.partitions() for key in table.keys(partition)}

    @property
    def stored(self):
        """What was stored in the inventory since the last look: keys and values."""
        stored = [(each.key.decode(), each.value) for each in self.outbox.stored if each.topic == INVENTORY]
        self.outbox.stored.clear()
        return stored

    def bring(self, *sightings):
        for sighting in sightings:
            self.worker.bring(Topic.RESOURCES, sighting.identity, self.serde.encode(sighting))

    async def see(self, *sightings):
        for sighting in sightings:
            self.bring(sighting)
            await self.worker.idle()

    async def tick(self, now_ms):
        """Do what the manager has asked to be done every few seconds."""
        self.worker.now_ms = now_ms
        async with asyncio.timeout(5):
            await self.manager.expire()

    def published(self):
        """Return the resources as the inventory has them last."""
        return [self.serde.decode(value) for _, value in self.stored if value is not None]


@pytest.fixture
async def app():
    """Return a worker that knows the switch, with nothing sent of late."""
    world = await World().start()
    await world.see(SWITCH)
    assert world.stored == [(KEY, world.serde.encode(SWITCH))]
    return world


async def test_a_resource_leaves_the_inventory_when_its_ttl_is_over(app):
    await app.tick(EXPIRES_MS)
    assert app.stored == [(KEY, None)]
    assert app.known == set()
    assert app.manager.known() == 0


async def test_it_stays_until_then(app):
    await app.tick(EXPIRES_MS - 1)
    assert app.stored == []
    assert app.known == {KEY}


async def test_it_is_ended_once(app):
    await app.tick(EXPIRES_MS)
    await app.tick(EXPIRES_MS + 10_000)
    assert app.stored == [(KEY, None)]


async def test_only_what_has_expired_is_ended(app):
    router = replace(SWITCH, resource_id="rt1", ttl_s=2 * SWITCH.ttl_s)
    await app.see(router)
    app.outbox.stored.clear()
    await app.tick(EXPIRES_MS)
    assert app.stored == [(KEY, None)]
    assert app.known == {router.identity}


async def test_another_sighting_begins_its_ttl_anew(app):
    await app.see(replace(SWITCH, last_seen_ms=EXPIRES_MS - 1))
    app.outbox.stored.clear()
    await app.tick(EXPIRES_MS)
    assert app.stored == []


async def test_one_that_is_seen_again_after_its_end_is_in_the_inventory_again(app):
    await app.tick(EXPIRES_MS)
    seen = replace(SWITCH, first_seen_ms=EXPIRES_MS + 1, last_seen_ms=EXPIRES_MS + 1)
    await app.see(seen)
    assert app.stored == [(KEY, None), (KEY, app.serde.encode(seen))]


async def test_nothing_is_ended_while_the_table_is_recovered():
    entry = write_known(SWITCH, {"a": SWITCH}, Json().encode)
    world = World((KEY, entry))
    await world.worker.revoked()
    world.worker.assigned(world.worker.places(world.worker.partition(KEY)))
    await world.tick(EXPIRES_MS)
    assert world.stored == []
    world.worker.lifecycle.recovered()
    await until(lambda: not world.worker.lifecycle.waiting())
    await world.tick(EXPIRES_MS)
    assert world.stored == [(KEY, None)]


async def test_what_belongs_to_another_worker_is_left_to_it(app):
    others = {*range(app.worker.context.settings.kafka.partitions)} - {app.worker.partition(KEY)}
    await app.worker.own(*others)
    await app.tick(EXPIRES_MS)
    assert app.stored == []
    assert app.manager.known() == 0


async def test_a_sighting_on_its_way_keeps_it(app):
    go = app.outbox.hold(INVENTORY)
    seen = replace(SWITCH, last_seen_ms=EXPIRES_MS)
    app.bring(seen)
    await until(app.outbox.waits.is_set)
    expiry = asyncio.create_task(app.tick(EXPIRES_MS))
    await settle()
    go.set()
    await expiry
    assert app.stored == [(KEY, app.serde.encode(seen))]
    assert app.known == {KEY}


async def test_it_is_known_until_its_end_is_stored_and_its_end_is_tried_again(app):
    app.outbox.refused = {None}
    await app.tick(EXPIRES_MS)
    assert app.known == {KEY}, "forgotten without a tombstone it would stay in the inventory for ever"
    app.outbox.refused = set()
    await app.tick(EXPIRES_MS + EXPIRE_EVERY_S * 1000)
    assert app.stored == [(KEY, None)]
    assert app.known == set()


async def test_a_sighting_that_says_nothing_new_is_not_published(app):
    await app.see(replace(SWITCH, last_seen_ms=2_000))
    assert app.stored == []


# sections


async def test_sections_that_differ_are_merged_by_precedence_and_a_short_one_goes_by_itself():
    world = await World(precedence=["b"]).start()
    other = replace(SWITCH, plugins=("b",), endpoint="192.0.2.2", labels={"rack": "7"}, ttl_s=10)
    await world.see(SWITCH, other)
    first, both = world.published()
    assert (first.endpoint, first.plugins) == ("192.0.2.1", ("a",))
    assert (both.endpoint, both.labels, both.plugins) == ("192.0.2.2", {"room": "1", "rack": "7"}, ("a", "b"))
    await world.tick(other.last_seen_ms + 10_000)
    [left] = world.published()
    assert (left.endpoint, left.labels, left.plugins) == ("192.0.2.1", {"room": "1"}, ("a",))
    assert world.known == {KEY}
    await world.tick(EXPIRES_MS)
    assert world.stored == [(KEY, None)]


async def test_labels_that_a_section_no_longer_says_go(app):
    await app.see(replace(SWITCH, last_seen_ms=2_000, labels={}))
    [now] = app.published()
    assert now.labels == {}


async def test_a_worker_that_takes_over_knows_every_section_and_when_each_of_them_ends(app):
    other = replace(SWITCH, plugins=("b",), endpoint="192.0.2.2", ttl_s=10)
    await app.see(other)
    partition = app.worker.partition(KEY)
    entry = app.manager.table.get(partition, KEY.encode())
    heir = await World((KEY, entry)).start()
    await heir.tick(other.last_seen_ms + 10_000)
    [left] = heir.published()
    assert (left.plugins, left.endpoint) == (("a",), "192.0.2.1")


# entries of the table that cannot be read


@pytest.mark.parametrize("entry", [b"rubbish", b"\x01\x00", b"lost"], ids=["rubbish", "cut", "schema-is-lost"])
async def test_an_entry_that_cannot_be_read_is_counted_and_a_later_sighting_replaces_it(entry):
    world = await World((KEY, entry)).start()
    assert world.manager.set_aside >= 1
    await world.tick(EXPIRES_MS)  # goes on
    await world.see(SWITCH)
    assert world.stored == [(KEY, world.serde.encode(SWITCH))]
    assert [origin[0] for origin in world.worker.letters.origins] == ["known-resources"], "the entry, not the sighting"
    await world.tick(EXPIRES_MS)
    assert world.stored == [(KEY, None)]


async def test_an_entry_whose_schema_is_to_be_fetched_is_read_then():
    world = await World((KEY, b"new")).start()
    assert (world.manager.set_aside, world.manager.known()) == (0, 1)
    await world.tick(EXPIRES_MS)
    assert world.stored == [(KEY, None)]


async def test_an_entry_that_cannot_be_read_when_it_ends_keeps_no_other_from_its_end(app):
    router = replace(SWITCH, resource_id="rt1")
    await app.see(router)
    app.outbox.stored.clear()
    app.manager.table.store(app.worker.partition(KEY), [Write(KEY.encode(), b"rubbish")])
    await app.tick(EXPIRES_MS)
    assert app.stored == [(router.identity, None)]
    await app.tick(EXPIRES_MS + 10_000)
    assert app.manager.set_aside == 1
    assert app.worker.flow.faults == []


async def test_a_record_that_is_no_sighting_is_set_aside(app):
    app.worker.bring(Topic.RESOURCES, KEY, b"rubbish")
    await app.worker.idle()
    assert app.worker.letters.count == 1
    assert (app.stored, app.known) == ([], {KEY})


async def test_what_the_stage_knows_stands_in_its_metrics(app):
    text = app.worker.context.metrics.text().decode()
    assert 'panoptes_resources_known{stage="resources"} 1.0' in text
    assert 'panoptes_entries_set_aside_total{stage="resources"} 0.0' in text
    assert app.worker.background["expire"]


async def test_a_tombstone_among_the_sightings_ends_a_resource_at_once(app):
    app.worker.bring(Topic.RESOURCES, KEY, None)
    await app.worker.idle()
    assert (app.stored, app.known, app.manager.known()) == ([(KEY, None)], set(), 0)


def told(app, ended_at_ms, failed=""):
    """Let a run of the switch's section be known."""
    [section] = SWITCH.plugins
    run = DiscoveryRun(
        section=section, interval_s=60, started_at_ms=0, ended_at_ms=ended_at_ms, resources=0, problems=0, failed=failed
    )
    app.worker.show(Topic.DISCOVERY_RUNS, section, write_run(run))


async def test_nothing_expires_that_a_section_saw_whose_last_run_failed_and_it_does_once_a_run_is_good_again(app):
    told(app, EXPIRES_MS, "the source is away")
    await app.tick(EXPIRES_MS + 100_000)
    assert (app.stored, app.manager.held()) == ([], 1)
    told(app, EXPIRES_MS + 110_000)
    await app.tick(EXPIRES_MS + 165_000)  # what the good run has seen may still be on its way
    assert app.stored == []
    await app.tick(EXPIRES_MS + 300_000)
    assert (app.stored, app.manager.held()) == ([(KEY, None)], 0)


async def test_a_section_that_failed_and_was_never_run_again_holds_nothing_for_ever(app):
    told(app, EXPIRES_MS, "the source is away")
    await app.tick(EXPIRES_MS + 3 * 60_000 + 1)
    assert app.stored == [(KEY, None)]


async def test_another_sections_failure_holds_nothing(app):
    run = DiscoveryRun(
        section="other", interval_s=60, started_at_ms=0, ended_at_ms=EXPIRES_MS, resources=0, problems=0, failed="away"
    )
    app.worker.show(Topic.DISCOVERY_RUNS, "other", write_run(run))
    await app.tick(EXPIRES_MS)
    assert app.stored == [(KEY, None)]
