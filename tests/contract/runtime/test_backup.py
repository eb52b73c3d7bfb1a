"""`panoptes backup` and `restore` on the real services: what is lost is put back, what stands there stays."""

import asyncio
import time
import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from click.testing import CliRunner, Result
from redis import Redis

from schemas.records import Resource
from streams.cli import main
from streams.pipeline import TOPICS, Topic
from streams.playground.services import Stack
from streams.resources.entries import write_known
from streams.resources.inventory import OPERATOR
from streams.runtime.kafka.client import client_options
from streams.runtime.kafka.groups import committed, move
from streams.runtime.kafka.partitions import partition_of
from streams.runtime.kafka.replay import replay
from streams.runtime.kafka.topic_names import changelog_name, group_name, topic_name
from streams.runtime.kafka.topics import ensure_topics
from streams.runtime.kernel.table import Table, Write
from streams.runtime.registry.opening import open_registry
from streams.runtime.registry.serde import Serdes
from streams.runtime.settings.loading import Settings, load

PARTITIONS: Final = 4
OLD_MS: Final = 1_000_000_000_000
CONFIG: Final = "[sink:store]\nplugin = jsonl\npath = {folder}/out\n"


class Pipeline:
    """What a pipeline of a name of its own leaves in the services."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self.name: Final = f"kept-{uuid.uuid4().hex[:8]}"
        config = folder / "panoptes.ini"
        config.write_text(CONFIG.format(folder=folder))
        self.environment: Final = {
            **stack.environment(),
            "PANOPTES_CONFIG": str(config),
            "PANOPTES_PANOPTES_TOPIC_PREFIX": self.name,
            "PANOPTES_PANOPTES_STATE_DIR": str(folder),
            "PANOPTES_KAFKA_PARTITIONS": str(PARTITIONS),
        }
        self.settings: Final[Settings] = load(None, self.environment)
        self.options: Final = client_options(self.settings.kafka)
        asyncio.run(ensure_topics(self.settings))

    def panoptes(self, *arguments: str) -> Result:
        return CliRunner(env=self.environment).invoke(main, list(arguments))

    async def holds(self, *sightings: Resource) -> None:
        """Have the resources stage's changelog hold sightings of one resource."""
        serde = Serdes(self.settings, open_registry(self.settings)).of(Topic.INVENTORY, Resource)
        await serde.register()
        known = {section: each for each in sightings for section in each.plugins}
        stored = write_known(sightings[0], known, serde.encode)
        key = sightings[0].identity.encode()
        table = Table("known-resources")
        changelog = changelog_name(self.settings, "resources", table.name)
        producer = AIOKafkaProducer(**self.options)
        await producer.start()
        for name, frames in table.framed([Write(key, stored)]):
            for frame in frames:
                await producer.send_and_wait(changelog, key=name, value=frame, partition=partition_of(key, PARTITIONS))
        await producer.stop()

    async def told(self) -> list[Resource]:
        """Return what stands in `resources`."""
        serde = Serdes(self.settings, open_registry(self.settings)).of(Topic.RESOURCES, Resource)
        found = [each async for each in replay(self.options, topic_name(self.settings, Topic.RESOURCES))]
        return [await serde.read(each.value) for each in found]


@pytest.fixture
def pipeline(stack: Stack, tmp_path: Path) -> Pipeline:
    return Pipeline(stack, tmp_path)


def seen(section: str, **changed: object) -> Resource:
    now_ms = time.time_ns() // 1_000_000
    found = Resource(
        site="fra1", resource_class="network", resource_subclass="device", resource_type="snmp", resource_id="sw1",
        endpoint="192.0.2.1", plugins=(section,), first_seen_ms=now_ms, last_seen_ms=now_ms, ttl_s=3_600,
    )  # fmt: skip
    return replace(found, **changed)


@pytest.fixture
def redis(pipeline: Pipeline):
    """A Redis, and keys of this test's own site that are gone after it."""
    client = Redis.from_url(pipeline.settings.redis.url.reveal())
    yield client
    for key in client.scan_iter(match=f"panoptes:secrets:*{pipeline.name}*"):
        client.delete(key)
    client.close()


def made(pipeline: Pipeline, folder: Path) -> Path:
    path = folder / "made.backup"
    said = pipeline.panoptes("backup", str(path))
    assert said.exit_code == 0, said.output
    return path


def test_secrets_come_back_byte_for_byte_and_encrypted_ones_stay_so(pipeline, redis, tmp_path):
    plain, sealed = f"panoptes:secrets:snmp_community_string:{pipeline.name}", b"panoptes-enc:1:key-9:AAAA"
    users = f"panoptes:secrets:snmp:{pipeline.name}"
    redis.set(plain, b"caf\xe9 public")
    redis.hset(users, mapping={b"*": sealed, b"sw1": b"[]"})
    path = made(pipeline, tmp_path)
    assert path.stat().st_mode & 0o777 == 0o600
    redis.delete(plain)
    redis.hset(users, b"sw1", b"[1]")
    said = pipeline.panoptes("restore", str(path), "--only", "secrets")
    assert said.exit_code == 0, said.output
    assert (redis.get(plain), redis.hgetall(users)) == (b"caf\xe9 public", {b"*": sealed, b"sw1": b"[1]"})
    assert f"kept: {users} field sw1" in said.output
    pipeline.panoptes("restore", str(path), "--only", "secrets", "--overwrite")
    assert redis.hget(users, b"sw1") == b"[]"
    assert "caf" not in said.output, "no secret is shown"


def test_what_sections_and_operators_said_is_told_again(pipeline, tmp_path):
    old = seen("netbox", last_seen_ms=OLD_MS, labels={"rack": "r1"})
    word = seen(OPERATOR, ttl_s=2**31 - 1, labels={"ignored": "yes"})
    asyncio.run(pipeline.holds(old, word))
    path = made(pipeline, tmp_path)
    said = pipeline.panoptes("restore", str(path), "--only", "inventory")
    assert "inventory: 0 put back, 2 there already" in said.output
    assert asyncio.run(pipeline.told()) == []
    assert pipeline.panoptes("restore", str(path), "--only", "inventory", "--overwrite").exit_code == 0
    told = {each.plugins[0]: each for each in asyncio.run(pipeline.told())}
    assert told[OPERATOR] == word
    assert replace(told["netbox"], last_seen_ms=OLD_MS) == old
    late_ms = told["netbox"].last_seen_ms - OLD_MS
    assert 0 <= late_ms < 120_000, "as long to live as it had"


async def fill(pipeline: Pipeline, times: Mapping[int, list[int]]) -> None:
    producer = AIOKafkaProducer(**pipeline.options)
    await producer.start()
    topic = topic_name(pipeline.settings, Topic.GAUGES)
    for partition, written in times.items():
        for at_ms in written:
            await producer.send_and_wait(topic, b"x", partition=partition, timestamp_ms=at_ms)
    await producer.stop()


def test_a_sink_goes_on_by_time_in_topics_that_were_made_anew(pipeline, tmp_path):
    settings, options = pipeline.settings, pipeline.options
    topic, group = topic_name(settings, Topic.GAUGES), group_name(settings, "sinks", "store")
    now_ms = time.time_ns() // 1_000_000
    asyncio.run(fill(pipeline, {0: [now_ms - 3_000, now_ms - 2_000, now_ms - 1_000], 1: [now_ms - 3_000]}))
    asyncio.run(move(options, group, {TopicPartition(topic, 0): 1, TopicPartition(topic, 1): 1}))
    path = made(pipeline, tmp_path)
    assert "2 places" in pipeline.panoptes("restore", str(path), "--show").output
    kept = pipeline.panoptes("restore", str(path), "--only", "places")
    assert "0 put back" in kept.output
    assert "2 left as they are now" in kept.output

    async def anew() -> None:
        admin = AIOKafkaAdminClient(**options)
        await admin.start()
        await admin.delete_topics([topic])
        await admin.close()
        await ensure_topics(settings)
        await fill(pipeline, {0: [now_ms - 2_000, now_ms - 1_000], 1: [now_ms - 3_000]})

    asyncio.run(anew())
    said = pipeline.panoptes("restore", str(path), "--only", "places", "--overwrite")
    assert said.exit_code == 0, said.output
    assert asyncio.run(committed(options, group)) == {TopicPartition(topic, 0): 0, TopicPartition(topic, 1): 1}


async def test_a_sink_with_workers_is_not_moved_and_it_is_said(pipeline, tmp_path):
    topic, group = topic_name(pipeline.settings, Topic.GAUGES), group_name(pipeline.settings, "sinks", "store")
    await move(pipeline.options, group, {TopicPartition(topic, 0): 0})
    path = await asyncio.to_thread(made, pipeline, tmp_path)
    consumer = AIOKafkaConsumer(topic, **pipeline.options, group_id=group)
    await consumer.start()
    said = await asyncio.to_thread(pipeline.panoptes, "restore", str(path), "--only", "places", "--overwrite")
    await consumer.stop()
    assert said.exit_code == 1
    assert f"group {group} has workers" in said.output


def test_schemas_keep_their_ids_and_another_id_is_a_failure(pipeline, tmp_path, monkeypatch):
    asyncio.run(Serdes(pipeline.settings, open_registry(pipeline.settings)).register())
    path = made(pipeline, tmp_path)
    said = pipeline.panoptes("restore", str(path), "--only", "schemas")
    assert (said.exit_code, said.output.splitlines()[-1]) == (
        0, f"schemas: 0 put back, {len(TOPICS)} there already"
    )  # fmt: skip
    empty = {"PANOPTES_REGISTRY_URL": "", "PANOPTES_REGISTRY_DIRECTORY": str(tmp_path / "empty")}
    monkeypatch.setattr(pipeline, "environment", {**pipeline.environment, **empty})
    elsewhere = pipeline.panoptes("restore", str(path), "--only", "schemas")
    assert elsewhere.exit_code == 1
    assert "cannot be read with it" in elsewhere.output


def test_what_cannot_be_read_or_written_is_said(pipeline, tmp_path):
    path = made(pipeline, tmp_path)
    again = pipeline.panoptes("backup", str(path))
    assert (again.exit_code, "is there already: nothing was written" in again.output) == (1, True)
    short = tmp_path / "short.backup"
    short.write_bytes(path.read_bytes()[:-20])
    assert "is no backup, or not whole" in pipeline.panoptes("restore", str(short)).output
    path.chmod(0o644)
    assert f"chmod 600 {path}" in pipeline.panoptes("restore", str(path), "--show").output
    elsewhere = {**pipeline.environment, "PANOPTES_PANOPTES_TOPIC_PREFIX": "other"}
    refused = CliRunner(env=elsewhere).invoke(main, ["restore", str(path)])
    assert (refused.exit_code, "this pipeline has another name" in refused.output) == (1, True)
