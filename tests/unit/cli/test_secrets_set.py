"""`panoptes secrets set` stores the very bytes that it was given, and nothing that nobody would find."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pollers.snmp.credentials import Community, Credential, Secret, Version
from streams.cli.operating import secrets as cli
from streams.runtime.secrets.named import DISCOVERY, SINK, NamedSecrets
from streams.runtime.secrets.store import RedisCredentials

Run = Callable[..., Result]


class FakeRedis:
    """What the command writes and the pollers read, over plain dicts."""

    def __init__(self) -> None:
        self.strings: dict[str, bytes] = {}
        self.hashes: dict[str, dict[bytes, bytes]] = {}

    async def set(self, key: str, value: bytes | str) -> None:
        self.strings[key] = _bytes(value)

    async def get(self, key: str) -> bytes | None:
        return self.strings.get(key)

    async def hset(self, key: str, field: str, value: str) -> None:
        self.hashes.setdefault(key, {})[_bytes(field)] = _bytes(value)

    async def hget(self, key: str, field: str) -> bytes | None:
        return self.hashes.get(key, {}).get(_bytes(field))

    async def hgetall(self, key: str) -> dict[bytes, bytes]:
        return self.hashes.get(key, {})

    async def aclose(self) -> None:
        """Do nothing."""


def _bytes(value: bytes | str) -> bytes:
    return value.encode() if isinstance(value, str) else value


@pytest.fixture
def redis(monkeypatch: pytest.MonkeyPatch) -> FakeRedis:
    fake = FakeRedis()
    monkeypatch.setattr(cli, "open_redis", lambda _settings: fake)
    return fake


@pytest.fixture
def run(redis: FakeRedis) -> Run:
    def invoke(*arguments: str, given: bytes = b"") -> Result:
        return CliRunner().invoke(cli.command, list(arguments), input=given)

    assert not redis.strings
    return invoke


def found(redis: Any) -> list[Credential]:
    async def ask() -> list[Credential]:
        source = RedisCredentials(redis, "redis://h:1/0", version=Version.V2C, refresh_s=60)
        try:
            return list(await source.candidates("fra1", "sw1"))
        finally:
            await source.close()

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        pytest.param(b"public\n", b"public", id="ascii"),
        pytest.param("café\r\n".encode(), "café".encode(), id="utf-8"),
        pytest.param(b"caf\xe9\n", b"caf\xe9", id="latin-1"),
        pytest.param(b"\x01\xff\x80", b"\x01\xff\x80", id="any-bytes-without-a-line-end"),
    ],
)
@pytest.mark.parametrize("options", [(), ("--device", "sw1"), ("--version", "2c"), ("--add",)])
def test_a_community_is_found_with_the_bytes_that_stdin_had(redis, run, given, stored, options):
    result = run("set", "--site", "fra1", *options, given=given)
    assert (result.exit_code, result.stderr) == (0, "")
    assert found(redis) == [Community(community=Secret(stored.decode(errors="surrogateescape")))]


@pytest.mark.parametrize(
    ("arguments", "given", "says"),
    [
        pytest.param(("--site", ""), b"x\n", "'--site': expected a name that is not empty", id="no-site"),
        pytest.param(("--site", "a|b"), b"x\n", "'--site': expected no '|'", id="separator-in-the-site"),
        pytest.param(("--site", "*"), b"x\n", "'--site': expected a name: '*' stands for a whole site", id="any-site"),
        pytest.param(("--site", "caf\udce9"), b"x\n", "'--site': expected UTF-8", id="site-of-other-bytes"),
        pytest.param(("--site", "a", "--device", ""), b"x\n", "'--device': expected a name that", id="no-device"),
        pytest.param(("--site", "a", "--device", "x|y"), b"x\n", "'--device': expected no '|'", id="device"),
        pytest.param(("--site", "a", "--device", "*"), b"x\n", "which --site alone means", id="every-device"),
        pytest.param(("--site", "a"), b"\n", "expected a community that is not empty", id="no-community"),
        pytest.param(("--site", "a", "--v3", "b\udce9"), b"", "expected --v3 in UTF-8", id="user"),
        pytest.param(
            ("--site", "a", "--v3", "bob", "--auth", "sha1"),
            b"hunter\xe922\n",
            "the authentication key in UTF-8",
            id="key",
        ),
    ],
)
def test_what_nobody_would_find_is_not_stored(redis, run, arguments, given, says):
    result = run("set", *arguments, given=given)
    assert result.exit_code == 2
    assert says in result.stderr
    assert "hunter" not in result.output
    assert not redis.strings
    assert not redis.hashes


def test_an_empty_device_does_not_delete_what_is_the_whole_sites(redis, run):
    run("set", "--site", "fra1", "--add", given=b"kept\n")
    assert run("delete", "--site", "fra1", "--device", "").exit_code == 2
    assert found(redis)


@pytest.mark.parametrize(
    ("option", "key"), [("--sink", "panoptes:secrets:sink:store"), ("--discovery", "panoptes:secrets:discovery:store")]
)
def test_a_sinks_or_a_discovery_sections_token_is_stored_where_it_is_looked_for(
    run: Run, redis: FakeRedis, option: str, key: str
):
    result = run("set", option, "store", given=b"t0ken\n")
    assert (result.exit_code, result.output) == (0, f"stored {key}\n")
    found = NamedSecrets(redis, "redis://h:1/0", SINK if option == "--sink" else DISCOVERY)  # type: ignore[arg-type]
    assert asyncio.run(found.of("store")) == "t0ken"


@pytest.mark.parametrize(
    ("arguments", "given", "why"),
    [
        pytest.param((), b"x", "expected one of --site, --sink, --discovery", id="nobodys"),
        pytest.param(("--site", "a", "--sink", "b"), b"x", "expected one of --site, --sink", id="of-two"),
        pytest.param(("--sink", "b", "--v3", "me"), b"x", "belong to the credentials of a --site", id="a-user"),
        pytest.param(("--sink", "b", "--add"), b"x", "belong to the credentials of a --site", id="one-more"),
        pytest.param(("--sink", ""), b"x", "expected a name that is not empty", id="no-name"),
        pytest.param(("--sink", "b"), b"\n", "expected a password or token, found nothing", id="nothing"),
        pytest.param(("--sink", "b"), b"\xff\n", "expected the password or token in UTF-8", id="no-text"),
    ],
)
def test_what_cannot_be_a_sinks_secret_is_refused_and_nothing_is_stored(
    run: Run, redis: FakeRedis, arguments: tuple[str, ...], given: bytes, why: str
):
    result = run("set", *arguments, given=given)
    assert result.exit_code == 2
    assert why in result.output
    assert not redis.strings
