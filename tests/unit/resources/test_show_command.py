"""`panoptes resources show` and `forget`: every sighting of a resource and who said what; and a tombstone for it."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from schemas.records import Resource
from streams.cli import main
from streams.cli.inventory import resource_entry
from streams.pipeline import Topic
from streams.resources.entries import write_known
from streams.resources.inventory import merged
from streams.runtime.kafka.partitions import partition_of
from streams.runtime.kernel.effects import Write
from streams.runtime.kernel.table import Table
from streams.runtime.registry.opening import open_registry
from streams.runtime.registry.serde import Serdes
from streams.runtime.settings.loading import load
from tests.unit.resources.test_inventory import SWITCH

LAB = replace(SWITCH, plugins=("lab",), endpoint="192.0.2.1", labels={"rack": "7"}, addresses=("192.0.2.1",))
SWEEP = replace(
    SWITCH,
    plugins=("sweep",),
    endpoint="192.0.2.9",
    labels={},
    addresses=("192.0.2.9",),
    identifiers={"engine_id": "80"},
)


@pytest.fixture
def panoptes(tmp_path, monkeypatch):
    """Run `panoptes resources` against a changelog in which two sections see the switch."""
    config = tmp_path / "panoptes.ini"
    config.write_text(f"[panoptes]\nstate_dir = {tmp_path}\n[resources]\nprecedence = sweep\n")
    settings = load(config, {})
    serde = Serdes(settings, open_registry(settings)).of(Topic.INVENTORY, Resource)
    asyncio.run(serde.register())
    sightings = {"lab": LAB, "sweep": SWEEP}
    entry = write_known(merged(sightings, ("sweep",)), sightings, serde.encode)
    key = SWITCH.identity.encode()
    [(_, [framed])] = Table("known-resources").framed([Write(key, entry)])

    async def replay(_client_options, topic, *, only):
        assert topic == "panoptes-resources-known-resources-changelog"
        if only != {partition_of(key, settings.kafka.partitions)}:
            return
        yield SimpleNamespace(key=key, value=None)
        yield SimpleNamespace(key=key, value=framed)

    monkeypatch.setattr(resource_entry, "replay", replay)
    return lambda *arguments: CliRunner().invoke(main, ["resources", *arguments, "--config", str(config)])


def test_every_sighting_is_shown_and_who_said_what_the_inventory_has(panoptes):
    shown = panoptes("show", SWITCH.identity)
    assert shown.exit_code == 0, shown.output
    lines = shown.stdout.splitlines()
    assert lines[0] == SWITCH.identity
    assert "  endpoint = 192.0.2.9  <- sweep" in lines
    assert "  labels.rack = 7  <- lab" in lines
    assert [line for line in lines if "addresses" in line and "<-" in line] == [
        "  addresses = 192.0.2.9  <- sweep", "  addresses = 192.0.2.1  <- lab",
    ]  # fmt: skip
    assert [line.partition(",")[0] for line in lines if line.startswith("seen by")] == ["seen by sweep", "seen by lab"]


def test_who_is_seen_by_nobody_is_said_so(panoptes):
    shown = panoptes("show", "lab|network|switch|cisco|nobody")
    assert (shown.exit_code, "no section sees" in shown.stderr) == (1, True)


def test_to_forget_is_a_tombstone_among_the_sightings_in_the_resources_partition(panoptes, monkeypatch):
    sent = []

    class Producer:
        def __init__(self, **_options):
            pass

        async def start(self):
            pass

        async def stop(self):
            pass

        async def send_and_wait(self, topic, **record):
            sent.append((topic, record))

    monkeypatch.setattr(resource_entry, "AIOKafkaProducer", Producer)
    assert panoptes("forget", SWITCH.identity).exit_code == 0
    partition = partition_of(SWITCH.identity.encode(), 8)
    assert sent == [("panoptes.resources", {"key": SWITCH.identity.encode(), "value": None, "partition": partition})]


def test_what_is_no_identity_is_not_forgotten(panoptes):
    assert panoptes("forget", "sw1").exit_code == 2
