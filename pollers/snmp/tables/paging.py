"""Chooses response sizes: halves them when responses are lost, and slowly raises them again (pure)."""

from typing import Final

from pollers.snmp.limits import Limits

SMALLEST_BYTES: Final = 200  #: below this a page is one row, whatever its size
_GROW_AFTER: Final = 32  #: good responses of nearly the planned size
_GROW_BY: Final = 64
_HEADERS_BYTES: Final = 60  #: message and PDU headers, with an ordinary community


class Paging:
    """One device's page size, remembered between polls."""

    __slots__ = ("_ceiling", "_good", "_limit", "response_bytes")

    def __init__(self, limits: Limits) -> None:
        self.response_bytes = limits.response_bytes
        self._ceiling = limits.response_bytes  #: rises to what the device has shown that it takes
        self._limit = limits.response_bytes_max
        self._good = 0

    def rows(self, row_bytes: float) -> int:
        """Return how many rows of this size to request at once, at least 1."""
        return max(1, int(self.room_bytes / row_bytes))

    @property
    def room_bytes(self) -> int:
        """Return how many bytes of a response are left for variables."""
        return self.response_bytes - _HEADERS_BYTES

    def halve(self) -> None:
        """Record a tooBig, or a lost response that may have been too long."""
        self.response_bytes = max(SMALLEST_BYTES, self.response_bytes // 2)
        self._good = 0

    def cut(self, size: int) -> None:
        """Record a response that the agent truncated at this size."""
        self.response_bytes = max(SMALLEST_BYTES, min(self.response_bytes, size))
        self._good = 0

    def good(self, size: int) -> None:
        """Record a complete response."""
        if size > self._ceiling:
            self._ceiling = min(size, self._limit)
        if self.response_bytes < self._ceiling and size * 2 > self.response_bytes:
            self._good += 1
            if self._good >= _GROW_AFTER:
                self._good = 0
                self.response_bytes = min(self._ceiling, self.response_bytes + _GROW_BY)
