"""Limits packets over all sockets of a worker: its rate, its retries, and a gap for each device."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from pollers.snmp.budget import RetryBudget, TokenBucket, wait_s
from pollers.snmp.device import explain
from pollers.snmp.device.link import DeviceLink
from pollers.snmp.errors import DeadlineExceeded, RetriesSpent
from pollers.snmp.limits import Limits


@dataclass(slots=True)
class WireCounters:
    """Counters of a worker's transport, for metrics."""

    packets_sent: int = 0
    packets_received: int = 0
    bytes_received: int = 0
    retries: int = 0
    timeouts: int = 0
    damaged: int = 0  #: responses that could not be read, though their request id was known
    unknown_request_id: int = 0  #: late, repeated, or never asked for
    wrong_source: int = 0
    wrong_community: int = 0  #: or another version: not a response to what was asked
    retries_refused: int = 0  #: by the budget
    send_errors: int = 0


class Permits:
    """The packet limits of one worker. The native engine asks for them as it goes; engines with sockets of their own
    wait for them.
    """

    def __init__(self, limits: Limits, random: Random, now_s: Callable[[], float]) -> None:
        self.counters = WireCounters()
        self.rate = TokenBucket(limits.packets_per_s, now_s())
        self._retries = RetryBudget(limits.retry_share, limits.retry_reserve)
        self.earn = self._retries.earn  #: for each request that is no retry
        self._random = random
        self._now_s = now_s

    def retry(self, link: DeviceLink) -> bool:
        """Spend a retry of the worker's budget, and return whether there was one."""
        allowed = self._retries.spend()
        if allowed:
            self.counters.retries += 1
            link.stats.retries += 1
        else:
            self.counters.retries_refused += 1
        return allowed

    def wait_s(self, link: DeviceLink, attempt: int) -> float:
        """Return the timeout of this attempt (from 0), jitter included."""
        limits = link.limits
        swing = limits.jitter * (2.0 * self._random.random() - 1.0)
        return wait_s(limits.timeout_s, limits.backoff, attempt, swing)

    def pause_s(self, link: DeviceLink, now: float) -> float:
        """Return how long to wait before the device's next packet."""
        gap_ms = link.limits.device_gap_ms
        return link.last_sent_s + gap_ms / 1000 - now if gap_ms else 0.0

    async def packet(self, link: DeviceLink, attempt: int) -> None:
        """Wait until a packet may be sent, and count it. Raises RetriesSpent, DeadlineExceeded."""
        if not attempt:
            self.earn()
        elif not self.retry(link):
            raise RetriesSpent(explain.no_retries_left(link.endpoint))
        now = self._now_s()
        while (pause_s := self.pause_s(link, now)) > 0 or not self.rate.ready(now):
            pause_s = max(pause_s, self.rate.wait_s())
            if now + pause_s >= link.ends_s:
                raise DeadlineExceeded(explain.deadline(link.endpoint, link.stats.packets_received))
            await asyncio.sleep(pause_s)
            now = self._now_s()
        self.rate.spend()
        link.last_sent_s = now
        link.stats.packets_sent += 1
        self.counters.packets_sent += 1

    def came(self, link: DeviceLink, size: int = 0) -> None:
        """Count an answer of so many bytes; 0 where the engine does not tell."""
        self.counters.packets_received += 1
        self.counters.bytes_received += size
        link.stats.packets_received += 1
        link.stats.bytes_received += size
