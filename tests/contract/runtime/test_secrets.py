"""`panoptes secrets` on a real Redis: what is set is found by the pollers, and is never shown."""

import asyncio
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner, Result
from redis import Redis

from pollers.snmp.credentials import AuthProtocol, Community, PrivProtocol, Secret, UsmUser, Version
from streams.cli.operating import secrets as cli
from streams.runtime.secrets.key_ring import KeyRing
from streams.runtime.secrets.renewal import renew
from streams.runtime.secrets.store import open_credentials, open_redis
from streams.runtime.settings.loading import Settings, load


@pytest.fixture
def site():
    return f"site-{uuid.uuid4().hex}"


@pytest.fixture
def environ(stack):
    return {"PANOPTES_REDIS_URL": stack.environment()["PANOPTES_REDIS_URL"], "PANOPTES_REDIS_REFRESH_S": "1"}


@pytest.fixture
def settings(environ) -> Settings:
    return load(None, environ)


@pytest.fixture
def run(environ):
    def invoke(*arguments: str, given: str = "") -> Result:
        return CliRunner(env=environ).invoke(cli.command, list(arguments), input=given)

    return invoke


def found(settings: Settings, site: str, device: str = "sw1") -> list[object]:
    async def ask() -> list[object]:
        source = open_credentials(settings)
        try:
            return list(await source.candidates(site, device))
        finally:
            await source.close()

    return asyncio.run(ask())


def test_a_community_set_with_redis_cli_is_found(settings, site):
    with Redis.from_url(settings.redis.url.reveal()) as client:
        client.set(f"panoptes:secrets:snmp_community_string:{site}", "by-hand")
    assert found(settings, site) == [Community(community=Secret("by-hand"))]


def test_a_community_is_read_from_stdin_and_stored_where_the_reference_has_it(run, settings, site):
    result = run("set", "--site", site, given="hunter2\n")
    assert result.output == f"stored panoptes:secrets:snmp_community_string:{site}\n"
    assert not result.exit_code


def test_all_that_is_set_is_found_in_order(run, settings, site):
    run("set", "--site", site, given="first\n")
    run("set", "--site", site, "--add", given="second\r\n")
    run("set", "--site", site, "--add", "--version", "1", given="third")
    user = ("--v3", "bob", "--auth", "sha256", "--priv", "aes128", "--context", "vlan-3")
    result = run("set", "--site", site, "--device", "sw1", *user, given="authauth\nprivpriv\n")
    assert result.output == f"stored panoptes:secrets:snmp:{site} field sw1: v3 user bob auth=sha256 priv=aes128\n"
    assert found(settings, site) == [
        UsmUser(
            name="bob",
            auth_protocol=AuthProtocol.SHA256,
            auth_key=Secret("authauth"),
            priv_protocol=PrivProtocol.AES128,
            priv_key=Secret("privpriv"),
            context="vlan-3",
        ),
        Community(community=Secret("first")),
        Community(community=Secret("second")),
        Community(community=Secret("third"), version=Version.V1),
    ]


def test_setting_without_add_replaces(run, settings, site):
    for text in ("one", "two"):
        run("set", "--site", site, "--device", "sw1", given=text)
    assert found(settings, site) == [Community(community=Secret("two"))]


def test_the_list_has_keys_only(run, site):
    run("set", "--site", site, given="hunter2\n")
    run("set", "--site", site, "--device", "sw1", given="hunter2\n")
    result = run("list")
    assert f"panoptes:secrets:snmp_community_string:{site}\n" in result.output
    assert f"panoptes:secrets:snmp:{site} field sw1\n" in result.output
    assert "hunter2" not in result.output


def test_what_is_deleted_is_gone(run, site):
    run("set", "--site", site, given="x\n")
    assert run("delete", "--site", site).output == f"deleted panoptes:secrets:snmp_community_string:{site}\n"
    assert run("delete", "--site", site).exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "given", "says"),
    [
        pytest.param((), "", "expected a community that is not empty", id="empty"),
        pytest.param(("--v3", "b", "--auth", "md5"), "hunter2\n", "auth_key of at least 8 characters", id="short"),
        pytest.param(("--auth", "md5"), "", "belong to an SNMPv3 user", id="auth-without-user"),
        pytest.param(("--v3", "b", "--priv", "des"), "hunter2hunter2\n", "no privacy without auth", id="priv-alone"),
    ],
)
def test_what_no_device_can_take_is_not_stored(run, site, arguments, given, says):
    result = run("set", "--site", site, *arguments, given=given)
    assert result.exit_code != 0
    assert says in result.output
    assert "hunter2" not in result.output
    assert site not in run("list").output


def test_an_absent_redis_is_named_without_its_password():
    environ = {"PANOPTES_REDIS_URL": "redis://u:hunter2@127.0.0.1:9/0"}
    result = CliRunner(env=environ).invoke(cli.command, ["list"])
    assert result.exit_code == 1
    assert result.output.startswith("Error: redis at redis://127.0.0.1:9/0: ConnectionError: Error 111 connecting")
    assert "hunter2" not in result.output


@pytest.fixture
def known_site(run, site):
    run("set", "--site", site, given="known\n")
    return site


async def test_stopping_redis_takes_no_known_credential_away(stack, settings, known_site, caplog):
    source = open_credentials(settings)
    known = await source.candidates(known_site, "sw1")
    redis = stack.service("redis")
    redis.stop()
    try:
        await eventually(lambda: "redis is away, known credentials stay in use" in caplog.text)
        assert await source.candidates(known_site, "sw1") == known
    finally:
        redis.start()
        await source.close()


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.05)


@pytest.fixture
def environ_of_its_own(environ):
    """A database that no other test has: these commands change all that is stored."""
    url = urlsplit(environ["PANOPTES_REDIS_URL"])._replace(path="/7").geturl()
    with Redis.from_url(url) as client:
        client.flushdb()
    return {**environ, "PANOPTES_REDIS_URL": url}


@pytest.fixture
def sealed(environ_of_its_own, tmp_path):
    """How commands and workers are run once there is a key ring."""
    path = tmp_path / "keys"
    made = CliRunner().invoke(cli.command, ["new-key", str(path), "--id", "one"])
    assert made.exit_code == 0, made.output
    return {**environ_of_its_own, "PANOPTES_REDIS_KEY_RING": str(path)}


def test_plain_credentials_are_encrypted_and_rotated_and_stay_what_they_are(environ_of_its_own, sealed, site):
    run, settings = partial(CliRunner(env=environ_of_its_own).invoke, cli.command), load(None, environ_of_its_own)
    run(["set", "--site", site], input="hunter2\n")
    run(["set", "--site", site, "--device", "sw1"], input="own-one\n")
    before = found(settings, site)
    invoke = partial(CliRunner(env=sealed).invoke, cli.command)
    assert invoke(["encrypt"]).exit_code == 0
    with Redis.from_url(settings.redis.url.reveal()) as client:
        written = b"".join([client.get(f"panoptes:secrets:snmp_community_string:{site}") or b""])
        written += b"".join(client.hgetall(f"panoptes:secrets:snmp:{site}").values())
        assert written.count(b"panoptes-enc:1:one:") == 2
        assert b"hunter2" not in written
        assert b"own-one" not in written
    assert found(load(None, {**sealed, "PANOPTES_REDIS_REQUIRE_ENCRYPTED": "true"}), site) == before
    assert invoke(["new-key", sealed["PANOPTES_REDIS_KEY_RING"], "--id", "two"]).exit_code == 0
    assert invoke(["rotate"]).exit_code == 0
    listed = invoke(["list"]).output
    assert f"panoptes:secrets:snmp:{site} field sw1, encrypted\n" in listed
    assert found(load(None, sealed), site) == before
    keys = Path(sealed["PANOPTES_REDIS_KEY_RING"])
    keys.write_text(keys.read_text(encoding="ascii").splitlines()[0] + "\n", encoding="ascii")
    assert found(load(None, sealed), site) == before, "the earlier key was still needed"


def test_what_is_set_meanwhile_is_not_overwritten_by_a_rotation(sealed, site):
    settings = load(None, sealed)
    key = f"panoptes:secrets:snmp_community_string:{site}"
    ring = KeyRing.read(sealed["PANOPTES_REDIS_KEY_RING"])

    class Meddled:
        """A client; between the reading of the old value and the writing, somebody sets a new one."""

        def __init__(self, client: Any) -> None:
            self._client = client

        def __getattr__(self, name: str) -> Any:
            return getattr(self._client, name)

        def pipeline(self) -> Any:
            pipe = self._client.pipeline()
            get = pipe.get

            async def get_and_set(key: bytes) -> bytes:
                value = await get(key)
                if value == b"old":
                    await self._client.set(key, b"new")
                return value

            pipe.get = get_and_set
            return pipe

    async def rotate() -> None:
        async with open_redis(settings.redis) as client:
            await client.set(key, b"old")
            assert await renew(Meddled(client), ring, only_plain=False) == (1, [])

    asyncio.run(rotate())
    assert found(settings, site) == [Community(community=Secret("new"))]
