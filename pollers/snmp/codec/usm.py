"""SNMPv3 messages with the User-based Security Model, for one user on one device (pure; RFC 3412 §6, RFC 3414 §3).

The state - engine id, boots, time, keys - belongs to one device: never to a user name, never to an engine id, since
cloned devices share those.
"""

import hmac
from typing import Final, NamedTuple

from pollers.snmp.codec import ber
from pollers.snmp.codec.message import GET, REQUEST_ID_HEAD, RESPONSE, Request, Resync, WireAnswer, read_answer, request
from pollers.snmp.codec.usm_keys import AUTHS, Keys, decrypt, digest, encrypt, keys_for
from pollers.snmp.credentials import AuthProtocol, PrivProtocol, UsmUser
from pollers.snmp.errors import AgentError, AuthRefused, DamagedResponse, SnmpError
from pollers.snmp.values import Type

REPORT: Final = 0xA8
_VERSION_3: Final = ber.integer(3)
_MAX_SIZE: Final = ber.integer(65_507)
_SECURITY_MODEL: Final = ber.integer(3)
_WINDOW_S: Final = 150  #: RFC 3414 §2.2.3
_LAST_BOOTS: Final = 2**31 - 1
_USM_STATS: Final = ber.encode_oid("1.3.6.1.6.3.15.1.1")
_MPD_STATS: Final = ber.encode_oid("1.3.6.1.6.3.11.2.1")
_CONTEXT_STATS: Final = ber.encode_oid("1.3.6.1.6.3.12.1")
_NOT_IN_TIME_WINDOW: Final = 2
_UNKNOWN_ENGINE_ID: Final = 4
_REFUSALS: Final = {
    1: "the device does not support this user's security level: check its auth and priv protocols on the device",
    3: "the device does not know the user: check the user's name on the device, and that it belongs to its engine id",
    5: "the digest is wrong: check the user's auth protocol and auth key",
    6: "the device cannot decrypt: check the user's priv protocol and priv key",
}


class _Security(NamedTuple):
    """A received message's msgSecurityParameters, and where the digest stands."""

    engine_id: bytes
    boots: int
    time_s: int
    user: bytes
    auth_at: int
    auth: bytes
    priv: bytes


class UsmFrame:
    """Wraps PDUs in messages for one user on one device."""

    version = 3

    def __init__(self, user: UsmUser, salt: int) -> None:
        """`salt`: any 64 bits to begin with."""
        self.user = user
        self.engine_id = b""
        self.fits = False
        self._keys = Keys(b"", b"")
        self._boots = 0
        self._time_base_s = 0.0  #: the device's engine time less our clock
        self._authentic = False  #: whether boots and time come from a message that proved itself
        self._salt = salt
        self._name = user.name.encode()
        self._digest_bytes = (
            AUTHS[user.auth_protocol].digest_bytes if user.auth_protocol is not AuthProtocol.NONE else 0
        )
        self._private = user.priv_protocol is not PrivProtocol.NONE
        self._flags = 4 | (1 if self._digest_bytes else 0) | (2 if self._private else 0)
        self._context = user.context.encode()

    def __repr__(self) -> str:
        return f"UsmFrame({self.user})"

    def message(self, asked: Request, request_id: bytes, now_s: float) -> bytes:
        """Build the message, or an engine discovery while the engine id is unknown (RFC 3414 §4)."""
        if not self.engine_id:
            pdu = ber.tlv(GET, REQUEST_ID_HEAD + request_id + request(GET, ()).tail)
            scoped = ber.tlv(ber.SEQUENCE, b"\x04\x00\x04\x00" + pdu)
            return self._whole(request_id, 4, _parameters(b"", 0, 0, b"", 0, b""), scoped)
        pdu = ber.tlv(asked.pdu, REQUEST_ID_HEAD + request_id + asked.tail)
        names = ber.tlv(Type.OCTET_STRING, self.engine_id) + ber.tlv(Type.OCTET_STRING, self._context)
        scoped = ber.tlv(ber.SEQUENCE, names + pdu)
        boots, time_s = self._boots, max(0, int(now_s + self._time_base_s))
        priv = b""
        if self._private:
            priv = self._next_salt(boots)
            scoped = ber.tlv(
                Type.OCTET_STRING, encrypt(self.user, self._keys.priv, scoped, priv, boots=boots, time_s=time_s)
            )
        parameters = _parameters(self.engine_id, boots, time_s, self._name, self._digest_bytes, priv)
        made = self._whole(request_id, self._flags, parameters, scoped)
        if not self._digest_bytes:
            return made
        # the digest's place is the last but one element of the parameters, which end where the scoped PDU begins
        end = len(made) - len(scoped) - len(priv) - 2
        return made[: end - self._digest_bytes] + digest(self.user, self._keys.auth, made) + made[end:]

    def _whole(self, message_id: bytes, flags: int, parameters: bytes, scoped: bytes) -> bytes:
        header = REQUEST_ID_HEAD + message_id + _MAX_SIZE + b"\x04\x01" + bytes((flags,)) + _SECURITY_MODEL
        body = _VERSION_3 + ber.tlv(ber.SEQUENCE, header) + ber.tlv(Type.OCTET_STRING, parameters) + scoped
        return ber.tlv(ber.SEQUENCE, body)

    def _next_salt(self, boots: int) -> bytes:
        self._salt = (self._salt + 1) & (2**64 - 1)
        if self.user.priv_protocol in {PrivProtocol.DES, PrivProtocol.TRIPLE_DES}:
            return boots.to_bytes(4) + (self._salt & (2**32 - 1)).to_bytes(4)
        return self._salt.to_bytes(8)

    def is_ours(self, data: bytes) -> bool:  # noqa: ARG002 - its digest tells
        return True

    def answer(self, data: bytes, request_id: bytes, now_s: float) -> WireAnswer:
        """Authenticate and parse a response.

        Raises Resync, AuthRefused or AgentError for a report, DamagedResponse for what cannot be read or trusted.
        """
        at, flags = _header(data)
        security, at = _security(data, at)
        proved = self._proved(data, flags, security)
        if proved:
            self._check_time(security, now_s)
        scoped = self._scoped(data, at, flags, security)
        start, end = ber.expect(ber.SEQUENCE, scoped, 0, len(scoped))
        _, start = ber.expect(Type.OCTET_STRING, scoped, start, end)
        _, start = ber.expect(Type.OCTET_STRING, scoped, start, end)
        kind, _, stop = ber.element(scoped, start, end)
        if kind == REPORT:
            raise self._report(read_answer(scoped[:stop], start, REPORT, b""), security, now_s)
        if self._digest_bytes and not proved:
            raise DamagedResponse("a response without a valid digest")
        if self._private and not flags & 2:
            raise DamagedResponse("a response in clear text")
        found = read_answer(scoped[:stop], start, RESPONSE, request_id)
        found.size = len(data)
        self.fits = True
        return found

    def _proved(self, data: bytes, flags: int, security: _Security) -> bool:
        """Return whether the message carries a digest that is right."""
        if not flags & 1 or not self._digest_bytes or security.engine_id != self.engine_id:
            return False
        size = len(security.auth)
        blank = data[: security.auth_at] + bytes(size) + data[security.auth_at + size :]
        return hmac.compare_digest(digest(self.user, self._keys.auth, blank), security.auth)

    def _check_time(self, security: _Security, now_s: float) -> None:
        """Take over boots and time from an authentic message (RFC 3414 §3.2, 7b). Raises DamagedResponse."""
        expected = now_s + self._time_base_s
        if self._authentic and (
            security.boots == _LAST_BOOTS
            or security.boots < self._boots
            or (security.boots == self._boots and security.time_s < expected - _WINDOW_S)
        ):
            raise DamagedResponse("a message from outside the time window")
        self._boots = security.boots
        self._time_base_s = security.time_s - now_s
        self._authentic = True

    def _scoped(self, data: bytes, at: int, flags: int, security: _Security) -> bytes:
        if not flags & 2:
            return data[at:]
        start, end = ber.expect(Type.OCTET_STRING, data, at, len(data))
        if not self._private:
            raise DamagedResponse("an encrypted message that was not asked for")
        try:
            return decrypt(
                self.user,
                self._keys.priv,
                data[start:end],
                security.priv,
                boots=security.boots,
                time_s=security.time_s,
            )
        except (ValueError, OverflowError):
            raise DamagedResponse("a message that cannot be decrypted") from None

    def _report(self, report: WireAnswer, security: _Security, now_s: float) -> SnmpError:
        """Return what a report means; engine id, boots and time are taken over where that is its point."""
        found = report.varbinds()
        if not found.oids:
            return DamagedResponse("an empty report")
        oid = found.oids[0]
        number = oid[len(_USM_STATS)] if oid.startswith(_USM_STATS) and len(oid) > len(_USM_STATS) else 0
        if number == _UNKNOWN_ENGINE_ID or (number == _NOT_IN_TIME_WINDOW and self._keys_fit(security)):
            self._adopt(security, now_s)
            return Resync(f"engine boots {security.boots}, time {security.time_s}")
        if number in _REFUSALS:
            return AuthRefused(f"{self.user.name}: {_REFUSALS[number]}")
        if oid.startswith(_CONTEXT_STATS):
            return AgentError(f"the device does not know the context {self.user.context!r}: check its name")
        if oid.startswith(_MPD_STATS):
            return AgentError("the device does not accept SNMPv3 messages with the User-based Security Model")
        return DamagedResponse("a report that says nothing known")

    def _keys_fit(self, security: _Security) -> bool:
        return security.engine_id == self.engine_id

    def _adopt(self, security: _Security, now_s: float) -> None:
        if not security.engine_id:
            raise DamagedResponse("a report without an engine id")
        if security.engine_id != self.engine_id:
            self.engine_id = security.engine_id
            self._keys = keys_for(self.user, security.engine_id)
        self._boots, self._time_base_s, self._authentic = security.boots, security.time_s - now_s, False


def _parameters(engine_id: bytes, boots: int, time_s: int, name: bytes, digest_bytes: int, priv: bytes) -> bytes:
    return ber.tlv(
        ber.SEQUENCE,
        ber.tlv(Type.OCTET_STRING, engine_id)
        + ber.integer(boots)
        + ber.integer(time_s)
        + ber.tlv(Type.OCTET_STRING, name)
        + ber.tlv(Type.OCTET_STRING, bytes(digest_bytes))
        + ber.tlv(Type.OCTET_STRING, priv),
    )


def _header(data: bytes) -> tuple[int, int]:
    """Return where the security parameters begin, and msgFlags. Raises DamagedResponse."""
    start, end = ber.expect(ber.SEQUENCE, data, 0, len(data))
    if end != len(data):
        raise DamagedResponse(f"{len(data) - end} bytes follow the message")
    version, start = ber.expect_integer(data, start, end)
    if version != 3:
        raise DamagedResponse("another version of SNMP")
    start, after = ber.expect(ber.SEQUENCE, data, start, end)
    _, start = ber.expect_integer(data, start, after)
    _, start = ber.expect_integer(data, start, after)
    start, stop = ber.expect(Type.OCTET_STRING, data, start, after)
    if stop - start != 1:
        raise DamagedResponse("msgFlags of another length")
    flags = data[start]
    model, stop = ber.expect_integer(data, stop, after)
    if model != 3 or stop != after:
        raise DamagedResponse("another security model")
    return after, flags


def _security(data: bytes, at: int) -> tuple[_Security, int]:
    """Return the security parameters and where the scoped PDU begins. Raises DamagedResponse."""
    start, after = ber.expect(Type.OCTET_STRING, data, at, len(data))
    start, end = ber.expect(ber.SEQUENCE, data, start, after)
    engine_at, stop = ber.expect(Type.OCTET_STRING, data, start, end)
    engine_id = data[engine_at:stop]
    boots, stop = ber.expect_integer(data, stop, end)
    time_s, stop = ber.expect_integer(data, stop, end)
    user_at, stop = ber.expect(Type.OCTET_STRING, data, stop, end)
    user = data[user_at:stop]
    auth_at, stop = ber.expect(Type.OCTET_STRING, data, stop, end)
    auth = data[auth_at:stop]
    priv_at, stop = ber.expect(Type.OCTET_STRING, data, stop, end)
    if boots < 0 or time_s < 0:
        raise DamagedResponse("negative engine boots or time")
    return _Security(engine_id, boots, time_s, user, auth_at, auth, data[priv_at:stop]), after
