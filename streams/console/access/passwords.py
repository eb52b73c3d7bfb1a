"""Reads and writes the users' file: lines `name:hash` with argon2id hashes (RFC 9106); `#` begins a comment."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from schemas.errors import FatalError

#: half of argon2-cffi's memory: as many checks as run at once must fit beside the read models
HASHER: Final = PasswordHasher(time_cost=3, memory_cost=32 * 1024, parallelism=1)
LONGEST: Final = 1_000  #: characters of a password
_NAME: Final = re.compile(r"[\w.@+-]{1,100}")
_HASH: Final = re.compile(r"\$argon2id\$v=19\$m=\d+,t=\d+,p=\d+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+")


class PasswordFileError(FatalError):
    """The users' file is invalid; the text never contains a hash."""


def users(text: str) -> Mapping[str, str]:
    """Parse the file: user -> hash. Raises PasswordFileError with the line's number."""
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, _, hashed = line.strip().partition(":")
        check_name(name, f"line {number}")
        if not _HASH.fullmatch(hashed):
            raise PasswordFileError(f"line {number}: expected a hash that `panoptes console password` made")
        if name in found:
            raise PasswordFileError(f"line {number}: {name} stands there twice")
        found[name] = hashed
    return found


def check_name(name: str, place: str) -> None:
    """Raises PasswordFileError for an invalid user name."""
    if not _NAME.fullmatch(name):
        raise PasswordFileError(f"{place}: expected a name of letters, digits and . _ @ + -, at most 100")


def with_user(text: str, name: str, password: str) -> str:
    """Return the file's text with the user's line new or replaced. Raises PasswordFileError."""
    check_name(name, "user")
    if not password or len(password) > LONGEST:
        raise PasswordFileError(f"expected a password of 1 to {LONGEST} characters")
    others = [line for line in text.splitlines() if line.strip().partition(":")[0] != name]
    return "\n".join([*others, f"{name}:{HASHER.hash(password)}"]) + "\n"


def fits(hashed: str | None, password: str) -> bool:
    """Return whether the password is right; an unknown user takes as long as a wrong password."""
    if len(password) > LONGEST:
        return False
    try:
        HASHER.verify(_nobodys() if hashed is None else hashed, password)
    except (VerifyMismatchError, InvalidHashError):
        return False
    return hashed is not None


@cache
def _nobodys() -> str:
    return HASHER.hash("nobody's")
