"""Topics are made on a real broker as the map says, and those that differ are told apart by what to do about them."""

import asyncio
import socket
import uuid

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from click.testing import CliRunner

from schemas.errors import FatalError
from streams.cli.topics import topics as cli
from streams.pipeline import CHANGELOGS, TOPICS, Cleanup, Topic
from streams.runtime.kafka.topic_names import changelog_name
from streams.runtime.kafka.topics import (
    TopicsReport,
    await_topics,
    check_topics,
    ensure_topics,
    refuse_lost_changelogs,
    topic_name,
    update_topics,
)
from streams.runtime.settings.loading import KafkaSettings, Settings, load
from streams.runtime.settings.topics_section import TopicsSettings


@pytest.fixture
def environ(stack):
    return {
        "PANOPTES_KAFKA_BOOTSTRAP_SERVERS": stack.environment()["PANOPTES_KAFKA_BOOTSTRAP_SERVERS"],
        "PANOPTES_PANOPTES_TOPIC_PREFIX": f"t{uuid.uuid4().hex}",
        "PANOPTES_KAFKA_PARTITIONS": "3",
    }


@pytest.fixture
def settings(environ) -> Settings:
    return load(None, environ)


@pytest.fixture
async def admin(settings):
    client = AIOKafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap_servers)
    await client.start()
    yield client
    await client.close()


async def test_every_topic_is_created_once_with_what_the_map_says(settings, admin):
    every = [topic_name(settings, topic) for topic in TOPICS]
    every += [changelog_name(settings, changelog.stage, changelog.table) for changelog in CHANGELOGS.values()]
    assert (await check_topics(settings)).missing == every
    assert (await ensure_topics(settings)).created == every
    assert await ensure_topics(settings) == TopicsReport(created=[], missing=[], fatal=[], differing=[])
    described = await admin.describe_topics([topic_name(settings, topic) for topic in TOPICS])
    assert {len(topic["partitions"]) for topic in described} == {3}
    names = {topic: topic_name(settings, topic) for topic in TOPICS}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names.values()]
    (response,) = await admin.describe_configs(resources)
    configs = {name: {entry[0]: entry[1] for entry in entries} for _, _, _, name, entries in response.resources}
    for topic, spec in TOPICS.items():
        config = configs[names[topic]]
        assert config["cleanup.policy"] == spec.cleanup
        assert config["compression.type"] == spec.compression
        assert config["max.message.bytes"] == str(spec.max_message_bytes)
        assert config["min.insync.replicas"] == "1"
        if spec.cleanup is Cleanup.DELETE:
            assert config["retention.ms"] == str(spec.retention_s * 1000)


async def test_workers_that_start_at_once_do_not_disturb_one_another(settings):
    reports = await asyncio.gather(*(ensure_topics(settings) for _ in range(4)))
    assert not any(report.fatal or report.differing for report in reports)
    assert not (await check_topics(settings)).missing


async def test_another_number_of_partitions_is_fatal_and_says_what_to_do(settings, admin):
    await ensure_topics(settings)
    gauges = topic_name(settings, Topic.GAUGES)
    await admin.create_partitions({gauges: NewPartitions(5)})
    async with asyncio.timeout(10):
        while len((await admin.describe_topics([gauges]))[0]["partitions"]) < 5:
            await asyncio.sleep(0.05)
    with pytest.raises(FatalError) as caught:
        await ensure_topics(settings)
    assert str(caught.value) == (
        f"{gauges}: 5 partitions, expected 3 ([kafka] partitions): set that to 5, or start "
        "with new topics under another [panoptes] topic_prefix"
    )


async def test_another_configuration_is_a_warning_that_names_it(settings, admin, caplog):
    name = topic_name(settings, Topic.INVENTORY)
    await admin.create_topics([NewTopic(name, 3, 1, topic_configs={"cleanup.policy": "delete"})])
    report = await ensure_topics(settings)
    assert f"{name}: cleanup.policy is delete, expected compact" in report.differing
    assert f"topic differs from the settings: {name}: cleanup.policy is delete, expected compact" in caplog.text
    assert not report.fatal


async def configs_of(admin, name) -> dict[str, str]:
    (response,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    ((_, _, _, _, entries),) = response.resources
    return {entry[0]: entry[1] for entry in entries}


async def test_retention_is_a_setting_and_an_update_leaves_what_else_was_set(settings, admin):
    await ensure_topics(settings)
    gauges = topic_name(settings, Topic.GAUGES)
    assert (await configs_of(admin, gauges))["retention.ms"] == "604800000"
    theirs = {"retention.ms": "604800000", "segment.ms": "3600000", "max.message.bytes": "8388608"}
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, gauges, theirs)])
    async with asyncio.timeout(30):  # the broker that is asked hears of it from the controller
        while (await configs_of(admin, gauges))["segment.ms"] != "3600000":
            await asyncio.sleep(0.05)
    longer = settings.model_copy(update={"topics": TopicsSettings(retention_gauges_s="30d")})
    assert f"{gauges}: retention.ms is 604800000, expected 2592000000" in (await check_topics(longer)).differing
    said = await update_topics(longer)
    assert f"{gauges}: retention.ms was 604800000, is 2592000000" in said
    assert {line.split(":")[0] for line in said} == {gauges}
    async with asyncio.timeout(30):
        while (await check_topics(longer)).differing:
            await asyncio.sleep(0.05)
    now = await configs_of(admin, gauges)
    assert (now["retention.ms"], now["segment.ms"]) == ("2592000000", "3600000")
    assert await update_topics(longer) == []


async def test_an_absent_broker_is_waited_for_and_told(caplog):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{nobody.getsockname()[1]}"
        settings = Settings(kafka=KafkaSettings(bootstrap_servers=where))
        seen: list[bool] = []

        def give_up() -> bool:
            seen.append("waiting for kafka" in caplog.text)
            return seen[-1]

        report = await ensure_topics(settings, give_up)
    assert seen == [False, True]
    assert not report.created
    assert f"waiting for kafka at={where}" in caplog.text


def test_the_commands_create_and_check(environ):
    runner = CliRunner(env=environ)
    missing = runner.invoke(cli.command, ["check"])
    assert missing.exit_code == 1
    assert missing.output.count("is missing\n") == len(TOPICS) + len(CHANGELOGS)
    created = runner.invoke(cli.command, ["create"])
    assert created.exit_code == 0
    assert created.output.count("created ") == len(TOPICS) + len(CHANGELOGS)
    assert runner.invoke(cli.command, ["create"]).output == "every topic is there\n"
    assert runner.invoke(cli.command, ["check"]).exit_code == 0
    assert runner.invoke(cli.command, ["create", "--update"]).output.endswith("no topic had another configuration\n")
    again = CliRunner(env={**environ, "PANOPTES_TOPICS_RETENTION_DEAD_LETTERS_S": "1h"})
    assert (
        "dead-letters: retention.ms was 1209600000, is 3600000\n"
        in again.invoke(cli.command, ["create", "--update"]).output
    )
    differing = CliRunner(env={**environ, "PANOPTES_KAFKA_PARTITIONS": "4"}).invoke(cli.command, ["create"])
    assert differing.exit_code == 1
    assert "3 partitions, expected 4" in differing.output


async def test_a_topic_is_waited_for_until_the_broker_tells_of_it(settings, admin):
    name = topic_name(settings, Topic.GAUGES)
    waiting = asyncio.create_task(await_topics(settings, [name]))
    assert await asyncio.wait([waiting], timeout=0.3) == (set(), {waiting})
    await admin.create_topics([NewTopic(name, 3, 1)])
    await asyncio.wait_for(waiting, timeout=30)
    assert name in await admin.list_topics()


async def test_a_changelog_that_is_gone_is_fatal_where_its_group_has_read_and_not_before(settings):
    group, lost = f"{settings.panoptes.topic_prefix}-gauges", f"{settings.panoptes.topic_prefix}-series-changelog"
    await ensure_topics(settings)
    await refuse_lost_changelogs(settings, group, [lost])  # a first start: it will be made
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka.bootstrap_servers, group_id=group, enable_auto_commit=False
    )
    await consumer.start()
    place = TopicPartition(topic_name(settings, Topic.RAW_COUNTERS), 0)
    consumer.assign([place])
    await consumer.commit({place: 1})
    await consumer.stop()
    with pytest.raises(FatalError) as caught:
        await refuse_lost_changelogs(settings, group, [lost])
    assert str(caught.value).startswith(f"the changelog {lost} is missing, but group {group} has read its topics")
    assert "\n" not in str(caught.value)
