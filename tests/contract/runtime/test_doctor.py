"""`panoptes doctor` on the real services: all well, and each of them away in turn."""

import asyncio
import json
import uuid

import pytest
from click.testing import CliRunner

from streams.cli import main
from streams.runtime.kafka.topics import ensure_topics
from streams.runtime.registry.opening import open_registry
from streams.runtime.registry.serde import Serdes
from streams.runtime.settings.loading import load

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def environ(stack):
    given = {
        **stack.environment(),
        "PANOPTES_PANOPTES_TOPIC_PREFIX": f"t{uuid.uuid4().hex}",
        "PANOPTES_KAFKA_PARTITIONS": "1",
        "PANOPTES_KAFKA_REQUEST_TIMEOUT_S": "3",
    }
    settings = load(None, given)
    asyncio.run(ensure_topics(settings))
    asyncio.run(Serdes(settings, open_registry(settings)).register())
    return given


def asked(environ, *options):
    said = CliRunner().invoke(main, ["doctor", "--json", "--timeout", "2", *options], env=environ)
    assert said.exception is None or isinstance(said.exception, SystemExit), said.exception
    return said.exit_code, [json.loads(line) for line in said.output.splitlines()]


def faults(findings):
    return {finding["about"] for finding in findings if finding["level"] == "fault"}


def test_services_that_are_well_are_said_to_be_so(environ):
    code, findings = asked(environ)
    assert (code, faults(findings)) == (0, set())
    assert {f["about"] for f in findings if f["level"] == "ok"} >= {
        "version", "kafka", "topic", "zookeeper", "redis", "registry", "clock",
    }  # fmt: skip
    warned = {f["text"] for f in findings if f["level"] == "warning"}
    assert {"polling: no worker", "polling: nobody leads"} <= warned
    assert all(f["advice"] for f in findings if f["level"] != "ok")


@pytest.mark.parametrize(
    ("service", "about"),
    [("kafka", "kafka"), ("zookeeper", "zookeeper"), ("redis", "redis"), ("apicurio", "registry")],
)
def test_a_service_that_is_away_is_named_and_no_other(stack, environ, service, about):
    away = stack.service(service)
    away.kill()
    try:
        code, findings = asked(environ)
    finally:
        away.start()
    assert (code, faults(findings)) == (1, {about})
    assert all(f["advice"] for f in findings if f["level"] == "fault")


@pytest.mark.parametrize(("service", "about"), [("kafka", "kafka"), ("redis", "redis"), ("apicurio", "registry")])
def test_a_service_that_takes_connections_and_says_nothing_is_named(stack, environ, service, about):
    frozen = stack.service(service)
    frozen.pause()
    try:
        code, findings = asked(environ)
    finally:
        frozen.resume()
    assert (code, faults(findings)) == (1, {about})


def test_topics_that_are_missing_or_differ_are_named_with_the_command(environ):
    code, findings = asked({**environ, "PANOPTES_PANOPTES_TOPIC_PREFIX": "nobody-made-these"})
    assert code == 1
    assert [f["advice"] for f in findings if f["about"] == "topic"] == ["run: panoptes topics create"]
    code, findings = asked({**environ, "PANOPTES_TOPICS_RETENTION_GAUGES_S": "3600"})
    assert code == 0
    [topic] = [f for f in findings if f["about"] == "topic"]
    assert topic["level"] == "warning"
    assert "retention.ms is 604800000, expected 3600000" in topic["text"]


def test_a_faulty_configuration_is_named_before_anything_is_asked(environ):
    said = CliRunner().invoke(main, ["doctor"], env={**environ, "PANOPTES_KAFKA_PARTITIONS": "none"})
    assert said.exit_code == 2
    assert "[kafka] partitions" in said.output
