"""Encrypts credentials for Redis, and decrypts them. Nothing here asks Redis.

    panoptes-enc:1:<key id>:<base64url of nonce, ciphertext, tag>

AES-256-GCM (NIST SP 800-38D) with a fresh nonce of 96 bits for each value. The Redis key and field are authenticated
with it, so that a value which somebody copied to another site or device cannot be decrypted there.
"""

import base64
import binascii
import logging
import os
import re
import secrets
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from streams.runtime.secrets.forms import FormError

log = logging.getLogger(__name__)

MARK: Final = b"panoptes-enc:"
_VERSION: Final = b"1"
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class KeyRingError(ValueError):
    """A key-ring file is invalid; the text names file and line, never a key."""


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Keys by their id, in the file's order: the first encrypts, all decrypt. One without keys leaves values plain."""

    keys: Mapping[str, AESGCM] = field(default_factory=dict, repr=False)
    #: refuse values that are not encrypted
    required: bool = False

    @classmethod
    def read(cls, path: str, *, required: bool = False) -> Self:
        """Read the keys of a file, or none for an empty path. Raises KeyRingError."""
        if not path:
            return cls(required=required)
        try:
            lines = Path(path).read_text(encoding="ascii").splitlines()
        except (OSError, UnicodeDecodeError) as problem:
            why = problem.strerror if isinstance(problem, OSError) else "it is no text"
            raise KeyRingError(f"the key ring {path} cannot be read: {why}") from None
        keys: dict[str, AESGCM] = {}
        for number, line in enumerate(lines, start=1):
            if not line.strip() or line.startswith("#"):
                continue
            key_id, key = _entry(line, f"{path}, line {number}")
            if key_id in keys:
                raise KeyRingError(f"{path}, line {number}: the key {key_id} is there twice")
            keys[key_id] = AESGCM(key)
        if not keys:
            raise KeyRingError(f"the key ring {path} has no key: make one with `panoptes secrets new-key {path}`")
        return cls(keys, required)

    @property
    def first(self) -> str:
        """Return the id of the key that encrypts, or an empty text."""
        return next(iter(self.keys), "")

    def encrypt(self, value: bytes, key: str, name: str = "") -> bytes:
        """Encrypt a value for this Redis key and hash field (no field: a string)."""
        if not self.keys:
            return value
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = nonce + self.keys[self.first].encrypt(nonce, value, _place(key, name))
        return b":".join((MARK + _VERSION, self.first.encode(), base64.urlsafe_b64encode(sealed)))

    def decrypt(self, stored: bytes, key: str, name: str = "") -> bytes:
        """Decrypt a stored value; a plain one is returned as it is. Raises FormError, which names no value."""
        if not is_encrypted(stored):
            if self.required:
                raise FormError("it is not encrypted, which require_encrypted asks for: run `panoptes secrets encrypt`")
            return stored
        key_id, sealed = _parts(stored)
        if key_id not in self.keys:
            raise FormError(f"it is encrypted with the key {key_id}, which is not in the key ring ([redis] key_ring)")
        try:
            return self.keys[key_id].decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _place(key, name))
        except InvalidTag:
            raise FormError(f"the key {key_id} does not decrypt it: it was changed, or put elsewhere") from None

    def renewed(self, stored: bytes, key: str, name: str = "") -> bytes | None:
        """Return a stored value encrypted with the first key, or None where it is already. Raises FormError."""
        if is_encrypted(stored) and _parts(stored)[0] == self.first:
            return None
        return self.encrypt(KeyRing(self.keys).decrypt(stored, key, name), key, name)


class KeyRingFile:
    """The configured key ring, reread when its file changes; an invalid change leaves the last valid one in force."""

    def __init__(self, path: str, *, required: bool = False) -> None:
        """Raises KeyRingError: what cannot be decrypted from the start is better said at the start."""
        self._path: Final = path
        self._read_of: tuple[int, int] | None = self._state()
        self._ring = KeyRing.read(path, required=required)
        if path and (line := open_to_others(path)):
            log.warning(line)

    def current(self) -> KeyRing:
        """Return the present keys. It reads a file: call it in a thread."""
        state = self._state()
        if state is not None and state != self._read_of:
            self._read_of = state
            try:
                self._ring = KeyRing.read(self._path, required=self._ring.required)
            except KeyRingError as problem:
                log.error("the changed key ring is not used, the one before stays in force problem=%s", problem)  # noqa: TRY400
        return self._ring

    def _state(self) -> tuple[int, int] | None:
        try:
            found = Path(self._path).stat() if self._path else None
        except OSError:  # for as long as it is being replaced
            return None
        return (found.st_mtime_ns, found.st_ino) if found else None


def is_encrypted(stored: bytes) -> bool:
    """Return whether a stored value has the form of an encrypted one."""
    return stored.startswith(MARK)


def new_line(key_id: str) -> str:
    """Return a line with a new random key. Raises KeyRingError for an id that a stored value cannot name."""
    if not _ID.fullmatch(key_id):
        raise KeyRingError(f"expected an id of up to 64 letters, digits, dots, hyphens and underscores: {key_id!r}")
    return f"{key_id} {base64.urlsafe_b64encode(secrets.token_bytes(_KEY_BYTES)).decode()}"


def add_key(path: Path, key_id: str) -> None:
    """Put a new key before those of the file; creates the file where there is none. Raises KeyRingError."""
    if path.exists() and key_id in KeyRing.read(str(path)).keys:
        raise KeyRingError(f"the key {key_id} is in {path} already")
    earlier = path.read_text(encoding="ascii") if path.exists() else ""
    fresh = path.with_name(f"{path.name}.new")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(f"{new_line(key_id)}\n{earlier}")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as problem:
        raise KeyRingError(f"{fresh} cannot be written: {problem.strerror}") from None


def open_to_others(path: str) -> str | None:
    """Return a warning about a key ring that others on this machine may read, or None."""
    mode = Path(path).stat().st_mode
    return f"the key ring {path} may be read by others: chmod 600 {path}" if mode & _OTHERS else None


def _entry(line: str, place: str) -> tuple[str, bytes]:
    key_id, _, text = line.strip().partition(" ")
    if not _ID.fullmatch(key_id):
        raise KeyRingError(f"{place}: expected an id of letters, digits, dots, hyphens and underscores, then a key")
    try:
        key = base64.b64decode(text.strip().encode(), altchars=b"-_", validate=True)
    except binascii.Error:
        raise KeyRingError(f"{place}: expected the key in base64url") from None
    if len(key) != _KEY_BYTES:
        raise KeyRingError(f"{place}: expected a key of {_KEY_BYTES} bytes, not {len(key)}")
    return key_id, key


def _parts(stored: bytes) -> tuple[str, bytes]:
    parts: Sequence[bytes] = stored.removeprefix(MARK).split(b":")
    if parts[0] != _VERSION:
        raise FormError("it is encrypted in a form that this version does not know")
    try:
        _, name, text = parts
        key_id, sealed = name.decode("ascii"), base64.b64decode(text, altchars=b"-_", validate=True)
    except ValueError:  # UnicodeDecodeError and binascii.Error are ones
        key_id, sealed = "", b""
    if len(sealed) < _NONCE_BYTES + _TAG_BYTES:
        raise FormError("it is not whole: expected panoptes-enc:1:<key id>:<base64url>")
    return key_id, sealed


def _place(key: str, name: str) -> bytes:
    """Return what is authenticated with a value. No key or field has a NUL: names of sites are texts of a line."""
    return f"{key}\0{name}".encode(errors="surrogateescape")
