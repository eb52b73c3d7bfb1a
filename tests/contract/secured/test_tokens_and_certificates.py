"""The brokers are shown a token or a certificate in the place of a password, and the rights are the same."""

import asyncio
import logging
from collections.abc import Iterator

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError
from click.testing import CliRunner

from streams.cli import main
from streams.pipeline import Topic
from streams.playground.services import Stack
from streams.playground.services.secured.tokens import AUDIENCE, key_set
from streams.runtime.kafka.client import REPETITIVE, client_options, sample_client_logs
from streams.runtime.kafka.reach import AWAY, asking
from streams.runtime.kafka.topic_names import topic_name
from streams.runtime.kafka.topics import ensure_topics
from streams.runtime.settings.loading import Settings, load
from tests.contract.secured.token_endpoint import Endpoint, token_endpoint

pytestmark = pytest.mark.timeout(480)
SHARED = {"PANOPTES_KAFKA_PARTITIONS": "1"}


@pytest.fixture
def endpoint(secured: Stack) -> Iterator[Endpoint]:
    with token_endpoint(secured.data) as given:
        yield given


def by_token(secured: Stack, url: str, user: str = "operator", **others: str) -> dict[str, str]:
    tokens = {"PANOPTES_KAFKA_SASL_MECHANISM": "OAUTHBEARER", "PANOPTES_KAFKA_OAUTH_TOKEN_URL": url}
    return {**secured.environment(user), **tokens, **SHARED, **others}


async def loaded(environ: dict[str, str]) -> Settings:
    return await asyncio.to_thread(load, None, environ)


@pytest.fixture(params=["token", "certificate"])
def shown(request, secured, endpoint):
    """Return the settings of users who show that."""

    def settings(user: str) -> Settings:
        if request.param == "token":
            return load(None, by_token(secured, endpoint.url, user))
        return load(None, {**secured.environment(user, certificate=True), **SHARED})

    return {user: settings(user) for user in ("operator", "gauges")}


async def test_the_operator_makes_topics_and_a_stage_writes_its_own_and_no_others(shown):
    await ensure_topics(shown["operator"])
    gauges = shown["gauges"]
    producer = AIOKafkaProducer(**client_options(gauges.kafka), acks="all")
    await producer.start()
    try:
        await producer.send_and_wait(topic_name(gauges, Topic.GAUGES), b"x", key=b"k")
        with pytest.raises(TopicAuthorizationFailedError):
            await producer.send_and_wait(topic_name(gauges, Topic.RAW_COUNTERS), b"x", key=b"k")
    finally:
        await producer.stop()


async def test_a_stage_reads_in_its_group(shown):
    await ensure_topics(shown["operator"])
    gauges = shown["gauges"]
    raw = topic_name(gauges, Topic.RAW_COUNTERS)
    group = f"{gauges.panoptes.topic_prefix}-gauges"
    consumer = AIOKafkaConsumer(raw, group_id=group, **client_options(gauges.kafka))
    await consumer.start()
    try:
        assert {place.topic for place in consumer.assignment()} == {raw}
    finally:
        await consumer.stop()


def test_a_command_works_with_a_token(secured, endpoint):
    environ = by_token(secured, endpoint.url, PANOPTES_KAFKA_OAUTH_SCOPE="kafka.all")
    said = CliRunner().invoke(main, ["topics", "create"], env=environ)
    assert said.exit_code == 0, said.output
    assert endpoint.asked[-1]["scope"] == ["kafka.all"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        pytest.param(
            {"PANOPTES_KAFKA_SASL_PASSWORD": "no"}, "sasl_username, sasl_password and oauth_scope", id="secret"
        ),
        pytest.param({"PANOPTES_KAFKA_OAUTH_TOKEN_URL": "http://127.0.0.1:1/token"}, "oauth_token_url", id="down"),
    ],
)
def test_a_command_says_why_there_is_no_token_and_ends(change, named, secured, endpoint):
    said = CliRunner().invoke(main, ["topics", "check"], env={**by_token(secured, endpoint.url), **change})
    assert said.exit_code == 1, said.output
    assert said.output.count("check [kafka]") == 1, said.output
    assert named in said.output
    assert "token endpoint" in said.output


@pytest.mark.parametrize("what", ["for-another-service", "signed-by-another"])
async def test_a_token_that_is_not_for_the_broker_lets_nobody_in(what, secured, tmp_path):
    tls = secured.data / "tls"
    if what == "signed-by-another":
        tls = key_set(tmp_path).parent
    audience = "another-service" if what == "for-another-service" else AUDIENCE
    with token_endpoint(secured.data, audience, tls) as other:
        settings = await loaded(by_token(secured, other.url))
        with pytest.raises(KafkaError):  # Kafka's client does not say that it was the token
            async with asking(client_options(settings.kafka)) as admin:
                await admin.list_topics()


async def test_a_worker_waits_for_a_token_endpoint_that_is_down_and_says_so_once(secured, caplog, unused_tcp_port):
    for name in REPETITIVE:
        logging.getLogger(name).filters.clear()
    sample_client_logs(says_refusals=True)
    tries = 0

    def give_up() -> bool:
        nonlocal tries
        tries += 1
        return tries > 4

    settings = await loaded(by_token(secured, f"http://127.0.0.1:{unused_tcp_port}/token"))
    await ensure_topics(settings, give_up, absent=AWAY)
    for name in REPETITIVE:
        logging.getLogger(name).filters.clear()
    lines = [line for line in caplog.messages if "[kafka]" in line or "waiting" in line]
    assert len(lines) == 1
    assert "does not answer" in lines[0]
    assert "oauth_token_url" in lines[0]


async def test_what_runs_goes_on_while_the_endpoint_is_away(secured, endpoint):
    settings = await loaded(by_token(secured, endpoint.url))
    options = client_options(settings.kafka)
    admin = AIOKafkaAdminClient(**options)
    await admin.start()
    await admin.close()
    away = await loaded(by_token(secured, "http://127.0.0.1:1/token"))
    provider = options["sasl_oauth_token_provider"]
    again = AIOKafkaAdminClient(**{**client_options(away.kafka), "sasl_oauth_token_provider": provider})
    async with asyncio.timeout(30):
        await again.start()
        await again.close()
    assert len(endpoint.asked) == 1, "one token serves until it is old"
