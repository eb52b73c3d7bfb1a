"""Reads devices' credentials from Redis site by site, and caches them; old ones are used while Redis is away."""

import asyncio
import logging
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, cast
from urllib.parse import urlsplit

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from pollers.snmp.credentials import Community, Credential, Secret, Version
from schemas.errors import BackendError
from streams.runtime.ops.waiting import wait_for
from streams.runtime.secrets.forms import (
    DEFAULT_SITE,
    OTHER_BYTES,
    WHOLE_SITE,
    FormError,
    community_key,
    credentials_key,
    read_credentials,
)
from streams.runtime.secrets.key_ring import KeyRing, KeyRingError, KeyRingFile
from streams.runtime.settings.loading import Settings, SettingsError
from streams.runtime.settings.sections import RedisSettings, urls

log = logging.getLogger(__name__)

#: what is asked of a replica, too
_READING: Final = frozenset({"GET", "HGETALL"})
LINE_EVERY_S: Final = 30.0
_HARMLESS: Final = ("Error ", "Timeout", "Connection", "NOAUTH", "WRONGPASS", "NOPERM", "WRONGTYPE", "LOADING")


@dataclass(frozen=True, slots=True)
class SiteCredentials:
    """The credentials of one site."""

    whole: Sequence[Credential] = ()
    by_device: Mapping[str, Sequence[Credential]] = field(default_factory=dict)

    def of(self, device_id: str) -> Sequence[Credential]:
        """Return the device's own, then the site's, each once."""
        return tuple(dict.fromkeys((*self.by_device.get(device_id, ()), *self.whole)))


class RedisCredentials:
    """A CredentialSource. Each site that was asked for is read anew every `refresh_s`, beside the polls."""

    def __init__(
        self,
        client: "redis.asyncio.Redis",
        where: str,
        *,
        version: Version,
        refresh_s: float,
        key_ring: KeyRingFile | None = None,
    ) -> None:
        self._client = client
        self._key_ring = key_ring or KeyRingFile("")
        self._where = where
        self._version = version
        self._refresh_s = refresh_s
        self._sites: dict[str, SiteCredentials] = {}
        self._tried_s: dict[str, float] = {}  #: when a site was last asked for, in the loop's time
        self._rereading = asyncio.Lock()
        self._refresher: asyncio.Task[None] | None = None
        self._quiet_until_s = 0.0
        self._told: set[str] = set()
        self._decrypted_before: dict[tuple[str, str], bytes] = {}

    async def candidates(self, site: str, device_id: str) -> Sequence[Credential]:
        """Return the device's own credentials, then its site's; where there are none, the default ones.

        Waits while Redis has never answered for the site.
        """
        if self._refresher is None:
            self._refresher = asyncio.create_task(self._refresh(), name="secrets")
        return (await self._site(site)).of(device_id) or (await self._site(DEFAULT_SITE)).of(device_id)

    async def reread(self, site: str) -> None:
        """Read the site and the default ones again; those who ask while a read is under way share the next one.

        Known credentials stay where Redis is away.
        """
        asked_s = asyncio.get_running_loop().time()
        async with self._rereading:
            for name in (site, DEFAULT_SITE):
                if name in self._sites and self._tried_s[name] <= asked_s:
                    try:
                        await self._read(name)
                    except BackendError as problem:
                        self._grumble(problem)

    async def close(self) -> None:
        """End the connection; never raises."""
        if self._refresher is not None:
            self._refresher.cancel()
            with suppress(asyncio.CancelledError):
                await self._refresher
        with suppress(RedisError, OSError):
            await self._client.aclose()

    async def _site(self, site: str) -> SiteCredentials:
        if site not in self._sites:
            await wait_for("redis", self._where, lambda: self._read(site), absent=(BackendError,))
        return self._sites[site]

    async def _refresh(self) -> None:
        while True:
            await asyncio.sleep(self._refresh_s)
            for site in tuple(self._sites):
                try:
                    await self._read(site)
                except BackendError as problem:
                    self._grumble(problem)
                    break

    def _grumble(self, problem: BackendError) -> None:
        now_s = asyncio.get_running_loop().time()
        if now_s >= self._quiet_until_s:
            self._quiet_until_s = now_s + LINE_EVERY_S
            log.warning("redis is away, known credentials stay in use at=%s problem=%s", self._where, problem)

    async def _read(self, site: str) -> None:
        key = community_key(site)
        self._tried_s[site] = asyncio.get_running_loop().time()
        try:
            # redis-py's return types are those of its synchronous client, too
            community = await cast("Awaitable[bytes | None]", self._client.get(key))
            fields = await cast("Awaitable[dict[bytes, bytes]]", self._client.hgetall(credentials_key(site)))
        except (RedisError, OSError) as problem:
            raise BackendError(describe(problem)) from None
        ring = await asyncio.to_thread(self._key_ring.current)
        plain = self._decrypted(ring, key, "", community) if community else b""
        by_device = {_text(name): self._parse(ring, site, _text(name), value) for name, value in fields.items()}
        site_wide = (Community(community=Secret(_text(plain)), version=self._version),) if plain else ()
        self._sites[site] = SiteCredentials((*site_wide, *by_device.pop(WHOLE_SITE, ())), by_device)

    def _parse(self, ring: KeyRing, site: str, name: str, value: bytes) -> Sequence[Credential]:
        key = credentials_key(site)
        text = _text(self._decrypted(ring, key, name, value))
        try:
            return read_credentials(text) if text else ()
        except FormError as problem:
            self._tell(f"credentials cannot be used key={key} field={name} problem={problem}")
            return ()

    def _decrypted(self, ring: KeyRing, key: str, name: str, value: bytes) -> bytes:
        """Return the value; where it cannot be decrypted, the last one that could be, or nothing.

        Who encrypts with a new key before this worker has it would else silence every device of the site.
        """
        try:
            self._decrypted_before[key, name] = ring.decrypt(value, key, name)
        except FormError as problem:
            self._tell(f"credentials cannot be decrypted, known ones stay key={key} field={name} problem={problem}")
        return self._decrypted_before.get((key, name), b"")

    def _tell(self, line: str) -> None:
        if line not in self._told:
            self._told.add(line)
            log.error(line)


def open_credentials(settings: Settings) -> RedisCredentials:
    """Return the credentials of the configured Redis; sends no request yet."""
    return RedisCredentials(
        open_redis(settings.redis),
        where(settings.redis),
        version=Version(settings.snmp.version),
        refresh_s=settings.redis.refresh_s,
        key_ring=open_key_ring(settings.redis),
    )


def open_key_ring(settings: RedisSettings) -> KeyRingFile:
    """Return the configured keys. Raises SettingsError."""
    try:
        return KeyRingFile(settings.key_ring, required=settings.require_encrypted)
    except KeyRingError as problem:
        raise SettingsError(f"[redis] key_ring: {problem}") from None


class ReadsReplicas(redis.asyncio.Redis):
    """A client of one server that reads from its replicas, in their order, while that does not answer.

    Each is tried once a request: the next one is quicker than the next try.
    """

    replicas: Sequence["redis.asyncio.Redis"] = ()

    async def execute_command(self, *args: object, **options: object) -> object:
        """Return the answer of the first that answers. Raises RedisError."""
        try:
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        except (RedisConnectionError, RedisTimeoutError, OSError):
            for replica in self.replicas if args[0] in _READING else ():
                with suppress(RedisConnectionError, RedisTimeoutError, OSError):
                    return await replica.execute_command(*args, **options)  # type: ignore[no-untyped-call]
            raise

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """Close all connections."""
        for replica in self.replicas:
            await replica.aclose(close_connection_pool)
        await super().aclose(close_connection_pool)


def open_redis(settings: RedisSettings) -> ReadsReplicas:
    """Return a client whose every request ends within the settings' time; with replicas, within that of each."""
    replicas = urls(settings.replica_urls)
    once = {"retry": Retry(NoBackoff(), 0)} if replicas else {}
    client = _client(settings.url, settings.timeout_s, once)
    client.replicas = [_client(url, settings.timeout_s, once) for url in replicas]
    return client


def _client(url: Secret, timeout_s: float, options: Mapping[str, Retry]) -> ReadsReplicas:
    client = ReadsReplicas.from_url(
        url.reveal(),
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        driver_info=None,  # else each connection reads redis-py's version from the disk, in the event loop
        **options,  # type: ignore[arg-type]
    )
    return cast("ReadsReplicas", client)


def where(settings: RedisSettings) -> str:
    """Return the address of Redis for people, without user and password."""
    parts = urlsplit(settings.url.reveal())
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def describe(problem: BaseException) -> str:
    """Describe an error, in Redis's own words only where those contain no password."""
    kind = type(problem).__name__
    text = str(problem).splitlines()[0] if str(problem) else ""
    return f"{kind}: {text}" if text.startswith(_HARMLESS) else kind


def _text(value: bytes) -> str:
    return value.decode("utf-8", errors=OTHER_BYTES)
