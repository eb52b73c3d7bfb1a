"""ICMP echo requests (RFC 792, RFC 4443 §4): finds out who is there before any credential is sent.

A datagram socket needs no privilege where `net.ipv4.ping_group_range` has the worker's group, a raw one needs
CAP_NET_RAW. Without both nobody can be told apart by an echo, which is said once.
"""

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NamedTuple

_TOKEN_BYTES: Final = 16
_READ_BYTES: Final = 2048


class _Kind(NamedTuple):
    protocol: int
    request: int  #: type of the message
    reply: int


_KINDS: Final = {
    socket.AF_INET: _Kind(socket.IPPROTO_ICMP, 8, 0),
    socket.AF_INET6: _Kind(socket.IPPROTO_ICMPV6, 128, 129),
}
NO_RIGHT: Final = (
    "ping: no ICMP may be sent here, so everybody is asked by SNMP: have the worker's group in"
    " net.ipv4.ping_group_range, or give it CAP_NET_RAW"
)


def checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071)."""
    total = sum(int.from_bytes(data[at : at + 2].ljust(2, b"\0")) for at in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def request(kind: int, token: bytes) -> bytes:
    """Build an echo request with this token."""
    body = bytes((kind, 0, 0, 0, 0, 1, 0, 1)) + token
    return body[:2] + checksum(body).to_bytes(2) + body[4:]


class Echo:
    """Sends echo requests, and remembers who answered; for one run, in its event loop."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.answered: set[str] = set()
        self._say = say
        self._token = os.urandom(_TOKEN_BYTES)
        self._sockets: dict[int, socket.socket | None] = {}

    def send(self, host: str) -> bool:
        """Send an echo request; where none may be sent, treat the host as present, and return False."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        if family not in self._sockets:
            self._sockets[family] = self._opened(family)
        opened = self._sockets[family]
        if opened is None:
            self.answered.add(host)
            return False
        with suppress(OSError):  # no route, a full buffer: this echo is lost
            opened.sendto(request(_KINDS[family].request, self._token), (host, 0))
        return True

    def _opened(self, family: socket.AddressFamily) -> socket.socket | None:
        kind = _KINDS[family]
        for type_ in (socket.SOCK_DGRAM, socket.SOCK_RAW):
            with suppress(OSError):
                opened = socket.socket(family, type_ | socket.SOCK_NONBLOCK, kind.protocol)
                asyncio.get_running_loop().add_reader(opened, self._read, opened, kind.reply)
                return opened
        self._say(NO_RIGHT)
        return None

    def _read(self, opened: socket.socket, reply: int) -> None:
        with suppress(OSError):
            while True:
                data, address = opened.recvfrom(_READ_BYTES)
                if opened.type == socket.SOCK_RAW and opened.family == socket.AF_INET:
                    data = data[(data[0] & 15) * 4 :]  # without the IP header
                if data[:1] == bytes((reply,)) and data[8:] == self._token:
                    self.answered.add(str(address[0]))

    def close(self) -> None:
        for opened in filter(None, self._sockets.values()):
            asyncio.get_running_loop().remove_reader(opened)
            opened.close()
