"""Decides whether a worker may still work on its partitions: after a long pause it may have lost them unnoticed.

A paused process (a frozen virtual machine, SIGSTOP) wakes up with its old assignment and hears of the loss a heartbeat
later. Until then its partitions' new owners do the work.
"""


class Lease:
    """Detects pauses by the gaps between its own calls; all times are of one monotonic clock, seconds."""

    __slots__ = ("_lapsed_s", "_seen_s", "_session_timeout_s")

    def __init__(self, session_timeout_s: float, now_s: float) -> None:
        self._session_timeout_s = session_timeout_s
        self._seen_s = now_s
        self._lapsed_s: float | None = None

    def holds(self, now_s: float) -> bool:
        """Return whether the lease holds; call it every second or less.

        After a pause longer than the session it is false until `assigned`, or until one more session timeout has
        passed without that: an evicted worker hears of it within a heartbeat, so this one was not.
        """
        if now_s - self._seen_s > self._session_timeout_s:
            self._lapsed_s = now_s
        self._seen_s = now_s
        if self._lapsed_s is not None and now_s - self._lapsed_s > self._session_timeout_s:
            self._lapsed_s = None
        return self._lapsed_s is None

    def assigned(self, now_s: float) -> bool:
        """Return whether the lease held until this assignment; from now on it holds again."""
        held = self.holds(now_s)
        self._lapsed_s = None
        return held
