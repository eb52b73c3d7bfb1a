"""Measures how far a topic has been read, how fast it grows, and since when it cannot be read."""

from collections import deque
from typing import Final

from streams.console.models.facts import TopicFacts

WINDOW_MS: Final = 60_000
_MOMENTS: Final = 600


class Meter:
    """The progress in one topic; every method gets the time, Unix milliseconds, or needs none."""

    def __init__(self, name: str) -> None:
        self._name: Final = name
        self._records = 0
        self._unreadable = 0
        self._last_ms: int | None = None
        self._stale_since_ms: int | None = None
        self._complete = False
        self._behind = 0
        self._batches: deque[tuple[int, int]] = deque(maxlen=_MOMENTS)  #: when, and how many records

    def read(self, now_ms: int, records: int, last_ms: int | None, behind: int) -> None:
        """Record a successful read: how many records it brought, and how many are left."""
        self._stale_since_ms = None
        self._behind = behind
        self._complete = self._complete or behind == 0
        self._batches.append((now_ms, records))
        while self._batches[0][0] < now_ms - WINDOW_MS:
            self._batches.popleft()
        self._records += records
        if last_ms is not None:
            self._last_ms = max(last_ms, self._last_ms or 0)

    def unreadable(self) -> None:
        """Record a record that could not be decoded."""
        self._unreadable += 1

    def away(self, now_ms: int) -> None:
        """Record that the topic cannot be read."""
        self._stale_since_ms = self._stale_since_ms or now_ms

    def facts(self) -> TopicFacts:
        """Return the present state of the topic."""
        took_ms = self._batches[-1][0] - self._batches[0][0] if self._batches else 0
        per_s = 1000 * sum(records for _, records in self._batches) / max(took_ms, 1000)
        return TopicFacts(
            self._name, self._records, per_s if self._stale_since_ms is None else 0.0, self._last_ms,
            self._stale_since_ms, self._behind, self._unreadable, self._complete,
        )  # fmt: skip
