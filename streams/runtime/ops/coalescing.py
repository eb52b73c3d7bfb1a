"""Rounds timers of an event loop, so that they end together and an idle worker wakes less often.

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

#: a timer of at least so many seconds may end at another time than asked for
LEAST_S: Final = 0.4
#: ... and one of at least so many, as those are that come again and again, looks for its place between two seconds
REGULAR_S: Final = 0.9
#: how much later a timer may end; from 0.3 s on Faust would say of its timers that they are late (`mode.timers`)
LATE_S: Final = 0.28
#: how much earlier, of its time: what comes each second and takes a while keeps its place
EARLY_SHARE: Final = 0.05
STEP_S: Final = 0.25
_PLACE_S: Final = 0.5  #: of a second
#: a timer for the whole second is set with this error
_EXACT_S: Final = 0.001


def coalesced(at_s: float, delay_s: float) -> float:
    """Return when a timer ends that is set for a time of the clock, Unix seconds, so much ahead.

    That is a quarter of a second; of regular timers the one after it, until they come to half past the second.
    """
    if abs(at_s - round(at_s)) <= _EXACT_S:
        return at_s
    step = math.ceil((at_s - delay_s * EARLY_SHARE) / STEP_S) * STEP_S
    if delay_s >= REGULAR_S and step % 1.0 != _PLACE_S and step + STEP_S <= at_s + LATE_S:
        step += STEP_S
    return step


class CoalescingLoop(asyncio.SelectorEventLoop):
    """Asyncio's own, but for its longer timers."""

    def call_at(
        self, when: float, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Call back at a time of the loop, or, where that is far off, at about that time."""
        now = self.time()
        if when - now >= LEAST_S:
            ahead_s = time.time() - now  # of the loop's clock; asked each time, for the clock may be set
            when = coalesced(when + ahead_s, when - now) - ahead_s
        return super().call_at(when, callback, *args, context=context)


class CoalescingPolicy(asyncio.DefaultEventLoopPolicy):
    """Makes such loops, in every thread."""

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        return CoalescingLoop()
