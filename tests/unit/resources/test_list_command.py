"""`panoptes resources list`: the inventory as its topic has it, what is chosen of it, and how it is shown."""

import asyncio
import json
import logging
from dataclasses import replace
from types import SimpleNamespace

import pytest
from aiokafka.errors import KafkaConnectionError
from click.testing import CliRunner

from schemas.records import EnrichedResource, Enrichment, Resource
from streams.cli import last_records, main
from streams.enrichment.merging import first_seen
from streams.pipeline import Topic
from streams.runtime.registry.opening import open_registry
from streams.runtime.registry.serde import Serdes
from streams.runtime.settings.loading import load
from tests.unit.resources.test_inventory import SWITCH

ROUTER = replace(
    SWITCH,
    site="ams1",
    resource_subclass="router",
    resource_id="rt1",
    endpoint="[fe80::1]:1161",
    labels={"rack": "[red]7"},
)
ALIASES = Enrichment(
    plugin="interfaces", collected_at_ms=0, ttl_s=60, rows={"a": {"alias": "uplink to core1"}, "b": {"alias": ""}}
)
GONE = replace(SWITCH, resource_id="gone")


@pytest.fixture
def panoptes(tmp_path, monkeypatch):
    """Run `panoptes resources list` against a topic with a switch, a router, and a resource that has left."""
    config = tmp_path / "panoptes.ini"
    config.write_text(f"[panoptes]\nstate_dir = {tmp_path}\n")
    settings = load(config, {})
    serde = Serdes(settings, open_registry(settings)).of(Topic.INVENTORY, Resource)
    asyncio.run(serde.register())
    inventory = [
        (SWITCH.identity, serde.encode(replace(SWITCH, endpoint="192.0.2.99"))),
        (GONE.identity, serde.encode(GONE)),
        (SWITCH.identity, serde.encode(SWITCH)),
        (ROUTER.identity, serde.encode(ROUTER)),
        (GONE.identity, None),
    ]

    enriched = Serdes(settings, open_registry(settings)).of(Topic.ENRICHED_RESOURCES, EnrichedResource)
    asyncio.run(enriched.register())
    known = replace(first_seen(replace(SWITCH, labels={})), enrichments={"interfaces": ALIASES})
    topics = {
        "panoptes.inventory": inventory,
        "panoptes.enriched-resources": [(SWITCH.identity, enriched.encode(known))],
    }

    async def replay(_client_options, topic):
        for key, value in topics[topic]:
            yield SimpleNamespace(key=key.encode(), value=value)

    monkeypatch.setattr(last_records, "replay", replay)
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *arguments: CliRunner().invoke(main, ["resources", "list", "--config", str(config), *arguments])


def identities(result):
    assert result.exit_code == 0, result.output
    return [json.loads(line)["identity"] for line in result.stdout.splitlines()]


def test_the_json_has_the_last_of_each_resource_by_identity_and_none_that_has_left(panoptes):
    result = panoptes("--json")
    assert identities(result) == [ROUTER.identity, SWITCH.identity]
    switch = json.loads(result.stdout.splitlines()[1])
    assert switch == {
        "identity": "lab|network|switch|cisco|sw1",
        "site": "lab",
        "resource_class": "network",
        "resource_subclass": "switch",
        "resource_type": "cisco",
        "resource_id": "sw1",
        "endpoint": "192.0.2.1",
        "plugins": ["a"],
        "first_seen_ms": 1_000,
        "last_seen_ms": 1_000,
        "ttl_s": 800,
        "labels": {"room": "1"},
        "identifiers": {},
        "addresses": [],
        "zone": "",
    }


@pytest.mark.parametrize(
    ("expression", "chosen"),
    [
        pytest.param("", [ROUTER, SWITCH], id="all"),
        pytest.param('resource_subclass = "router"', [ROUTER], id="one"),
        pytest.param('NOT resource_site = "ams1"', [SWITCH], id="not"),
        pytest.param('resource_metadata.room = "1"', [SWITCH], id="by-label"),
        pytest.param('resource_metadata.room = "1" AND interfaces.alias like "uplink%"', [SWITCH], id="by-a-row-found"),
        pytest.param('interfaces.alias not like "uplink%"', [ROUTER], id="nothing-is-known-of-it"),
        pytest.param('resource_id = "gone"', [], id="one-that-has-left"),
    ],
)
def test_a_filter_chooses(panoptes, expression, chosen):
    assert identities(panoptes("--json", "--filter", expression)) == [resource.identity for resource in chosen]


def test_the_table_shows_what_was_chosen_as_it_is_written(panoptes):
    text = panoptes("--filter", 'resource_subclass = "router"').stdout
    assert "1 resources" in text
    [row] = [line for line in text.splitlines() if "ams1" in line]
    for cell in (ROUTER.identity, "[fe80::1]:1161", "1970-01-01 00:00:01Z", "rack=[red]7"):
        assert cell in row
    assert SWITCH.identity not in text


def test_a_filter_that_is_none_is_refused_before_anything_is_read(panoptes, monkeypatch):
    monkeypatch.setattr(last_records, "replay", None)
    result = panoptes("--filter", "resource_id =")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.splitlines()[1:] == ["    resource_id =", "                 ^"]


def test_a_broker_that_is_away_is_named(panoptes, monkeypatch):
    async def replay(_client_options, _topic):
        raise KafkaConnectionError("nobody there")
        yield

    monkeypatch.setattr(last_records, "replay", replay)
    result = panoptes()
    assert result.exit_code == 1
    assert result.stderr.startswith("cannot ask ")
    assert "nobody there" in result.stderr


def test_what_the_kafka_client_says_each_second_is_said_once(panoptes, monkeypatch, caplog):
    async def replay(_client_options, _topic):
        for _ in range(3):
            logging.getLogger("aiokafka").error("Unable connect to %s", "127.0.0.1:1")
        raise KafkaConnectionError("away")
        yield

    monkeypatch.setattr(logging.getLogger("aiokafka"), "filters", [])
    monkeypatch.setattr(last_records, "replay", replay)
    assert panoptes().exit_code == 1
    assert caplog.messages == ["Unable connect to 127.0.0.1:1"]
