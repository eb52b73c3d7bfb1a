"""Answers about the whole network, shared by all who look: with many devices each takes its time."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final, TypeVar, cast

WORTH_S: Final = 0.005  #: of the processor; what takes less is worked out each time
TIMES: Final = 20  #: as long as it took is an answer kept
_MOST: Final = 64

T = TypeVar("T")


class Recent:
    """Keeps each answer for twenty times as long as it took, so that working it out is a twentieth of the load."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, cpu_s: Callable[[], float] = time.thread_time
    ) -> None:
        self._clock: Final = clock
        self._cpu_s: Final = cpu_s
        self._kept: Final[OrderedDict[Hashable, tuple[float, object]]] = OrderedDict()

    def of(self, asked: Hashable, work_out: Callable[[], T]) -> T:
        """Return the answer to what is asked, worked out now or a moment ago."""
        until_s, answer = self._kept.get(asked, (0.0, None))
        if self._clock() < until_s:
            return cast("T", answer)
        began_s = self._cpu_s()
        found = work_out()
        took_s = self._cpu_s() - began_s
        self._kept.pop(asked, None)
        if took_s >= WORTH_S:
            self._kept[asked] = (self._clock() + TIMES * took_s, found)
            if len(self._kept) > _MOST:
                self._kept.popitem(last=False)
        return found
