"""Ends a worker's process in a bounded time after it is asked to, whatever is away or hangs."""

import asyncio
import logging
import os
import threading
import time
from collections.abc import Awaitable
from typing import Final

import faust

log = logging.getLogger(__name__)

#: the share of one step of a stop
STOP_STEP_S: Final = 3.0
#: for what has no bound of its own, as a plugin's thread
STOP_WITHIN_S: Final = 30.0
EXIT_NOT_STOPPED: Final = 70  # EX_SOFTWARE


class EndingWorker(faust.Worker):
    """Faust's worker with a time limit on its shutdown."""

    async def on_stop(self) -> None:
        """Start the time limit; it stays in force to the end, since the interpreter's exit also waits for threads."""
        threading.Thread(target=_end, args=(STOP_WITHIN_S,), name="end", daemon=True).start()
        await super().on_stop()


async def bounded(step: Awaitable[object], what: str) -> None:
    """Run one step of the shutdown with a time limit: with a service away it might never end.

    Once that is over it is cancelled and not waited for: Faust's last commit ignores that it is cancelled.
    """
    task = asyncio.ensure_future(step)
    await asyncio.wait([task], timeout=STOP_STEP_S)
    if not task.done():
        task.cancel()
        log.warning("given up after %g s, what it held is done again by the next owner: %s", STOP_STEP_S, what)
    elif task.cancelled() or task.exception() is not None:
        why = "it was cancelled" if task.cancelled() else repr(task.exception())
        log.warning("failed, what it held is done again by the next owner: %s problem=%s", what, why)


def _end(within_s: float) -> None:
    time.sleep(within_s)
    log.critical(
        "the stop was not over after %g s, ending now: what was not done is done again by the next owner", within_s
    )
    logging.shutdown()
    os._exit(EXIT_NOT_STOPPED)
