"""Lengths in more bytes than need be (X.690 §8.1.3.5): legal, and read as net-snmp reads them."""

from collections.abc import Iterable

import pytest

from pollers.snmp.codec import ber
from pollers.snmp.codec.message import CommunityFrame, request_id_at
from pollers.snmp.errors import DamagedResponse, NoAnswer
from pollers.snmp.values import Type, Value
from tests.unit.snmp.opening import opened
from tests.unit.snmp.scripted import Asked, ScriptedAgent, arcs, oid_contents
from tests.unit.snmp.test_usm import RID, report

NAME = "1.3.6.1.2.1.1.3.0"
PLACES = ("message", "version", "community", "pdu", "request-id", "error-status", "list", "variable", "name", "value")


def tlv(tag: int, contents: bytes, octets: int = 0) -> bytes:
    """Return an element whose length has so many bytes behind its first; 0 for the short form."""
    size = len(contents)
    return (
        bytes((tag, size)) + contents if not octets else bytes((tag, 0x80 | octets)) + size.to_bytes(octets) + contents
    )


def response(request_id: bytes, long: str, octets: int, *, version: int = 1, community: bytes = b"public") -> bytes:
    """Return sysUpTime 500, the length at one place in the long form."""

    def put(place: str, tag: int, contents: bytes) -> bytes:
        return tlv(tag, contents, octets if place == long else 0)

    pair = put("name", 6, oid_contents(arcs(NAME))) + put("value", 0x43, b"\x01\xf4")
    variables = put("list", 0x30, put("variable", 0x30, pair))
    status = put("error-status", 2, b"\x00") + b"\x02\x01\x00"
    pdu = put("pdu", 0xA2, put("request-id", 2, request_id) + status + variables)
    start = put("version", 2, bytes((version,))) + put("community", 4, community)
    return put("message", 0x30, start + pdu)


@pytest.mark.parametrize("octets", [1, 2, 4])
@pytest.mark.parametrize("long", PLACES)
async def test_a_response_with_a_long_length_is_read(long: str, octets: int) -> None:
    def answer(_: ScriptedAgent, asked: Asked) -> Iterable[bytes]:
        yield response(asked.request_id, long, octets)

    async with opened(answer) as (session, agent, _):
        assert await session.get(NAME) == Value(Type.TIME_TICKS, 500)
    assert len(agent.requests) == 1


@pytest.mark.parametrize(
    ("version", "community"), [pytest.param(0, b"public", id="version"), pytest.param(1, b"pubIic", id="community")]
)
@pytest.mark.parametrize("long", ["version", "community", "request-id"])
async def test_a_long_length_hides_no_other_version_or_community(long: str, version: int, community: bytes) -> None:
    def answer(_: ScriptedAgent, asked: Asked) -> Iterable[bytes]:
        yield response(asked.request_id, long, 2, version=version, community=community)

    async with opened(answer, retries=0) as (session, _, access):
        with pytest.raises(NoAnswer):
            await session.get(NAME)
        assert access.engines.wire.counters.wrong_community == 1


def test_another_request_id_is_refused_in_either_form() -> None:
    with pytest.raises(DamagedResponse, match="request id"):
        CommunityFrame(1, b"public").answer(response(b"\x41\x00\x00\x02", "request-id", 1), RID, 0.0)


def test_the_message_id_of_v3_is_found_behind_long_lengths() -> None:
    plain = report(4)
    body = plain[plain.index(b"\x02\x01\x03") :]
    header_at = 3
    size = body[header_at + 1]
    header, rest = body[header_at + 2 : header_at + 2 + size], body[header_at + 2 + size :]
    for octets in (1, 2, 4):
        data = ber.tlv(0x30, tlv(2, b"\x03", octets) + tlv(0x30, header, octets) + rest)
        at = request_id_at(data)
        assert data[at : at + 4] == RID
