"""An SNMPv2c agent as a function: request bytes and the time in, response bytes out (RFC 3416 §4.2, RFC 1901)."""

from typing import Final, NamedTuple

from streams.playground.simulators import ber
from streams.playground.simulators.ber import DamagedRequestError, Oid
from streams.playground.simulators.mibs.mib import Mib

VERSION_2C: Final = 1
GET, GET_NEXT, RESPONSE, GET_BULK = 0xA0, 0xA1, 0xA2, 0xA5
TOO_BIG, NO_ERROR = 1, 0
#: what stands around the bindings of a response at most: headers, request id, error fields, lengths
OVERHEAD_BYTES: Final = 40


class AgentRequest(NamedTuple):
    community: bytes
    kind: int
    request_id: int
    non_repeaters: int  #: GETBULK only
    max_repetitions: int  #: GETBULK only
    names: list[Oid]


def parse(message: bytes) -> AgentRequest:
    """Parse the request. Raises DamagedRequestError for anything but a v2c GET, GETNEXT or GETBULK."""
    outer, _ = ber.read(message)
    parts = ber.read_all(outer.content)
    if outer.tag != ber.SEQUENCE or len(parts) != 3 or ber.read_int(parts[0]) != VERSION_2C:
        raise DamagedRequestError("no SNMPv2c message")
    community, pdu = parts[1].content, parts[2]
    if pdu.tag not in (GET, GET_NEXT, GET_BULK):
        raise DamagedRequestError(f"PDU {pdu.tag:#x} is not served")
    fields = ber.read_all(pdu.content)
    if len(fields) != 4:
        raise DamagedRequestError("a PDU has four fields")
    request_id, first, second = (ber.read_int(item) for item in fields[:3])
    names = [ber.read_oid(ber.read_all(item.content)[0]) for item in ber.read_all(fields[3].content)]
    return AgentRequest(community, pdu.tag, request_id, max(first, 0), max(second, 0), names)


def respond(mib: Mib, community: bytes, max_message_bytes: int, message: bytes, at_s: float) -> bytes | None:
    """Return the response, or None where an agent is silent: damaged request, or another community."""
    try:
        request = parse(message)
    except (DamagedRequestError, IndexError):
        return None
    if request.community != community:
        return None
    room = max_message_bytes - OVERHEAD_BYTES - len(community)
    if request.kind == GET_BULK:
        return _message(request, NO_ERROR, _bulk(mib, request, at_s, room))
    one = _exact if request.kind == GET else _following
    bindings = [one(mib, name, at_s)[0] for name in request.names]
    if sum(map(len, bindings)) > room:
        return _message(request, TOO_BIG, [])
    return _message(request, NO_ERROR, bindings)


def _exact(mib: Mib, name: Oid, at_s: float) -> tuple[bytes, Oid]:
    place = mib.place(name)
    if place is None:
        return ber.sequence((ber.oid(name), mib.absent(name))), name
    return mib.binding(place, at_s), name


def _following(mib: Mib, name: Oid, at_s: float) -> tuple[bytes, Oid]:
    place = mib.next_place(name)
    if place is None:
        return ber.sequence((ber.oid(name), ber.END_OF_MIB_VIEW)), name
    return mib.binding(place, at_s), mib.oids[place]


def _bulk(mib: Mib, request: AgentRequest, at_s: float, room: int) -> list[bytes]:
    """Return as many bindings as there is room for, repetition by repetition."""
    bindings: list[bytes] = []
    repeating = request.names[request.non_repeaters :]
    current = request.names[: request.non_repeaters]
    for turn in range(1 + (request.max_repetitions if repeating else 0)):
        ended = True
        for position, name in enumerate(current):
            binding, current[position] = _following(mib, name, at_s)
            room -= len(binding)
            if room < 0:
                return bindings
            bindings.append(binding)
            ended = ended and binding.endswith(ber.END_OF_MIB_VIEW)
        if turn and ended:
            break
        current = current if turn else list(repeating)
    return bindings


def _message(request: AgentRequest, error: int, bindings: list[bytes]) -> bytes:
    pdu = ber.sequence(
        (ber.signed(request.request_id), ber.signed(error), ber.signed(0), ber.sequence(bindings)), tag=RESPONSE
    )
    return ber.sequence((ber.signed(VERSION_2C), ber.octets(request.community), pdu))
