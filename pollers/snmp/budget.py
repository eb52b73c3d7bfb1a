"""Token buckets of a worker: packets per second, and retries as a share of requests (pure: the time is an argument)."""


class TokenBucket:
    """A token bucket of `per_s` tokens a second, with a burst of a tenth of a second's worth."""

    __slots__ = ("_at_s", "_burst", "_per_s", "_tokens")

    def __init__(self, per_s: float, now_s: float) -> None:
        self._per_s = per_s
        self._burst = max(1.0, per_s / 10)
        self._tokens = self._burst
        self._at_s = now_s

    def ready(self, now_s: float) -> bool:
        """Return whether a token is available."""
        if now_s > self._at_s:
            self._tokens = min(self._burst, self._tokens + (now_s - self._at_s) * self._per_s)
            self._at_s = now_s
        return self._tokens >= 1.0

    def spend(self) -> None:
        self._tokens -= 1.0

    def wait_s(self) -> float:
        """Return the time until a token is available, counted from the last `ready`."""
        return max(0.0, (1.0 - self._tokens) / self._per_s)


class RetryBudget:
    """Each request earns a share of a retry, up to a reserve; each retry spends one."""

    __slots__ = ("_left", "_reserve", "_share")

    def __init__(self, share: float, reserve: int) -> None:
        self._share = share
        self._reserve = float(reserve)
        self._left = float(reserve)

    def earn(self) -> None:
        if self._left < self._reserve:
            self._left += self._share

    def spend(self) -> bool:
        """Spend a retry, and return whether there was one."""
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


def wait_s(timeout_s: float, backoff: float, attempt: int, swing: float) -> float:
    """Return the timeout of this attempt (from 0); swing is the jitter, -share..+share."""
    return float(timeout_s * backoff**attempt * (1.0 + swing))
