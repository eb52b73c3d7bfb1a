"""Reloads profiles when their files change; a broken file leaves the previous version in force."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from pollers.profiles.loading.library import Document, Library, build_library, profile_files, read_document
from pollers.profiles.model import Profile
from pollers.profiles.place import FileLine, Problem, ProfileError

#: how often the folders are looked at; a change is in force well within a minute
LOOK_EVERY_MS: Final = 20_000


class _Seen(NamedTuple):
    stamp: tuple[int, int]  #: time of change and size
    document: Document | None
    problems: tuple[Problem, ...]


class ProfileWatch:
    """A profile library that reloads on request. `look` reads files: call it where blocking is allowed."""

    def __init__(self, folders: Sequence[Path], notify: Callable[[Sequence[Problem]], None]) -> None:
        """Read everything; `notify` is given what is wrong whenever that changes."""
        self._folders = tuple(folders)
        self._notify = notify
        self._seen: dict[Path, _Seen] = {}
        self._gone: list[Path] = []
        self._looked_ms = 0
        self.library = Library()
        self.changes = 0  #: how often the profiles in force have changed
        self.look()
        self.changes = 0

    @property
    def broken(self) -> int:
        """Return the present number of problems in the files."""
        return len(self.library.problems)

    def due(self, now_ms: int) -> bool:
        """Return whether the files should be checked again; the next check counts from this call."""
        if 0 <= now_ms - self._looked_ms < LOOK_EVERY_MS:
            return False
        self._looked_ms = now_ms
        return True

    def look(self) -> None:
        """Reload the files that have changed since the last call."""
        seen = {path: self._read(path) for path in profile_files(self._folders)}
        gone = [folder for folder in self._folders if not folder.is_dir()]
        if (seen, gone) == (self._seen, self._gone):
            return
        self._seen, self._gone = seen, gone
        documents = [entry.document for entry in seen.values() if entry.document]
        problems = [problem for entry in seen.values() for problem in entry.problems]
        problems += [Problem(FileLine(str(folder), 0), "", "a folder that is there") for folder in gone]
        fresh = build_library(documents, problems)
        profiles = kept_profiles(self.library.profiles, fresh, bool(problems))
        if fresh.problems != self.library.problems:
            self._notify(fresh.problems)
        if profiles != self.library.profiles:
            self.changes += 1
        old = {name: document for name, document in self.library.documents.items() if name in profiles}
        good = {name: document for name, document in fresh.documents.items() if name not in fresh.broken}
        self.library = Library(profiles, fresh.problems, fresh.broken, {**old, **good})

    def _read(self, path: Path) -> _Seen:
        try:
            status = path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            before = self._seen.get(path)
            if before and before.stamp == stamp:
                return before
            return _Seen(stamp, read_document(path.read_text(encoding="utf-8"), str(path)), ())
        except ProfileError as error:
            return _Seen(stamp, None, error.problems)
        except (OSError, UnicodeDecodeError) as error:
            problem = Problem(FileLine(str(path), 0), "", f"a readable UTF-8 file ({type(error).__name__})")
            return _Seen((0, 0), None, (problem,))


def kept_profiles(old: Mapping[str, Profile], fresh: Library, unreadable: bool) -> dict[str, Profile]:
    """Return the profiles that are in force now.

    A broken profile stays as it was. While a file cannot even be parsed, nobody knows which profile it was to be, so
    none disappears. An equal profile stays the same object: plans made from it stay good.
    """
    kept = {
        name: old[name] if name in old and old[name] == profile else profile for name, profile in fresh.profiles.items()
    }
    for name, profile in old.items():
        if name not in kept and (unreadable or name in fresh.broken):
            kept[name] = profile
    return kept
