"""Calls a plugin for one poll within a time limit; its errors become results."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final

from pollers.plugins.base import Poll, PollingPlugin
from schemas.records import EnrichedResource, Job, Outcome

log = logging.getLogger(__name__)

#: over its interval: a plugin's own deadline is shorter, but it may have to wait for another poll of the device first
MARGIN_S: Final = 60.0
#: the first faults are logged, then a sample; each is a status, and all are counted
_SAID_FIRST: Final = 10
_SAID_EVERY: Final = 100


def time_limit_s(job: Job) -> float:
    """Return the time limit of a poll of the job, in seconds; without one it would hold up its tick for ever."""
    return job.interval_s + MARGIN_S


class PluginCaller:
    """Calls the plugins of this worker by section name; errors become results, and the next slot is the retry."""

    def __init__(self, plugins: Mapping[str, PollingPlugin], limit_s: Callable[[Job], float] = time_limit_s) -> None:
        self.faults = 0  #: polls that a plugin spoilt
        self._plugins = plugins
        self._limit_s = limit_s

    async def ask(self, enriched: EnrichedResource, job: Job, slot: int) -> Poll:
        """Poll by the job's plugin, and return the result; raises nothing but the caller's cancellation."""
        plugin = self._plugins.get(job.plugin)
        if plugin is None:
            known = ", ".join(sorted(self._plugins)) or "none"
            reason = f"no section [polling:{job.plugin}] is configured here (there is: {known})"
            return Poll(outcome=Outcome.INTERNAL, reason=reason)
        key, limit = enriched.resource.identity, asyncio.timeout(self._limit_s(job))
        try:
            async with limit:
                poll: object = await plugin.poll(enriched, job, slot)  # what a plugin really returns
        except asyncio.CancelledError as fault:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return self.fault(key, job, "it was cancelled from within", fault)
        except Exception as fault:  # noqa: BLE001 - the edge of the stage
            late = limit.expired()
            why = f"not ended after {self._limit_s(job):g} s" if late else type(fault).__name__
            return self.fault(key, job, why, fault)
        if not isinstance(poll, Poll):
            return self.fault(key, job, f"expected a Poll, returned {type(poll).__name__}")
        return poll

    def fault(self, key: str, job: Job, why: str, fault: BaseException | None = None) -> Poll:
        """Return the result for a plugin's error; count it, and log it now and then.

        `why` is for everybody to read: what an exception says of itself may hold secrets, and stands in the log only.
        """
        self.faults += 1
        if self.faults <= _SAID_FIRST or self.faults % _SAID_EVERY == 0:
            line = "plugin fault resource=%s job=%s why=%s faults=%d"
            log.error(line, key, job.name, why, self.faults, exc_info=fault)
        return Poll(outcome=Outcome.INTERNAL, reason=f"fault in plugin {job.plugin}: {why}")
