"""Keys and ciphers of SNMPv3's User-based Security Model.

Pure. RFC 3414, RFC 3826, RFC 7860, and two drafts for the longer keys (Blumenthal's; Reeder's, which is Cisco's way).
"""

import hashlib
import hmac
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from pollers.snmp.credentials import AuthProtocol, PrivProtocol, Secret, UsmUser

_STRETCHED_BYTES: Final = 1_048_576  #: RFC 3414 §A.2
_DES_BLOCK: Final = 8


class Auth(NamedTuple):
    hash: str  #: name for hashlib
    digest_bytes: int  #: of the HMAC, what is sent


AUTHS: Final[Mapping[AuthProtocol, Auth]] = {
    AuthProtocol.MD5: Auth("md5", 12),
    AuthProtocol.SHA1: Auth("sha1", 12),
    AuthProtocol.SHA224: Auth("sha224", 16),
    AuthProtocol.SHA256: Auth("sha256", 24),
    AuthProtocol.SHA384: Auth("sha384", 32),
    AuthProtocol.SHA512: Auth("sha512", 48),
}


@lru_cache(maxsize=1024)
def stretched(passphrase: Secret, hash_name: str) -> bytes:
    """Return the digest of a megabyte of the passphrase (RFC 3414 §A.2); it is the same for all devices."""
    return _stretch(passphrase.reveal().encode(), hash_name)


def _stretch(text: bytes, hash_name: str) -> bytes:
    whole, rest = divmod(_STRETCHED_BYTES, len(text))
    return hashlib.new(hash_name, text * whole + text[:rest], usedforsecurity=True).digest()


def localized(key: bytes, engine_id: bytes, hash_name: str) -> bytes:
    """Return a key for one device (RFC 3414 §2.6)."""
    return hashlib.new(hash_name, key + engine_id + key).digest()


def _extended_blumenthal(key: bytes, hash_name: str, size: int) -> bytes:
    while len(key) < size:
        key += hashlib.new(hash_name, key).digest()
    return key[:size]


def _extended_reeder(key: bytes, engine_id: bytes, hash_name: str, size: int) -> bytes:
    last = key
    while len(key) < size:
        last = localized(_stretch(last, hash_name), engine_id, hash_name)
        key += last
    return key[:size]


class Keys(NamedTuple):
    """A user's keys for one device; empty where the user does without."""

    auth: bytes
    priv: bytes

    def __repr__(self) -> str:
        return "Keys(<secret>)"


_PRIV_BYTES: Final = {
    PrivProtocol.NONE: 0,
    PrivProtocol.DES: 16,
    PrivProtocol.TRIPLE_DES: 32,
    PrivProtocol.AES128: 16,
    PrivProtocol.AES192: 24,
    PrivProtocol.AES256: 32,
    PrivProtocol.AES192_REEDER: 24,
    PrivProtocol.AES256_REEDER: 32,
}
_REEDER: Final = {PrivProtocol.TRIPLE_DES, PrivProtocol.AES192_REEDER, PrivProtocol.AES256_REEDER}


def keys_for(user: UsmUser, engine_id: bytes) -> Keys:
    """Return the user's keys localized to a device."""
    if user.auth_protocol is AuthProtocol.NONE:
        return Keys(b"", b"")
    hash_name = AUTHS[user.auth_protocol].hash
    auth = localized(stretched(user.auth_key, hash_name), engine_id, hash_name)
    size = _PRIV_BYTES[user.priv_protocol]
    if not size:
        return Keys(auth, b"")
    priv = localized(stretched(user.priv_key, hash_name), engine_id, hash_name)
    if user.priv_protocol in _REEDER:
        return Keys(auth, _extended_reeder(priv, engine_id, hash_name, size))
    return Keys(auth, _extended_blumenthal(priv, hash_name, size))


def digest(user: UsmUser, key: bytes, message: bytes) -> bytes:
    """Return the HMAC of a whole message in which its field is zeros (RFC 3414 §6.3.1, RFC 7860 §4.2.1)."""
    auth = AUTHS[user.auth_protocol]
    return hmac.digest(key, message, auth.hash)[: auth.digest_bytes]


def _des_iv(key: bytes, salt: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(key[-_DES_BLOCK:], salt, strict=True))


def _des(key: bytes, salt: bytes) -> Cipher[CBC]:
    """Return DES (8 bytes of key, RFC 3414 §8) or 3DES (24), each followed by 8 bytes of pre-IV."""
    cipher_key = key[:-_DES_BLOCK]
    return Cipher(TripleDES(cipher_key * 3 if len(cipher_key) == _DES_BLOCK else cipher_key), CBC(_des_iv(key, salt)))


def _aes(key: bytes, salt: bytes, boots: int, time_s: int) -> Cipher[CFB]:
    return Cipher(AES(key), CFB(boots.to_bytes(4) + time_s.to_bytes(4) + salt))


def encrypt(user: UsmUser, key: bytes, plain: bytes, salt: bytes, *, boots: int, time_s: int) -> bytes:
    """Encrypt the scoped PDU; salt is the eight bytes of privParameters."""
    if user.priv_protocol in {PrivProtocol.DES, PrivProtocol.TRIPLE_DES}:
        padded = plain + bytes(-len(plain) % _DES_BLOCK)
        des = _des(key, salt).encryptor()
        return bytes(des.update(padded) + des.finalize())
    aes = _aes(key, salt, boots, time_s).encryptor()
    return bytes(aes.update(plain) + aes.finalize())


def decrypt(user: UsmUser, key: bytes, secret: bytes, salt: bytes, *, boots: int, time_s: int) -> bytes:
    """Decrypt the scoped PDU, with padding after it for DES. Raises ValueError for lengths that cannot be."""
    if len(salt) != _DES_BLOCK:
        raise ValueError("privParameters have another length")
    if user.priv_protocol in {PrivProtocol.DES, PrivProtocol.TRIPLE_DES}:
        des = _des(key, salt).decryptor()
        return bytes(des.update(secret) + des.finalize())
    aes = _aes(key, salt, boots, time_s).decryptor()
    return bytes(aes.update(secret) + aes.finalize())
