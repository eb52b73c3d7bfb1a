"""An event loop whose longer timers end together, on the quarters of the clock's second, and with the ticks.

Faust, its consumer's thread, Kafka's client and this code have some thirty timers of about a second. Each that ends by
itself wakes a sleeping process, which then finds nothing it needs in the processor's caches: that, and not what the
timers do, is most of what a worker costs while it has little to do.
"""

import asyncio
import math
import time
from collections.abc import Callable
from contextvars import Context
from typing import Final, TypeVarTuple

_Ts = TypeVarTuple("_Ts")

#: a timer of at least so many seconds may end later than asked for
LEAST_S: Final = 0.4
#: a longer one would have Faust say of its timers that they are late (`mode.timers`: 0.3 s)
STEP_S: Final = 0.25
#: of the clock: a timer for the whole second is set with this error, and must not wait for the next step
_EXACT_S: Final = 0.001
#: a timer for the whole second may end so much early by the clock, which is slewed
_SEEN_S: Final = 0.1


def coalesced(at_s: float) -> float:
    """Return the first step of the clock at or after a time, Unix seconds; a time just after a step stays as it is."""
    return max(at_s, math.ceil((at_s - _EXACT_S) / STEP_S) * STEP_S)


def to_next_second_s(now_s: float) -> float:
    """Return how long it is to the next second that has not been seen yet, seconds."""
    return math.floor(now_s + _SEEN_S) + 1 - now_s


async def next_second() -> None:
    """Return when a second of the clock begins, together with its ticks: for those who look around once a second."""
    await asyncio.sleep(to_next_second_s(time.time()))


class CoalescingLoop(asyncio.SelectorEventLoop):
    """Asyncio's own, but for its longer timers."""

    def call_at(
        self, when: float, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Call back at a time of the loop, or, where that is far off, up to a step later."""
        now = self.time()
        if when - now >= LEAST_S:
            ahead_s = time.time() - now  # of the loop's clock; asked each time, for the clock may be set
            when = coalesced(when + ahead_s) - ahead_s
        return super().call_at(when, callback, *args, context=context)


class CoalescingPolicy(asyncio.DefaultEventLoopPolicy):
    """Makes such loops, in every thread."""

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        return CoalescingLoop()
