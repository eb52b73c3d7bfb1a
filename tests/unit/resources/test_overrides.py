"""What an operator says of a resource outlasts what sections see of it."""

from dataclasses import replace

import pytest

from schemas.errors import RecordError
from streams.discovery.sightings import clash
from streams.pipeline import Topic
from streams.resources import overrides
from streams.resources.inventory import OPERATOR
from tests.unit.resources.test_inventory import SWITCH
from tests.unit.resources.test_manager import KEY, World

SEEN = "panoptes.resources"
OTHER = replace(SWITCH, plugins=("sweep",), endpoint="192.0.2.9")
NOW_MS = SWITCH.last_seen_ms
NEW = "lab|network|router|cisco|core1"
IGNORE = overrides.said(SWITCH, NOW_MS, overrides.EVER_S, ignored="yes")
RENAME = overrides.said(SWITCH, NOW_MS, overrides.EVER_S, renamed_to=NEW)


def maintenance(ttl_s):
    return overrides.said(SWITCH, NOW_MS, ttl_s, maintenance_until="2026-01-31T12:00:00Z")


@pytest.fixture
async def world():
    made = await World().start()
    await made.see(SWITCH)
    assert len(made.stored) == 1
    return made


def later(sighting, ms=1):
    return replace(sighting, last_seen_ms=sighting.last_seen_ms + ms)


async def test_who_is_ignored_leaves_at_once_and_no_section_brings_it_back(world):
    await world.see(IGNORE)
    assert world.stored == [(KEY, None)]
    await world.see(later(SWITCH, 10**9), OTHER, IGNORE)
    assert world.stored == []


async def test_who_was_never_seen_can_be_ignored_too():
    world = await World().start()
    await world.see(IGNORE, SWITCH)
    assert world.stored == []


async def test_to_forget_takes_back_what_was_decided(world):
    await world.see(IGNORE)
    world.worker.bring(Topic.RESOURCES, KEY, None)
    await world.worker.idle()
    world.stored  # noqa: B018 - the look empties it
    await world.see(later(SWITCH))
    assert [each.plugins for each in world.published()] == [SWITCH.plugins]


async def test_maintenance_is_a_label_that_goes_by_itself_and_decides_nothing_else(world):
    await world.see(replace(maintenance(60), endpoint="192.0.2.200"))
    [marked] = world.published()
    assert marked.labels["maintenance_until"] == "2026-01-31T12:00:00Z"
    assert (marked.endpoint, marked.plugins) == (SWITCH.endpoint, tuple(sorted((OPERATOR, *SWITCH.plugins))))
    await world.tick(NOW_MS + 60_000)
    [after] = world.published()
    assert (after.labels, after.plugins) == (SWITCH.labels, SWITCH.plugins)


async def test_who_is_under_maintenance_does_not_expire_meanwhile(world):
    longer_s = SWITCH.ttl_s + 3_600
    await world.see(maintenance(longer_s))
    world.published()
    await world.tick(NOW_MS + SWITCH.ttl_s * 1000 + 1)
    assert [each.plugins for each in world.published()] == [(OPERATOR,)]
    await world.tick(NOW_MS + longer_s * 1000 + 1)
    assert world.stored == [(KEY, None)]


async def test_who_is_renamed_stands_under_the_new_name_and_then_no_more_under_the_old_one(world):
    await world.see(RENAME)
    sent = [(each.topic, each.key.decode(), each.value is None) for each in world.outbox.stored]
    assert sent.index((SEEN, NEW, False)) < sent.index(("panoptes.inventory", KEY, True))
    moved = world.serde.decode(next(each.value for each in world.outbox.stored if each.topic == SEEN))
    assert (moved.identity, moved.endpoint, moved.plugins) == (NEW, SWITCH.endpoint, SWITCH.plugins)
    assert moved.former_identities == (KEY,)


async def test_sections_that_see_it_under_the_old_name_see_it_under_the_new_one(world):
    await world.see(RENAME)
    world.outbox.stored.clear()
    await world.see(OTHER)
    [moved] = world.outbox.stored
    assert (moved.topic, moved.key.decode()) == (SEEN, NEW)
    assert world.serde.decode(moved.value).plugins == ("sweep",)


async def test_a_name_that_is_no_identity_is_set_aside(world):
    bad = replace(RENAME, labels={"renamed_to": "core1"})
    with pytest.raises(RecordError, match="no identity"):
        world.manager._under("core1", bad)  # the loop sets aside what it raises


def test_what_was_renamed_twice_knows_both_names_and_not_its_own():
    twice = overrides.renamed(overrides.renamed(SWITCH, NEW), "lab|network|router|cisco|core2")
    assert twice.former_identities == (KEY, NEW)
    assert overrides.renamed(twice, KEY).former_identities == (NEW, twice.identity)


def test_discovery_lets_a_sighting_under_a_former_name_pass():
    now = overrides.renamed(SWITCH, "lab|network|router|cisco|sw1")
    assert clash(SWITCH, now) is None
    assert clash(replace(SWITCH, resource_type="juniper"), now) is not None
