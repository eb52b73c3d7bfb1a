"""Secrets of sinks on a real Redis: found by name, read anew each time, kept while Redis is away."""

import uuid
from collections.abc import AsyncIterator

import pytest
from redis import Redis

from pollers.plugins.batch import TryAgain
from streams.runtime.secrets.named import NamedSecrets, open_named_secrets
from streams.runtime.settings.loading import load
from streams.runtime.settings.sections import RedisSettings


@pytest.fixture
def url(stack) -> str:
    found: str = stack.environment()["PANOPTES_REDIS_URL"]
    return found


@pytest.fixture
def settings(url) -> RedisSettings:
    return load(None, {"PANOPTES_REDIS_URL": url, "PANOPTES_REDIS_TIMEOUT_S": "1"}).redis


@pytest.fixture
async def secrets(settings) -> AsyncIterator[NamedSecrets]:
    found = open_named_secrets(settings)
    yield found
    await found.close()


async def test_a_secret_is_found_by_its_name_and_a_changed_one_too(url, secrets):
    name = uuid.uuid4().hex
    with Redis.from_url(url) as client:
        for value in ("first", "second"):
            client.set(f"panoptes:secrets:sink:{name}", value)
            assert await secrets.of(name) == value


async def test_one_that_is_not_there_is_waited_for_by_name(secrets):
    with pytest.raises(TryAgain, match="there is no secret panoptes:secrets:sink:nobody in redis://"):
        await secrets.of("nobody")


async def test_a_known_one_serves_while_redis_is_away(stack, url, secrets):
    name = uuid.uuid4().hex
    with Redis.from_url(url) as client:
        client.set(f"panoptes:secrets:sink:{name}", "known")
    assert await secrets.of(name) == "known"
    stack.service("redis").pause()
    try:
        assert await secrets.of(name) == "known"
        with pytest.raises(TryAgain, match="cannot be read from redis://"):
            await secrets.of("another")
    finally:
        stack.service("redis").resume()
