"""Loads each set of profile folders once for all plugins of a worker."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pollers.profiles.loading.watch import ProfileWatch
    from pollers.profiles.place import Problem


class ProfileWatches:
    """One watch for each set of folders, shared by the plugins that use it."""

    def __init__(self) -> None:
        self._watches: dict[tuple[Path, ...], ProfileWatch] = {}

    def of(self, folders: Sequence[Path], notify: "Callable[[Sequence[Problem]], None]") -> "ProfileWatch":
        """Return the watch over these folders; its first user is the one that reports problems."""
        from pollers.profiles.loading.watch import ProfileWatch  # noqa: PLC0415 - few workers read profiles

        key = tuple(folders)
        if key not in self._watches:
            self._watches[key] = ProfileWatch(folders, notify)
        return self._watches[key]
