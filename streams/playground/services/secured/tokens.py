"""Tokens that the broker takes (SASL OAUTHBEARER): JWTs signed with a key of the stack's own (RFC 7515, RFC 7518)."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from streams.playground.services.secured.authority import write_private

AUDIENCE: Final = "kafka"
_KEY_ID: Final = "stack"
_NUMBER_BYTES: Final = 32


def key_set(tls: Path) -> Path:
    """Return the file of the public keys (JWKS, RFC 7517) that the broker reads; made at the first call."""
    path = tls / "tokens.json"
    if not path.exists():
        key = ec.generate_private_key(ec.SECP256R1())
        numbers = key.public_key().public_numbers()
        public = {"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": _KEY_ID}
        public |= {"x": _number(numbers.x), "y": _number(numbers.y)}
        pem = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        write_private(tls / "tokens.key", key.private_bytes(*pem))
        write_private(path, json.dumps({"keys": [public]}).encode())
    return path


def signed(tls: Path, claims: Mapping[str, object]) -> str:
    """Return a token with these claims, which holds for the broker of the stack with that folder of keys."""
    key = serialization.load_pem_private_key((tls / "tokens.key").read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("the tokens' key is no EC key")
    parts = ({"alg": "ES256", "kid": _KEY_ID, "typ": "JWT"}, dict(claims))
    text = ".".join(_text(json.dumps(part).encode()) for part in parts)
    r, s = decode_dss_signature(key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{text}.{_text(r.to_bytes(_NUMBER_BYTES, 'big') + s.to_bytes(_NUMBER_BYTES, 'big'))}"


def _number(value: int) -> str:
    return _text(value.to_bytes(_NUMBER_BYTES, "big"))


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
