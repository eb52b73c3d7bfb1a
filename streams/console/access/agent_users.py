"""Checks passwords against the users' file, which is reread when it changes; hashing runs in threads."""

import asyncio
import hashlib
import hmac
import logging
import time
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from streams.console.access.passwords import PasswordFileError, fits, users

log = logging.getLogger(__name__)

READ_EVERY_S: Final = 5.0
_CHECKS_AT_ONCE: Final = 2
_WAITING_MOST: Final = 16
_REMEMBERED: Final = 1_000


class TooManyChecksError(Exception):
    """Too many passwords are waiting to be checked."""


class Users:
    """The users of the password file. A file that cannot be read any more leaves those who were known."""

    def __init__(self, path: str, key: bytes) -> None:
        """Raises PasswordFileError where the file cannot be used."""
        self._path: Final = Path(path)
        self._key: Final = key
        self.known: Mapping[str, str] = read(self._path)
        self._read_s = time.monotonic()
        self._checks = asyncio.Semaphore(_CHECKS_AT_ONCE)
        self._waiting = 0
        self._right: OrderedDict[bytes, str] = OrderedDict()  #: name and password, keyed and hashed -> the file's hash

    async def refresh(self) -> None:
        """Read the file again if the last time was long ago."""
        if time.monotonic() < self._read_s + READ_EVERY_S:
            return
        self._read_s = time.monotonic()
        try:
            self.known = await asyncio.to_thread(read, self._path)
        except PasswordFileError as problem:
            log.warning("users stay as they were file=%s problem=%s", self._path, problem)

    def is_remembered(self, name: str, password: str) -> bool:
        """Return whether the password was verified before: programs send it each time, and argon2 is slow by intent."""
        hashed = self.known.get(name)
        return hashed is not None and self._right.get(self._mark(name, password)) == hashed

    async def check(self, name: str, password: str) -> bool:
        """Return whether the password is the user's. Raises TooManyChecksError."""
        if self._waiting >= _WAITING_MOST:
            raise TooManyChecksError
        hashed = self.known.get(name)
        self._waiting += 1
        try:
            async with self._checks:
                right = await asyncio.to_thread(fits, hashed, password)
        finally:
            self._waiting -= 1
        if right and hashed is not None:
            self._right[self._mark(name, password)] = hashed
            if len(self._right) > _REMEMBERED:
                self._right.popitem(last=False)
        return right

    def _mark(self, name: str, password: str) -> bytes:
        return hmac.new(self._key, f"{name}\n{password}".encode(errors="replace"), hashlib.sha256).digest()


def read(path: Path) -> Mapping[str, str]:
    """Read the users of a file. Raises PasswordFileError."""
    try:
        found = users(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as problem:
        raise PasswordFileError(f"{path} cannot be read: {problem}") from None
    except PasswordFileError as problem:
        raise PasswordFileError(f"{path}: {problem}") from None
    if not found:
        raise PasswordFileError(f"{path}: expected a user; `panoptes console password` makes one")
    return found
