"""Re-encrypts the values in Redis one by one, while workers read and people write them."""

from typing import Final, NamedTuple

import redis.asyncio
from redis.exceptions import WatchError

from streams.runtime.secrets.forms import OTHER_BYTES, PREFIX, FormError
from streams.runtime.secrets.key_ring import KeyRing, is_encrypted

_AT_ONCE: Final = 1000


class StoredSecret(NamedTuple):
    """One value in Redis: a string, or a field of a hash."""

    key: str
    name: str | None  #: of the field; None: a string
    value: bytes

    def where(self) -> str:
        """Return the Redis key and field, for people."""
        return self.key if self.name is None else f"{self.key} field {self.name}"


def as_bytes(value: bytes | str) -> bytes:
    """Narrow the type of a client's answer to bytes: redis-py's types allow for decoded answers."""
    return value.encode(errors=OTHER_BYTES) if isinstance(value, str) else value


async def all_of(client: "redis.asyncio.Redis") -> list[StoredSecret]:
    """Return every stored secret by its place."""
    found: list[StoredSecret] = []
    async for key in client.scan_iter(match=f"{PREFIX}*", count=_AT_ONCE):
        text = key.decode(errors=OTHER_BYTES)
        if await client.type(key) == b"hash":
            fields = await client.hgetall(key)
            found += [
                StoredSecret(text, as_bytes(name).decode(errors=OTHER_BYTES), as_bytes(value))
                for name, value in fields.items()
            ]
        elif (value := await client.get(key)) is not None:
            found.append(StoredSecret(text, None, as_bytes(value)))
    return sorted(set(found), key=lambda one: (one.key, one.name or ""))  # a scan may name a key twice


async def renew(client: "redis.asyncio.Redis", ring: KeyRing, *, only_plain: bool) -> tuple[int, list[str]]:
    """Encrypt with the ring's first key; return the number of values, and a line for each that could not be."""
    done, failed = 0, []
    for stored in await all_of(client):
        if only_plain and is_encrypted(stored.value):
            continue
        try:
            done += await _renew_one(client, ring, stored)
        except FormError as problem:
            failed.append(f"{stored.where()}: {problem}")
    return done, failed


async def _renew_one(client: "redis.asyncio.Redis", ring: KeyRing, stored: StoredSecret) -> bool:
    """Replace one value unless somebody else does so meanwhile: then theirs is read and replaced. Raises FormError."""
    key = stored.key.encode(errors=OTHER_BYTES)
    name = None if stored.name is None else stored.name.encode(errors=OTHER_BYTES)
    while True:
        async with client.pipeline() as pipe:
            await pipe.watch(key)
            now = await (pipe.get(key) if name is None else pipe.hget(key, name))
            fresh = None if now is None else ring.renewed(as_bytes(now), stored.key, stored.name or "")
            if fresh is None:  # deleted, or encrypted with that key already
                return False
            pipe.multi()  # type: ignore[no-untyped-call]  # redis-py has no types for it
            if name is None:
                pipe.set(key, fresh, keepttl=True)
            else:
                pipe.hset(key, name, fresh)
            try:
                await pipe.execute()
            except WatchError:
                continue
            return True
