"""Waits for a service that is away: logs a line every few seconds, and continues when it returns."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from schemas.errors import BackendError

log = logging.getLogger(__name__)

RETRY_S: Final = 1.0
LINE_EVERY_S: Final = 5.0

T = TypeVar("T")


class ToldError(BackendError):
    """A service is away, and that has been logged already."""


class Waits:
    """When this process last found a service away; a worker that waits for one does not count as stuck."""

    def __init__(self) -> None:
        self.seen_s = float("-inf")  #: on the monotonic clock

    def seen(self) -> None:
        """Record that a service is away now."""
        self.seen_s = time.monotonic()


#: the one of this process: services are waited for in places that know nothing of the watch, which asks it
WAITS: Final = Waits()


async def wait_for(
    what: str,
    where: str,
    attempt: Callable[[], Awaitable[T]],
    *,
    absent: tuple[type[BaseException], ...],
    give_up: Callable[[], bool] = lambda: False,
) -> T | None:
    """Return the result of `attempt`, retrying while it raises one of `absent`; None once `give_up` returns True."""
    loop = asyncio.get_running_loop()
    next_line = loop.time()
    waited = False
    while not give_up():
        try:
            result = await attempt()
        except absent as problem:
            WAITS.seen()
            if loop.time() >= next_line and not isinstance(problem, ToldError):
                log.warning("waiting for %s at=%s problem=%s", what, where, _short(problem))
                next_line = loop.time() + LINE_EVERY_S
            waited = True
            await asyncio.sleep(RETRY_S)
        else:
            if waited:
                log.info("%s is there at=%s", what, where)
            return result
    return None


def _short(problem: BaseException) -> str:
    text = str(problem).strip() or type(problem).__name__
    return text.splitlines()[0][:200]
