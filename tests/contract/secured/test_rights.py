"""Each stage's user may do in Kafka and Redis what the map says, and nothing else: every cell is tried."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    GroupCoordinatorNotAvailableError,
    TopicAuthorizationFailedError,
)
from confluent_kafka import Consumer, KafkaError
from confluent_kafka import TopicPartition as Place
from redis import Redis
from redis.exceptions import AuthenticationError, NoPermissionError

from streams.pipeline import CHANGELOGS, STAGES, Topic
from streams.playground.services import Stack
from streams.runtime.kafka.client import client_options
from streams.runtime.kafka.topic_names import changelog_name, group_name, topic_name
from streams.runtime.kafka.topics import ensure_topics
from streams.runtime.settings.loading import KafkaSettings, Settings, load

pytestmark = pytest.mark.timeout(240)
BY_NAME = {stage.name: stage for stage in STAGES}
NAMES = sorted(BY_NAME)


@pytest.fixture(scope="module")
def known(secured: Stack) -> dict[str, Settings]:
    """The settings of each user: of the stages', and of the operator."""
    shared = {"PANOPTES_KAFKA_PARTITIONS": "1"}
    return {user: load(None, {**secured.environment(user), **shared}) for user in (*NAMES, "operator")}


@pytest.fixture(scope="module")
def options(known: dict[str, Settings]) -> dict[str, dict[str, Any]]:
    return {user: client_options(settings.kafka) for user, settings in known.items()}


@pytest.fixture(scope="module")
def topics(known: dict[str, Settings]) -> dict[str, str]:
    """What a topic of the map or a table's changelog is called, made by the operator."""
    operator = known["operator"]
    asyncio.run(ensure_topics(operator))
    changelogs = {log.table: changelog_name(operator, log.stage, log.table) for log in CHANGELOGS.values()}
    return {topic.value: topic_name(operator, topic) for topic in Topic} | changelogs


def own_tables(stage: str) -> set[str]:
    return {log.table for log in CHANGELOGS.values() if log.stage == stage}


@pytest.mark.parametrize("stage", NAMES)
async def test_a_stage_writes_its_topics_and_no_others(stage, options, topics):
    its = BY_NAME[stage]
    allowed = {*map(str, its.writes), "dead-letters", *own_tables(stage)} | ({str(its.ticks)} if its.ticks else set())
    producer = AIOKafkaProducer(**options[stage], acks="all")
    await producer.start()
    try:
        written = set()
        for name, topic in topics.items():
            try:
                await producer.send_and_wait(topic, b"x", key=b"k", partition=0)
            except TopicAuthorizationFailedError:
                continue
            written.add(name)
    finally:
        await producer.stop()
    assert written == allowed


@pytest.mark.parametrize("stage", NAMES)
async def test_a_stage_reads_its_topics_and_no_others(stage, options, known, topics):
    its = BY_NAME[stage]
    allowed = {*map(str, its.reads), *map(str, its.views), *own_tables(stage)} | (
        {str(its.ticks)} if its.ticks else set()
    )
    written = AIOKafkaProducer(**options["operator"])
    await written.start()
    try:
        for topic in topics.values():
            await written.send_and_wait(topic, b"x", key=b"k", partition=0)
    finally:
        await written.stop()
    answers = await asyncio.to_thread(
        read_first, known[stage].kafka, set(topics.values()), group_name(known[stage], stage)
    )
    assert {name for name, topic in topics.items() if answers[topic] is None} == allowed
    assert {error for error in answers.values() if error is not None} <= {KafkaError.TOPIC_AUTHORIZATION_FAILED}


def read_first(kafka: KafkaSettings, topics: set[str], group: str) -> dict[str, int | None]:
    """Return for each topic None where its first record came, or the error's code, by a client that is not ours."""
    consumer = Consumer(
        {
            "bootstrap.servers": kafka.bootstrap_servers,
            "security.protocol": kafka.security_protocol,
            "sasl.mechanism": kafka.sasl_mechanism,
            "sasl.username": kafka.sasl_username,
            "sasl.password": kafka.sasl_password.reveal(),
            "ssl.ca.location": kafka.ssl_ca_file,
            "group.id": group,
            "enable.auto.commit": False,
            "log_level": 0,
        }
    )
    answers: dict[str, int | None] = {}
    try:
        for topic in topics:  # who may not even ask for it may not read it: Read gives Describe
            error = consumer.list_topics(topic, timeout=20).topics[topic].error
            if error is not None:
                answers[topic] = error.code()
        consumer.assign([Place(topic, 0, 0) for topic in topics - answers.keys()])
        while answers.keys() < topics:
            message = consumer.poll(20)
            assert message is not None, f"no answer for {topics - answers.keys()}"
            error = message.error()
            answers.setdefault(message.topic(), None if error is None else error.code())
    finally:
        consumer.close()
    return answers


@pytest.mark.parametrize("stage", NAMES)
async def test_a_stage_knows_its_own_group_and_no_others(stage, options, known):
    admin = AIOKafkaAdminClient(**options[stage])
    await admin.start()
    try:
        found = {other for other in NAMES if await knows(admin, group_name(known[stage], other))}
    finally:
        await admin.close()
    assert found == {stage}


async def knows(admin: AIOKafkaAdminClient, group: str) -> bool:
    while True:
        try:
            await admin.list_consumer_group_offsets(group)
        except GroupAuthorizationFailedError:
            return False
        except GroupCoordinatorNotAvailableError:  # nobody had a group before, and the broker makes room for them
            await asyncio.sleep(0.1)
        else:
            return True


KEYS = {
    "panoptes:secrets:snmp_community_string:fra1": {"discovery", "enrichment", "polling", "operator"},
    "panoptes:secrets:discovery:netbox": {"discovery", "operator"},
    "panoptes:secrets:sink:store": {"sinks", "operator"},
    "something:else": set(),
}


@pytest.mark.parametrize("user", [*NAMES, "operator"])
def test_a_stage_reads_the_secrets_that_it_needs_and_only_the_operator_writes_them(user, secured):
    allowed = {key for key, users in KEYS.items() if user in users}
    with Redis.from_url(secured.environment(user)["PANOPTES_REDIS_URL"]) as client:
        read = {key for key in KEYS if tried(client.get, key)}
        written = {key for key in KEYS if tried(client.set, key, "x")}
    assert read == allowed
    assert written == (allowed if user == "operator" else set())


def tried(command: Callable[..., Any], *arguments: str) -> bool:
    try:
        command(*arguments)
    except (NoPermissionError, AuthenticationError):  # a stage without business there has no user
        return False
    return True


def test_nobody_is_let_in_without_a_user(secured):
    with Redis.from_url(without_login(secured)) as client, pytest.raises(AuthenticationError, match="authenticated"):
        client.get("panoptes:secrets:sink:store")


def without_login(stack: Stack) -> str:
    scheme, rest = stack.environment()["PANOPTES_REDIS_URL"].split("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def test_what_is_secret_can_be_read_by_its_owner_only(secured):
    tls = list((secured.data / "tls").iterdir())
    private = [*tls, secured.data / "users.json", secured.data / "redis.acl"]
    assert len(tls) > 9
    assert [path.name for path in private if path.stat().st_mode & 0o077] == []
