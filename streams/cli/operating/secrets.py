"""`panoptes secrets`: stores credentials in Redis from a prompt or stdin; they are never shown."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

import click
import redis.asyncio
from redis.exceptions import RedisError

from pollers.snmp.credentials import AuthProtocol, Community, Credential, PrivProtocol, Version
from schemas.records import IDENTITY_SEPARATOR
from streams.cli.loading import load_or_exit
from streams.cli.secret_input import OTHER_BYTES, ask_passphrase, community, is_utf8, v3_user
from streams.runtime.secrets.forms import (
    WHOLE_SITE,
    FormError,
    check,
    community_key,
    credentials_key,
    read_credentials,
    write_credentials,
)
from streams.runtime.secrets.key_ring import KeyRing, KeyRingError, add_key, is_encrypted
from streams.runtime.secrets.named import DISCOVERY, SINK
from streams.runtime.secrets.renewal import all_of, as_bytes, renew
from streams.runtime.secrets.store import describe, open_key_ring, open_redis, where
from streams.runtime.settings.loading import SettingsError

T = TypeVar("T")

_NAMED: Final = {"sink": SINK, "discovery": DISCOVERY}


def _part_of_an_identity(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """Return the site or device. Raises BadParameter for one that no resource can have: nobody would find it."""
    if value is None:
        return None
    if not value:
        raise click.BadParameter("expected a name that is not empty")
    if IDENTITY_SEPARATOR in value:
        raise click.BadParameter(f"expected no {IDENTITY_SEPARATOR!r}: it separates the parts of an identity")
    if value == WHOLE_SITE:
        raise click.BadParameter(f"expected a name: {WHOLE_SITE!r} stands for a whole site, which --site alone means")
    if not is_utf8(value):
        raise click.BadParameter("expected UTF-8")
    return value


F = TypeVar("F", bound=Callable[..., object])


def owner_options(command: F) -> F:
    """Add the options that name a secret's owner, one of which must be given."""
    for option in (
        click.option("--discovery", callback=_part_of_an_identity, help="Of discovery sections with this `secret`."),
        click.option("--sink", callback=_part_of_an_identity, help="Of sinks with this `secret`."),
        click.option(
            "--site", callback=_part_of_an_identity, help="Of a site's devices; `default` is for sites that have none."
        ),
    ):
        command = option(command)
    return command


def _named(owner: Mapping[str, str | None]) -> str | None:
    """Return the key of a sink's or a discovery section's secret, None for a site's. Raises UsageError."""
    given = {name: value for name, value in owner.items() if value is not None}
    if len(given) != 1:
        raise click.UsageError("expected one of --site, --sink, --discovery")
    return next((f"{begins}{given[name]}" for name, begins in _NAMED.items() if name in given), None)


device_option = click.option(
    "--device",
    callback=_part_of_an_identity,
    help="Only for this device (its resource_id), tried before the site's.",
)


@click.group("secrets")
def command() -> None:
    """Store the credentials of devices."""


@command.command("set")
@owner_options
@device_option
@click.option("--v3", "user", metavar="USER", help="An SNMPv3 user, instead of a community.")
@click.option(
    "--auth",
    type=click.Choice([one.value for one in AuthProtocol]),
    default="none",
    help="The user's authentication protocol.",
)
@click.option(
    "--priv",
    type=click.Choice([one.value for one in PrivProtocol]),
    default="none",
    help="The user's privacy protocol.",
)
@click.option("--context", default="", help="The user's SNMP context.")
@click.option(
    "--version",
    type=click.Choice([one.value for one in Version]),
    help="The community's SNMP version, where it is unusual.",
)
@click.option("--add", is_flag=True, help="Keep those that are stored, and try this one after them.")
def set_(  # noqa: PLR0913, PLR0917 - options of a command
    device: str | None,
    user: str | None,
    auth: str,
    priv: str,
    context: str,
    version: str | None,
    add: bool,
    **owner: str | None,
) -> None:
    """Store a community, an SNMPv3 user, or the password or token of a sink or a discovery section.

    Its secrets are read from a prompt, or one per line from stdin: the community, whose very bytes are stored; or the
    user's authentication key, then its privacy key. They are in force within [redis] refresh_s, without a restart.
    """
    named = _named(owner)
    if named is not None:
        _refuse(device, user, version, "--add" if add else None)
        _set_named(named)
        return
    site = owner["site"] or ""
    if user is None and (auth != "none" or priv != "none" or context):
        raise click.UsageError("--auth, --priv and --context belong to an SNMPv3 user: name it with --v3 USER")
    credential = community(version) if user is None else v3_user(user, auth, priv, context)
    try:
        check(credential)
    except FormError as problem:
        raise click.UsageError(str(problem)) from None
    simple = version is None and device is None and not add
    if simple and isinstance(credential, Community):
        key = community_key(site)
        plain = credential.community.reveal().encode(errors=OTHER_BYTES)
        _with_redis(lambda client, ring: client.set(key, ring.encrypt(plain, key)))
        click.echo(f"stored {key}")
    else:
        name = device or WHOLE_SITE
        _with_redis(lambda client, ring: _put(client, ring, credentials_key(site), name, credential, add=add))
        click.echo(f"stored {credentials_key(site)} field {name}: {credential}")


def _refuse(*given: str | None) -> None:
    if any(given):
        raise click.UsageError("--device, --v3, --version and --add belong to the credentials of a --site")


def _set_named(key: str) -> None:
    plain = ask_passphrase("password or token").reveal()
    if not plain.strip():
        raise click.UsageError("expected a password or token, found nothing")
    _with_redis(lambda client, ring: client.set(key, ring.encrypt(plain.encode(), key)))
    click.echo(f"stored {key}")


@command.command("delete")
@owner_options
@device_option
def delete(device: str | None, **owner: str | None) -> None:
    """Delete the credentials of a site (its devices' own stay), of one device, of a sink or a discovery section."""
    named = _named(owner)
    if named is not None:
        _refuse(device)
        gone = named if _with_redis(lambda client, _ring: client.delete(named)) else ""
    else:
        gone = _with_redis(lambda client, _ring: _delete(client, owner["site"] or "", device))
    if not gone:
        raise click.ClickException("nothing was stored there")
    click.echo(f"deleted {gone}")


@command.command("list")
def list_() -> None:
    """Show which credentials are stored: keys only, never values."""
    for line in _with_redis(_list):
        click.echo(line)


@command.command("encrypt")
def encrypt() -> None:
    """Encrypt the plain values with the first key of [redis] key_ring. Workers need that key first."""
    _renew(only_plain=True)


@command.command("rotate")
def rotate() -> None:
    """Encrypt all values with the first key of [redis] key_ring, including those encrypted with earlier keys.

    Give the new key to all workers first; they read a changed key ring within [redis] refresh_s. When this is done, the
    earlier keys may be taken out of it.
    """
    _renew(only_plain=False)


@command.command("new-key")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--id", "key_id", help="What stored values call it. Default: the day.")
def new_key(file: Path, key_id: str | None) -> None:
    """Add a new key at the top of a key-ring file; creates the file where there is none."""
    name = key_id or datetime.now(UTC).strftime("%Y-%m-%d")
    try:
        add_key(file, name)
    except KeyRingError as problem:
        raise click.ClickException(str(problem)) from None
    click.echo(f"{file}: the first key is {name} now; whoever has this file can read the credentials")


def _renew(*, only_plain: bool) -> None:
    settings = load_or_exit(None)
    if not settings.redis.key_ring:
        raise click.ClickException("there is no [redis] key_ring: make one with `panoptes secrets new-key FILE`")
    done, failed = _with_redis(lambda client, ring: renew(client, ring, only_plain=only_plain))
    for line in failed:
        click.echo(line, err=True)
    click.echo(f"encrypted {done}, {len(failed)} could not be")
    if failed:
        sys.exit(1)


async def _put(
    client: "redis.asyncio.Redis", ring: KeyRing, key: str, name: str, credential: Credential, *, add: bool
) -> None:
    stored = await client.hget(key, name) if add else None
    try:
        earlier = read_credentials(ring.decrypt(as_bytes(stored), key, name).decode()) if stored else ()
    except (FormError, UnicodeDecodeError) as problem:
        raise click.ClickException(f"what is stored cannot be added to: {problem}; leave out --add") from None
    await client.hset(key, name, ring.encrypt(write_credentials((*earlier, credential)).encode(), key, name))


async def _delete(client: "redis.asyncio.Redis", site: str, device: str | None) -> str:
    gone = []
    if await client.hdel(credentials_key(site), device or WHOLE_SITE):
        gone.append(f"{credentials_key(site)} field {device or WHOLE_SITE}")
    if device is None and await client.delete(community_key(site)):
        gone.append(community_key(site))
    return " and ".join(gone)


async def _list(client: "redis.asyncio.Redis", _ring: KeyRing) -> list[str]:
    return [f"{stored.where()}{', encrypted' if is_encrypted(stored.value) else ''}" for stored in await all_of(client)]


def _with_redis(work: Callable[["redis.asyncio.Redis", KeyRing], Awaitable[T]]) -> T:
    settings = load_or_exit(None)
    try:
        ring = open_key_ring(settings.redis).current()
    except SettingsError as problem:
        raise click.ClickException(str(problem)) from None

    async def run() -> T:
        client = open_redis(settings.redis)
        try:
            return await work(client, ring)
        finally:
            await client.aclose()

    try:
        return asyncio.run(run())
    except (RedisError, OSError) as problem:
        raise click.ClickException(f"redis at {where(settings.redis)}: {describe(problem)}") from None
