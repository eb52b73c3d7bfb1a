"""Checks Redis and the schema registry: reachable, their versions and their clocks."""

import asyncio
import email.utils
import itertools
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import redis.asyncio
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError

from schemas.errors import PanoptesError
from streams.pipeline import TOPICS
from streams.runtime.doctor.findings import Finding, fault, of_clock, ok, warning
from streams.runtime.registry.http import HttpRegistry
from streams.runtime.registry.opening import open_registry
from streams.runtime.secrets.store import describe, open_key_ring, open_redis, where
from streams.runtime.settings.loading import Settings, SettingsError
from streams.runtime.settings.sections import RedisSettings, urls

_DATE_UNSURE_S: Final = 1.0  #: HTTP dates are whole seconds


async def look_at_redis(settings: Settings, timeout_s: float) -> list[Finding]:
    """Return the findings of each server; never raises for Redis's errors."""
    each = [
        settings.redis.model_copy(update={"url": url})
        for url in (settings.redis.url, *urls(settings.redis.replica_urls))
    ]
    found = await asyncio.gather(*(_answers(one, timeout_s) for one in each))
    return [*itertools.chain.from_iterable(found), *await _key_ring(settings)]


async def _answers(redis_settings: RedisSettings, timeout_s: float) -> list[Finding]:
    client, place = open_redis(redis_settings), where(redis_settings)
    try:
        async with asyncio.timeout(timeout_s):
            return await _redis(client, place)
    except AuthenticationError as problem:
        return [fault("redis", f"{place} refuses us: {describe(problem)}", "check user and password in [redis] url")]
    except (RedisError, OSError, TimeoutError) as problem:
        said = describe(problem)
        return [fault("redis", f"{place} cannot be asked: {said}", "start it, or set [redis] url")]
    finally:
        await client.aclose()


async def _redis(client: "redis.asyncio.Redis", place: str) -> list[Finding]:
    await client.ping()
    hello: Callable[[str], Awaitable[object]] = client.execute_command  # redis-py has no types for it
    said = await hello("HELLO")  # unlike INFO no dangerous command: a user of few rights may
    version = _fields(said).get("version", "of unknown version")
    found = [ok("redis", f"{place} answers, Redis {version}")]
    try:
        asked_s = time.time()
        seconds, micros = await client.time()
        answered_s = time.time()
    except NoPermissionError:
        return found
    trip_s = answered_s - asked_s
    return [*found, of_clock("Redis", int(seconds) + int(micros) / 1e6 - asked_s - trip_s / 2, trip_s / 2)]


def _fields(said: object) -> Mapping[str, str]:
    if isinstance(said, Mapping):
        pairs = list(said.items())
    else:
        pairs = list(zip(said[::2], said[1::2], strict=False)) if isinstance(said, Sequence) else []
    return {_text(name): _text(value) for name, value in pairs}


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


async def _key_ring(settings: Settings) -> list[Finding]:
    if not settings.redis.key_ring:
        return []
    try:
        await asyncio.to_thread(open_key_ring, settings.redis)
    except SettingsError as problem:
        return [fault("secrets", str(problem), "put the file of keys there (docs/secrets.md)")]
    return [ok("secrets", "the key ring can be read")]


async def look_at_registry(settings: Settings, timeout_s: float) -> list[Finding]:
    """Return the findings; never raises for the registry's errors."""
    place = settings.registry.url or "files"
    registry = open_registry(settings)
    first = next(iter(TOPICS))
    subject = f"{settings.panoptes.topic_prefix}.{first}-value"
    try:
        async with asyncio.timeout(timeout_s):
            known = await registry.ids_of(subject)
            date = await registry.date() if isinstance(registry, HttpRegistry) else None
    except PanoptesError as problem:
        return [fault("registry", str(problem), "start it, or set [registry] url")]
    except TimeoutError:
        return [fault("registry", f"{place}: no answer within {timeout_s:g} s", "start it, or set [registry] url")]
    found = [ok("registry", f"{place} answers")]
    if not known:
        found = [warning("registry", f"{place} answers, and has no schemas of ours yet", "workers register them")]
    return [*found, *_registry_clock(date)]


def _registry_clock(date: str | None) -> list[Finding]:
    try:
        at_s = email.utils.parsedate_to_datetime(date or "").timestamp()
    except ValueError:
        return []
    return [of_clock("the registry", at_s - time.time() + _DATE_UNSURE_S / 2, _DATE_UNSURE_S)]
