"""Session cookies of user, expiry and signature; the server keeps no sessions."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

COOKIE: Final = "panoptes_session"
_LONGEST: Final = 1_000  #: characters


def issued(user: str, hashed: str, until_s: int, key: bytes) -> str:
    """Return a session cookie; the signature covers the password's hash, so that a new password ends the session."""
    name = base64.urlsafe_b64encode(user.encode()).decode()
    return f"{name}.{until_s}.{_signature(user, hashed, until_s, key)}"


def user_of(cookie: str, users: Mapping[str, str], now_s: int, key: bytes) -> str | None:
    """Return the user of a session; None where it has ended, was changed, or the user is gone."""
    parts = cookie.split(".")
    if len(cookie) > _LONGEST or len(parts) != 3 or not (parts[1].isascii() and parts[1].isdecimal()):
        return None
    try:
        user = base64.urlsafe_b64decode(parts[0]).decode()
    except ValueError:
        return None
    until_s = int(parts[1])
    if user not in users or until_s <= now_s:
        return None
    made = _signature(user, users[user], until_s, key)
    return user if hmac.compare_digest(made.encode(), parts[2].encode(errors="replace")) else None


def _signature(user: str, hashed: str, until_s: int, key: bytes) -> str:
    return hmac.new(key, f"{user}\n{hashed}\n{until_s}".encode(), hashlib.sha256).hexdigest()
