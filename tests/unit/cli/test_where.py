"""`panoptes where`: what it prints of what the topics hold, and how it ends."""

import asyncio
import json
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from schemas.records import EnrichedResource, Link
from streams.cli import last_records, main
from streams.pipeline import Topic
from streams.runtime.registry.opening import open_registry
from streams.runtime.registry.serde import Serdes
from streams.runtime.settings.loading import load
from tests.unit.network.test_forwarding import HOST, NOW_MS, SWITCHES


@pytest.fixture
def panoptes(tmp_path, monkeypatch):
    config = tmp_path / "panoptes.ini"
    config.write_text(f"[panoptes]\nstate_dir = {tmp_path}\n")
    settings = load(config, {})
    serdes = Serdes(settings, open_registry(settings))
    serde = serdes.of(Topic.ENRICHED_RESOURCES, EnrichedResource)
    asyncio.run(serde.register())
    asyncio.run(serdes.of(Topic.TOPOLOGY, Link).register())

    async def replay(_client_options, topic):
        for identity, known in SWITCHES.items() if topic == "panoptes.enriched-resources" else ():
            yield SimpleNamespace(key=identity.encode(), value=serde.encode(known))

    monkeypatch.setattr(last_records, "replay", replay)
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *arguments: CliRunner().invoke(main, ["where", "--config", str(config), *arguments])


def test_every_port_is_told_the_latest_first(panoptes):
    done = panoptes("--json", "192.0.2.7")
    assert done.exit_code == 0, done.output
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(each["resource"].rpartition("|")[2], each["row"], each["at_ms"]) for each in told] == [
        ("core", "eth1", NOW_MS), ("access", "eth2", NOW_MS - 60_000),
    ]  # fmt: skip
    assert HOST in panoptes(HOST).stdout


@pytest.mark.parametrize(
    ("address", "status", "says"),
    [
        pytest.param("192.0.2.99", 1, "192.0.2.99 was seen nowhere; 2 of 3 devices tell whom they see", id="nowhere"),
        pytest.param("sw1", 2, "'sw1': expected a MAC address", id="no-address"),
    ],
)
def test_how_it_ends_otherwise(panoptes, address, status, says):
    done = panoptes(address)
    assert (done.exit_code, done.stdout) == (status, "")
    assert done.stderr.startswith(says)
