"""One at a time for each key: what is read, sent and written back of a resource must not be overtaken on the way.

A record sent late would stand last in a compacted topic for ever, after the tombstone that was to end it.
"""

import asyncio
from weakref import WeakValueDictionary


class Alone:
    """A lock for each key that is in use; the others are not kept."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def of(self, key: str) -> asyncio.Lock:
        """Return the key's lock, for `async with`."""
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = asyncio.Lock()
        return lock
