"""An agent that answers as it is told; it shares no code with the poller, so that one misreading cannot hide."""

import asyncio
import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, cast

GET, GET_NEXT, RESPONSE, GET_BULK = 0xA0, 0xA1, 0xA2, 0xA5
INTEGER, OCTETS, NULL, OID = 0x02, 0x04, 0x05, 0x06
COUNTER32, GAUGE32, TICKS, COUNTER64 = 0x41, 0x42, 0x43, 0x46
NO_SUCH_OBJECT, NO_SUCH_INSTANCE, END_OF_MIB = 0x80, 0x81, 0x82

Arcs: TypeAlias = tuple[int, ...]
Cell: TypeAlias = tuple[int, bytes]  #: tag and contents


def tlv(tag: int, contents: bytes) -> bytes:
    size = len(contents)
    if size < 128:
        return bytes([tag, size]) + contents
    octets = size.to_bytes(2, "big") if size > 255 else bytes([size])
    return bytes([tag, 128 + len(octets)]) + octets + contents


def number(value: int, tag: int = INTEGER) -> bytes:
    return tlv(tag, value.to_bytes(max(1, value.bit_length() // 8 + 1), "big", signed=True))


def oid_contents(arcs: Arcs) -> bytes:
    out = bytearray([arcs[0] * 40 + arcs[1]])
    for arc in arcs[2:]:
        groups = [arc & 127]
        while arc := arc >> 7:
            groups.append(128 | (arc & 127))
        out += bytes(reversed(groups))
    return bytes(out)


def arcs_of(contents: bytes) -> Arcs:
    out, value = [], 0
    for octet in contents:
        value = value << 7 | octet & 127
        if octet < 128:
            out.append(value)
            value = 0
    return (*divmod(out[0], 40), *out[1:]) if out[0] < 80 else (2, out[0] - 80, *out[1:])


def arcs(text: str) -> Arcs:
    return tuple(map(int, text.split(".")))


def variable(name: Arcs | bytes, cell: Cell) -> bytes:
    contents = name if isinstance(name, bytes) else oid_contents(name)
    return tlv(0x30, tlv(OID, contents) + tlv(*cell))


@dataclass(slots=True)
class Asked:
    """A request as it came in."""

    version: int
    community: bytes
    pdu: int
    request_id: bytes
    non_repeaters: int
    repetitions: int
    names: list[Arcs]
    data: bytes = b""

    def response(
        self, variables: Iterable[bytes], *, status: int = 0, index: int = 0, request_id: bytes = b""
    ) -> bytes:
        rid = request_id or self.request_id
        pdu = tlv(INTEGER, rid) + number(status) + number(index) + tlv(0x30, b"".join(variables))
        return tlv(0x30, number(self.version) + tlv(OCTETS, self.community) + tlv(RESPONSE, pdu))


def _split(data: bytes) -> tuple[int, bytes, bytes]:
    size, at = data[1], 2
    if size >= 128:
        count = size & 127
        size, at = int.from_bytes(data[2 : 2 + count], "big"), 2 + count
    return data[0], data[at : at + size], data[at + size :]


def parse(data: bytes) -> Asked:
    _, body, _ = _split(data)
    _, version, rest = _split(body)
    _, community, rest = _split(rest)
    pdu, contents, _ = _split(rest)
    _, request_id, rest = _split(contents)
    _, first, rest = _split(rest)
    _, second, rest = _split(rest)
    _, variables, _ = _split(rest)
    names = []
    while variables:
        _, pair, variables = _split(variables)
        names.append(arcs_of(_split(pair)[1]))
    numbers = [int.from_bytes(n, "big", signed=True) for n in (version, first, second)]
    return Asked(numbers[0], community, pdu, request_id, numbers[1], numbers[2], names, data)


@dataclass(slots=True)
class Mib:
    """What a well-behaved agent would answer."""

    cells: dict[Arcs, Cell]
    max_bytes: int = 65_507
    order: list[Arcs] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.order = sorted(self.cells)

    def after(self, name: Arcs) -> Arcs | None:
        low, high = 0, len(self.order)
        while low < high:
            middle = (low + high) // 2
            if self.order[middle] <= name:
                low = middle + 1
            else:
                high = middle
        return self.order[low] if low < len(self.order) else None

    def answer(self, asked: Asked) -> bytes:
        if asked.pdu == GET:
            pairs = [variable(n, self.cells.get(n, (NO_SUCH_INSTANCE, b""))) for n in asked.names]
            whole = asked.response(pairs)
            return whole if len(whole) <= self.max_bytes else asked.response([], status=1)
        return self._bulk(asked)

    def _bulk(self, asked: Asked) -> bytes:
        bulk = asked.pdu == GET_BULK
        single = asked.names[: asked.non_repeaters] if bulk else asked.names
        repeated = asked.names[asked.non_repeaters :] if bulk else []
        pairs = [self._next(name)[1] for name in single]
        room = self.max_bytes - 60 - sum(map(len, pairs))
        current = list(repeated)
        for _ in range(asked.repetitions if bulk else 0):
            for position, name in enumerate(current):
                following, pair = self._next(name)
                room -= len(pair)
                if room < 0:
                    return asked.response(pairs)
                pairs.append(pair)
                current[position] = following
        return asked.response(pairs)

    def _next(self, name: Arcs) -> tuple[Arcs, bytes]:
        following = self.after(name)
        if following is None:
            return name, variable(name, (END_OF_MIB, b""))
        return following, variable(following, self.cells[following])


def table(columns: Sequence[Arcs], rows: Sequence[int], *, first: int = 1000) -> dict[Arcs, Cell]:
    """Return a table of Counter64 whose values tell row and column, with the system group beside it."""
    cells: dict[Arcs, Cell] = {(1, 3, 6, 1, 2, 1, 1, 3, 0): (TICKS, (500).to_bytes(2, "big"))}
    for position, column in enumerate(columns):
        for row in rows:
            cells[*column, row] = (COUNTER64, (first * (position + 1) + row).to_bytes(4, "big"))
    return cells


Behaviour: TypeAlias = Callable[["ScriptedAgent", Asked], Iterable[bytes]]


class ScriptedAgent(asyncio.DatagramProtocol):
    """Answers each request with the datagrams that `behave` gives, in order."""

    def __init__(self, behave: Behaviour) -> None:
        self.behave = behave
        self.requests: list[Asked] = []
        self.transport: asyncio.DatagramTransport | None = None
        self.asker: tuple[str, int] = ("", 0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        asked = parse(data)
        self.requests.append(asked)
        self.asker = addr
        assert self.transport is not None
        for answer in self.behave(self, asked):
            self.transport.sendto(answer, addr)

    @property
    def endpoint(self) -> str:
        assert self.transport is not None
        host, port = self.transport.get_extra_info("sockname")[:2]
        return f"{host}:{port}"

    def send_from_elsewhere(self, data: bytes) -> None:
        """Send to the asker from another port."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.sendto(data, self.asker)


STARTED: list[ScriptedAgent] = []  #: closed by the fixture in conftest.py


async def start(behave: Behaviour) -> ScriptedAgent:
    """Return an agent on a free port of 127.0.0.1."""
    loop = asyncio.get_running_loop()
    _, agent = await loop.create_datagram_endpoint(lambda: ScriptedAgent(behave), local_addr=("127.0.0.1", 0))
    STARTED.append(agent)
    return agent
