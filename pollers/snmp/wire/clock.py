"""A monotonic clock and a wall clock."""

import time
from typing import Protocol


class Clock(Protocol):
    def now_s(self) -> float:
        """Return monotonic seconds."""
        ...

    def now_ms(self) -> int:
        """Return Unix milliseconds."""
        ...


class SystemClock:
    now_s = staticmethod(time.monotonic)

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000
