"""Probe messages for one address: one for each credential, and how their answers are read (pure).

A community's message is the same for every address, so a sweep makes it once. SNMPv3 begins with the message that asks
for the engine id (RFC 3414 §4), which needs no user.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from pollers.snmp.codec import ber
from pollers.snmp.codec.message import GET, REQUEST_ID_BYTES, CommunityFrame, Request, Response, request, request_id_at
from pollers.snmp.codec.usm import UsmFrame
from pollers.snmp.credentials import Community, Credential, UsmUser, Version
from pollers.snmp.errors import DamagedResponse, SnmpError
from pollers.snmp.values import Type

_SYS_DESCR: Final = ber.encode_oid("1.3.6.1.2.1.1.1.0")
_SYS_OBJECT_ID: Final = ber.encode_oid("1.3.6.1.2.1.1.2.0")
_SYS_NAME: Final = ber.encode_oid("1.3.6.1.2.1.1.5.0")
_ENGINE_ID: Final = ber.encode_oid("1.3.6.1.6.3.10.2.1.1.0")  #: snmpEngineID.0 (RFC 3411 §5)
#: what everyone is asked; v1 fails as a whole where one of them is missing (RFC 1157 §4.1.2), so it is asked for less
SYSTEM: Final = request(GET, (_SYS_OBJECT_ID, _SYS_DESCR, _SYS_NAME, _ENGINE_ID))
_SYSTEM_V1: Final = request(GET, (_SYS_OBJECT_ID, _SYS_DESCR, _SYS_NAME))


class Identity(NamedTuple):
    """The system group of a device; what it left out is empty."""

    sys_object_id: str = ""
    sys_descr: str = ""
    sys_name: str = ""
    engine_id: str = ""  #: in hex


class Question(NamedTuple):
    """One probe message, and what is needed to read its answer."""

    message: bytes
    request_id: bytes
    frame: CommunityFrame | UsmFrame
    version: str  #: 1, 2c or 3


def questions(credentials: Sequence[Credential], first_id: int) -> Sequence[Question]:
    """Return a probe message for each community, in order, and one for all SNMPv3 users together.

    `first_id` is any 31 bits: they are what an answer is known by.
    """
    asked: list[Question] = []
    for number, credential in enumerate(dict.fromkeys(credentials)):
        request_id = ((first_id + number) & 0x7FFFFFFF).to_bytes(REQUEST_ID_BYTES)
        if isinstance(credential, Community):
            v1 = credential.version is Version.V1
            frame = CommunityFrame(0 if v1 else 1, credential.community.octets())
            message = frame.message(_SYSTEM_V1 if v1 else SYSTEM, request_id, 0.0)
            asked.append(Question(message, request_id, frame, "1" if v1 else "2c"))
        elif not any(question.version == "3" for question in asked):
            asked.append(_engine_question(credential, request_id))
    return asked


def _engine_question(user: UsmUser, request_id: bytes) -> Question:
    frame = UsmFrame(user, 0)
    return Question(frame.message(SYSTEM, request_id, 0.0), request_id, frame, "3")


def request_id_of(data: bytes) -> bytes:
    """Return a datagram's request id, empty where it has none."""
    at = request_id_at(data)
    return data[at : at + REQUEST_ID_BYTES] if at >= 0 else b""


def identity_in(answer: Response) -> Identity:
    """Return the identity in an answer. Raises DamagedResponse."""
    found = answer.varbinds()
    values = {oid: raw for oid, tag, raw in zip(found.oids, found.tags, found.raws, strict=True) if tag in _READABLE}
    object_id = values.get(_SYS_OBJECT_ID)
    return Identity(
        ber.decode_oid(object_id) if object_id else "",
        _text(values.get(_SYS_DESCR)),
        _text(values.get(_SYS_NAME)),
        values.get(_ENGINE_ID, b"").hex(),
    )


_READABLE: Final = frozenset({int(Type.OCTET_STRING), int(Type.OBJECT_IDENTIFIER)})


def _text(raw: bytes | None) -> str:
    """Return a DisplayString without what no record can carry, on one line."""
    text = (raw or b"").decode("utf-8", "replace")
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def heard(question: Question, data: bytes) -> Identity | None:
    """Parse the answer to a community's probe; None where it is not an answer to it."""
    if not question.frame.is_ours(data):
        return None
    try:
        return identity_in(question.frame.answer(data, question.request_id, 0.0))
    except SnmpError:
        return None


def engine_id_in(data: bytes) -> bytes:
    """Return the engine id in a report (RFC 3414 §3.2, 3); empty where there is none."""
    frame = UsmFrame(UsmUser(name=""), 0)
    try:
        frame.answer(data, b"", 0.0)
    except DamagedResponse:
        return b""
    except SnmpError:
        return frame.engine_id
    return b""


__all__ = [
    "SYSTEM",
    "Identity",
    "Question",
    "Request",
    "engine_id_in",
    "heard",
    "identity_in",
    "questions",
    "request_id_of",
]
