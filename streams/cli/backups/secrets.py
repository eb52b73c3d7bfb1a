"""The secrets of Redis, as they stand there: what is encrypted stays so, in the file and when it is put back."""

from collections.abc import Sequence

import redis.asyncio

from streams.cli.backups.parts import PutBack
from streams.runtime.secrets.forms import OTHER_BYTES
from streams.runtime.secrets.renewal import StoredSecret, all_of, as_bytes
from streams.runtime.secrets.store import open_redis
from streams.runtime.settings.loading import Settings


async def take(settings: Settings) -> list[StoredSecret]:
    """Return everything that is stored. Raises RedisError, OSError."""
    client = open_redis(settings.redis)
    try:
        return await all_of(client)
    finally:
        await client.aclose()


async def put(settings: Settings, secrets: Sequence[StoredSecret], *, overwrite: bool) -> PutBack:
    """Store those that are missing; where another value stands, only with `overwrite`. Raises RedisError, OSError."""
    client = open_redis(settings.redis)
    done, same, kept = 0, 0, []
    try:
        for secret in secrets:
            now = await _stored(client, secret)
            if now == secret.value:
                same += 1
            elif now is not None and not overwrite:
                kept.append(secret.where())
            else:
                await _store(client, secret)
                done += 1
    finally:
        await client.aclose()
    return PutBack(done, same, kept)


async def _stored(client: "redis.asyncio.Redis", secret: StoredSecret) -> bytes | None:
    key = _bytes(secret.key)
    found = await (client.get(key) if secret.name is None else client.hget(key, _bytes(secret.name)))
    return None if found is None else as_bytes(found)


async def _store(client: "redis.asyncio.Redis", secret: StoredSecret) -> None:
    key = _bytes(secret.key)
    if secret.name is None:
        await client.set(key, secret.value, keepttl=True)
    else:
        await client.hset(key, _bytes(secret.name), secret.value)


def _bytes(text: str) -> bytes:
    return text.encode(errors=OTHER_BYTES)
