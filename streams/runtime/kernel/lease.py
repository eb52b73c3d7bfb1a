"""The worker's lease on its partitions: `streams.scheduling.lease` with the clock of this process."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from streams.runtime.settings.sections import HEARTBEAT_LATE_S, KafkaSettings
from streams.scheduling.lease import Lease

_LOOK_S: Final = 0.2
_WATCH_S: Final = 1.0


class WorkerLease:
    """Tells whether the worker surely still owns its partitions."""

    def __init__(self, kafka: KafkaSettings, now_s: Callable[[], float] = time.monotonic) -> None:
        # the last heartbeat before a pause may have been that long ago, and late
        self._lease = Lease(kafka.session_timeout_s - kafka.heartbeat_interval_s - HEARTBEAT_LATE_S, now_s())
        self._now_s = now_s
        self._is_over = False  #: until the next assignment

    def holds(self) -> bool:
        return self._lease.holds(self._now_s()) and not self._is_over

    def revoked(self) -> None:
        """Record that a rebalance has begun; if the lease has lapsed by then, others may have the partitions.

        The next assignment may come when the lapse itself is long over, for it waits for the slowest of the group.
        """
        self._is_over = not self.holds()

    def assigned(self) -> bool:
        """Return whether the lease held until this assignment; from now on it holds again."""
        held = self._lease.assigned(self._now_s()) and not self._is_over
        self._is_over = False
        return held

    async def sure(self) -> None:
        """Return when the lease holds: at once, unless this worker was paused for so long that others may have its
        work.
        """
        while not self.holds():  # noqa: ASYNC110 - what makes it true is the passing of time as well
            await asyncio.sleep(_LOOK_S)

    async def watch(self) -> None:
        """Check the lease often enough to notice every pause, until cancelled."""
        while True:
            self.holds()
            await asyncio.sleep(_WATCH_S)
