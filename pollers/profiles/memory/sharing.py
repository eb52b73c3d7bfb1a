"""Equal values as one object: thousands of devices have the same interfaces."""

from collections.abc import Callable, Hashable
from typing import Final, TypeVar, cast

T = TypeVar("T")

_MOST: Final = 50_000


class Sharing:
    """What has been shared so far, up to a limit; beyond that it begins anew, which costs memory and nothing else."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._shared: dict[Hashable, object] = {}

    def of(self, value: T) -> T:
        """Return the value (which must be hashable) itself, or one that is equal to it and was there before."""
        return self.made(value, lambda: value)

    def made(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what was made for this key before, or is made now; nobody may change it."""
        found = cast("T | None", self._shared.get(key))
        if found is None:
            if len(self._shared) >= self._most:
                self._shared.clear()
            found = self._shared[key] = make()
        return found
