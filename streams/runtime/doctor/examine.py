"""Runs all checks at the same time, each within its own time limit."""

import asyncio
import time
from collections.abc import Coroutine

from aiokafka.errors import KafkaError

from streams.runtime.doctor import brokers, certificates, elections, machine, stores
from streams.runtime.doctor.findings import Finding, fault
from streams.runtime.settings.loading import Settings

Look = Coroutine[object, object, list[Finding]]


async def examine(settings: Settings, timeout_s: float) -> list[Finding]:
    """Return all findings; a service gets `timeout_s` for its first answer, and a few times that in all."""
    looks: dict[str, Look] = {
        "kafka": brokers.look(settings, timeout_s),
        "zookeeper": elections.look(settings, timeout_s),
        "redis": stores.look_at_redis(settings, timeout_s),
        "registry": stores.look_at_registry(settings, timeout_s),
        "certificate": certificates.look(settings, timeout_s, time.time()),
    }
    found = await asyncio.gather(*(_bounded(name, look, 4 * timeout_s) for name, look in looks.items()))
    return [*await asyncio.to_thread(machine.look), *(finding for findings in found for finding in findings)]


async def _bounded(about: str, look: Look, limit_s: float) -> list[Finding]:
    try:
        async with asyncio.timeout(limit_s):
            return await look
    except TimeoutError:
        return [
            fault(
                about, f"began to answer and did not end within {limit_s:g} s", "see its log: it is overloaded or stuck"
            )
        ]
    except (KafkaError, OSError) as problem:
        return [fault(about, str(problem) or type(problem).__name__, "see its log, and ask again")]
