"""Credentials are read from a replica of Redis while the first is away, and written to the first only."""

import asyncio
import time
from collections.abc import Iterator

import pytest
from click.testing import CliRunner
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from pollers.snmp.credentials import Community, Secret
from streams.cli import main
from streams.playground.services import Stack, StackKind
from streams.runtime.secrets.named import open_named_secrets
from streams.runtime.secrets.store import open_credentials, open_redis
from streams.runtime.settings.loading import Settings, load


@pytest.fixture
def both(tmp_path, jars) -> Iterator[Stack]:
    stack = Stack(tmp_path / "state", free_ports=True, jars=jars, kind=StackKind.CLUSTER)
    stack.up(["redis", "redis-replica"])
    yield stack
    for name in ("redis", "redis-replica"):
        stack.service(name).resume()
    stack.down()


@pytest.fixture
def settings(both) -> Settings:
    return load(None, {**both.environment(), "PANOPTES_REDIS_TIMEOUT_S": "1"})


def store(both: Stack) -> None:
    """Store a site's community and a sink's secret, and wait until the replica has them."""
    with Redis.from_url(both.service("redis").address) as first:
        first.set("panoptes:secrets:snmp_community_string:fra1", "known")
        first.set("panoptes:secrets:sink:store", "s3cret")
    deadline = time.monotonic() + 60
    with Redis.from_url(both.service("redis-replica").address) as replica:
        while replica.get("panoptes:secrets:sink:store") is None:
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.mark.parametrize("how", ["kill", "pause"])
async def test_a_worker_that_starts_while_redis_is_away_reads_the_replica(how, both, settings):
    await asyncio.to_thread(store, both)
    getattr(both.service("redis"), how)()
    credentials, named = open_credentials(settings), open_named_secrets(settings.redis)
    try:
        async with asyncio.timeout(20):
            assert await credentials.candidates("fra1", "sw1") == (Community(community=Secret("known")),)
            assert await named.of("store") == "s3cret"
    finally:
        await credentials.close()
        await named.close()


async def test_nothing_is_written_to_a_replica(both, settings):
    both.service("redis").kill()
    client = open_redis(settings.redis)
    try:
        with pytest.raises(RedisConnectionError):
            await client.set("panoptes:secrets:sink:store", "x")
    finally:
        await client.aclose()


def test_the_doctor_asks_each(both, settings):
    both.service("redis").kill()
    said = CliRunner().invoke(main, ["doctor", "--timeout", "2"], env=both.environment())
    levels = {line.split()[0] for line in said.output.splitlines() if both.service("redis").address in line}
    assert levels == {"fault"}
    [line] = [line for line in said.output.splitlines() if both.service("redis-replica").address in line]
    assert line.startswith("ok")


@pytest.mark.parametrize("value", ["http://h", "redis://h,redis://", "redis://:p@h/x"])
def test_urls_that_are_none_are_refused_without_showing_them(value):
    said = CliRunner().invoke(main, ["config", "check"], env={"PANOPTES_REDIS_REPLICA_URLS": value})
    assert said.exit_code != 0
    assert "[redis] replica_urls: expected redis://" in said.output
    assert value not in said.output
