"""Reads secrets of sinks and discovery: `panoptes:secrets:sink:<name>` or `…:discovery:<name>` in Redis.

They are strings, asked for each time that one is needed.
"""

import asyncio
from collections.abc import Awaitable
from typing import Final, cast

import redis.asyncio
from redis.exceptions import RedisError

from pollers.plugins.batch import TryAgain
from streams.runtime.secrets.forms import PREFIX, FormError
from streams.runtime.secrets.key_ring import KeyRingFile
from streams.runtime.secrets.store import describe, open_key_ring, open_redis, where
from streams.runtime.settings.sections import RedisSettings

SINK: Final = f"{PREFIX}sink:"
DISCOVERY: Final = f"{PREFIX}discovery:"


class NamedSecrets:
    """Returns a secret by name; the last one read is used while Redis is away."""

    def __init__(
        self, client: "redis.asyncio.Redis", place: str, whose: str = SINK, key_ring: KeyRingFile | None = None
    ) -> None:
        """`whose` is what the keys begin with."""
        self._key_ring = key_ring or KeyRingFile("")
        self._client = client
        self._whose = whose
        self._place = place
        self._known: dict[str, str] = {}

    async def of(self, name: str) -> str:
        """Return the secret. Raises TryAgain where none can be used, or Redis is away and has never answered."""
        key = f"{self._whose}{name}"
        try:
            value = await cast("Awaitable[bytes | None]", self._client.get(key))
        except (RedisError, OSError) as problem:
            if name in self._known:
                return self._known[name]
            raise TryAgain(f"the secret {key} cannot be read from {self._place}: {describe(problem)}") from None
        if value is None:
            self._known.pop(name, None)
            raise TryAgain(f"there is no secret {key} in {self._place}")
        try:
            plain = (await asyncio.to_thread(self._key_ring.current)).decrypt(value, key)
        except FormError as problem:
            if name in self._known:  # encrypted with a new key before this worker has it
                return self._known[name]
            raise TryAgain(f"the secret {key} in {self._place} cannot be used: {problem}") from None
        self._known[name] = plain.decode("utf-8", "replace").strip()
        return self._known[name]

    async def close(self) -> None:
        """Close the connection."""
        await self._client.aclose()


def open_named_secrets(settings: RedisSettings, whose: str = SINK) -> NamedSecrets:
    """Return the secrets of the configured Redis; sends no request yet."""
    return NamedSecrets(open_redis(settings), where(settings), whose, open_key_ring(settings))
