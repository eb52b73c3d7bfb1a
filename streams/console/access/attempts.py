"""Limits log-in attempts: a burst, then one after each pause."""

from collections import OrderedDict
from typing import Final

AT_ONCE: Final = 8
PAUSE_S: Final = 15.0
_ADDRESSES: Final = 10_000


class Attempts:
    """Log-in attempts by source address; the number of addresses is bounded, and the oldest are dropped."""

    def __init__(self) -> None:
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  #: attempts that are left, at a time

    def wait_s(self, address: str, now_s: float) -> float:
        """Count an attempt and return 0, or return how long to wait where there were too many."""
        left, then_s = self._left.pop(address, (float(AT_ONCE), now_s))
        left = min(float(AT_ONCE), left + max(0.0, now_s - then_s) / PAUSE_S)
        may = left >= 1
        self._left[address] = (left - 1 if may else left, now_s)
        if len(self._left) > _ADDRESSES:
            self._left.popitem(last=False)
        return 0.0 if may else (1 - left) * PAUSE_S

    def good(self, address: str) -> None:
        """Forget the attempts of an address that has logged in."""
        self._left.pop(address, None)
