"""Credentials are kept: Redis is asked once a site, beside the polls, and its absence takes nothing away."""

import asyncio
import logging
from typing import Any

import pytest
from redis.exceptions import AuthenticationError, ConnectionError, TimeoutError  # noqa: A004

from pollers.snmp.credentials import Community, Secret, UsmUser, Version
from streams.runtime.ops import waiting
from streams.runtime.secrets import store as secrets
from streams.runtime.secrets.key_ring import KeyRing, KeyRingFile, add_key
from streams.runtime.secrets.store import RedisCredentials, describe, where
from streams.runtime.settings.sections import RedisSettings


class FakeRedis:
    """Redis's two reads over plain dicts, with a switch."""

    def __init__(self) -> None:
        self.strings: dict[str, bytes] = {}
        self.hashes: dict[str, dict[bytes, bytes]] = {}
        self.fault: Exception | None = None
        self.reads = 0

    async def get(self, key: str) -> bytes | None:
        self.reads += 1
        await asyncio.sleep(0)
        if self.fault is not None:
            raise self.fault
        return self.strings.get(key)

    async def hgetall(self, key: str) -> dict[bytes, bytes]:
        return self.hashes.get(key, {})

    async def aclose(self) -> None:
        """Do nothing."""


def community(text: str, version: Version = Version.V2C) -> Community:
    return Community(community=Secret(text), version=version)


@pytest.fixture
def redis() -> FakeRedis:
    fake = FakeRedis()
    fake.strings = {
        "panoptes:secrets:snmp_community_string:fra1": b"plain",
        "panoptes:secrets:snmp_community_string:default": b"fallback",
    }
    fake.hashes = {
        "panoptes:secrets:snmp:fra1": {
            b"*": b'[{"community": "second"}, {"user": "bob"}]',
            b"sw1": b'[{"community": "own"}, {"community": "plain"}]',
        },
    }
    return fake


@pytest.fixture
async def source(redis):
    made = RedisCredentials(redis, "redis://h:1/0", version=Version.V2C, refresh_s=0.01)
    yield made
    await made.close()


async def eventually(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


async def test_a_devices_own_come_first_then_its_sites_each_once(source):
    assert await source.candidates("fra1", "sw1") == (
        community("own"),
        community("plain"),
        community("second"),
        UsmUser(name="bob"),
    )


async def test_other_devices_have_their_sites(source):
    assert await source.candidates("fra1", "sw2") == (community("plain"), community("second"), UsmUser(name="bob"))


async def test_the_default_ones_are_only_for_sites_without_any(source, redis):
    assert await source.candidates("ams1", "sw1") == (community("fallback"),)
    redis.strings.clear()
    await eventually(lambda: not source._sites["default"].whole)
    assert await source.candidates("ams1", "sw1") == ()


async def test_a_plain_community_has_the_version_of_the_settings(redis):
    source = RedisCredentials(redis, "redis://h:1/0", version=Version.V1, refresh_s=60)
    assert (await source.candidates("fra1", "x"))[0] == community("plain", Version.V1)
    await source.close()


async def test_a_site_is_read_once_for_all_its_devices(redis):
    source = RedisCredentials(redis, "redis://h:1/0", version=Version.V2C, refresh_s=60)
    for number in range(100):
        await source.candidates("fra1", f"sw{number}")
    assert redis.reads == 1
    await source.close()


async def test_a_changed_credential_is_taken_up_without_a_restart(source, redis):
    await source.candidates("fra1", "x")
    redis.strings["panoptes:secrets:snmp_community_string:fra1"] = b"new"
    await eventually(lambda: source._sites["fra1"].whole[0] == community("new"))
    assert (await source.candidates("fra1", "x"))[0] == community("new")


@pytest.mark.parametrize("site", ["fra1", "default"])
async def test_a_device_that_refused_what_is_known_is_given_what_is_stored_now(redis, site):
    source = RedisCredentials(redis, "redis://h:1/0", version=Version.V2C, refresh_s=60)
    asked = "fra1" if site == "fra1" else "ams1"
    await source.candidates(asked, "x")
    redis.strings[f"panoptes:secrets:snmp_community_string:{site}"] = b"new"
    await source.reread(asked)
    assert (await source.candidates(asked, "x"))[0] == community("new")
    await source.close()


async def test_many_devices_that_are_refused_at_once_are_served_by_few_reads(redis):
    source = RedisCredentials(redis, "redis://h:1/0", version=Version.V2C, refresh_s=60)
    await source.candidates("fra1", "x")
    reads = redis.reads
    await asyncio.gather(*(source.reread("fra1") for _ in range(100)))
    assert redis.reads - reads <= 2
    await source.close()


async def test_a_refusal_while_redis_is_away_takes_nothing_away(redis, caplog):
    source = RedisCredentials(redis, "redis://h:1/0", version=Version.V2C, refresh_s=60)
    before = await source.candidates("fra1", "sw1")
    redis.fault = ConnectionError("Error 111 connecting to h:1. Connection refused.")
    await source.reread("fra1")
    assert "redis is away" in caplog.text
    assert await source.candidates("fra1", "sw1") == before
    await source.close()


async def test_known_credentials_stay_in_use_while_redis_is_away(source, redis, caplog):
    before = await source.candidates("fra1", "sw1")
    redis.fault = ConnectionError("Error 111 connecting to h:1. Connection refused.")
    await eventually(lambda: "redis is away" in caplog.text)
    assert await source.candidates("fra1", "sw1") == before
    assert caplog.text.count("redis is away") == 1


async def test_it_waits_for_redis_where_nothing_is_known_yet(source, redis, monkeypatch, caplog):
    monkeypatch.setattr(waiting, "RETRY_S", 0)
    redis.fault = TimeoutError("Timeout reading from h:1")
    asked = asyncio.create_task(source.candidates("fra1", "sw2"))
    await eventually(lambda: "waiting for redis at=redis://h:1/0 problem=TimeoutError: Timeout reading" in caplog.text)
    assert not asked.done()
    redis.fault = None
    assert (await asked)[0] == community("plain")


async def test_a_damaged_entry_is_told_once_by_its_key_and_takes_nothing_else_away(source, redis, caplog):
    redis.hashes["panoptes:secrets:snmp:fra1"][b"sw1"] = b'[{"community": "hunter2", "version": "9"}]'
    assert (await source.candidates("fra1", "sw1"))[0] == community("plain")
    reads = redis.reads
    await eventually(lambda: redis.reads > reads + 2)
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    key = "key=panoptes:secrets:snmp:fra1 field=sw1"
    fault = "credential 1: expected version to be one of 1, 2c"
    assert errors == [f"credentials cannot be used {key} problem={fault}"]


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (ConnectionError("Error 111 connecting to h:1."), "ConnectionError: Error 111 connecting to h:1."),
        (AuthenticationError("something about hunter2"), "AuthenticationError"),
        (OSError(), "OSError"),
    ],
)
def test_a_redis_error_is_told_without_what_may_hold_a_password(problem, said):
    assert describe(problem) == said


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://:hunter2@h:1/2", "redis://h:1/2"),
        ("rediss://user:hunter2@[::1]:1", "rediss://[::1]:1"),
        ("unix:///run/redis.sock", "unix:///run/redis.sock"),
    ],
)
def test_where_redis_is_has_no_password(url, expected):
    assert where(RedisSettings(url=url)) == expected


async def test_every_request_to_redis_ends_in_time():
    client = secrets.open_redis(RedisSettings(timeout_s=2))
    assert client.connection_pool.connection_kwargs["socket_timeout"] == 2
    await client.aclose()


@pytest.fixture
def file(path):
    return KeyRingFile(str(path))


@pytest.fixture
def later_ring(path):
    """The same with another key first, which this worker does not have yet."""
    later = path.with_name("later")
    later.write_bytes(path.read_bytes())
    add_key(later, "two")
    return later


@pytest.fixture
def later_keys(later_ring):
    return KeyRing.read(str(later_ring))


async def test_encrypted_credentials_are_used_like_plain_ones(redis, ring, file):
    key, devices = "panoptes:secrets:snmp_community_string:fra1", "panoptes:secrets:snmp:fra1"
    redis.strings[key] = ring.encrypt(b"hidden", key)
    redis.hashes[devices][b"sw1"] = ring.encrypt(b'[{"community": "own"}]', devices, "sw1")
    source = RedisCredentials(redis, "r", version=Version.V2C, refresh_s=60, key_ring=file)
    assert await source.candidates("fra1", "sw1") == (
        community("own"),
        community("hidden"),
        community("second"),
        UsmUser(name="bob"),
    )
    await source.close()


async def test_what_cannot_be_decrypted_is_never_a_community(redis, ring, caplog):
    key = "panoptes:secrets:snmp_community_string:fra1"
    redis.strings[key] = ring.encrypt(b"hidden", key)
    source = RedisCredentials(redis, "r", version=Version.V2C, refresh_s=60)
    assert await source.candidates("fra1", "sw2") == (community("second"), UsmUser(name="bob"))
    assert f"cannot be decrypted, known ones stay key={key}" in caplog.text
    await source.close()


async def test_a_key_that_this_worker_has_not_yet_takes_nothing_away_and_is_taken_up(
    redis, path, ring, file, later_ring, later_keys
):
    key = "panoptes:secrets:snmp_community_string:fra1"
    redis.strings[key] = ring.encrypt(b"hidden", key)
    source = RedisCredentials(redis, "r", version=Version.V2C, refresh_s=60, key_ring=file)
    assert (await source.candidates("fra1", "sw2"))[0] == community("hidden")
    redis.strings[key] = later_keys.encrypt(b"newer", key)
    await source.reread("fra1")
    assert (await source.candidates("fra1", "sw2"))[0] == community("hidden")
    later_ring.replace(path)
    await source.reread("fra1")
    assert (await source.candidates("fra1", "sw2"))[0] == community("newer")
    await source.close()
