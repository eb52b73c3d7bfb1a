"""Non-blocking UDP sockets, one for each address family; each is read until empty whenever it is readable."""

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import Callable
from typing import Final, TypeAlias

from pollers.snmp.device.link import Address

#: datagram, where it came from, and how many seconds the kernel had it before it was read
Receive: TypeAlias = Callable[[bytes, Address, float], None]

_LONGEST: Final = 65_535
_SO_RCVBUFFORCE: Final = 33
_SO_RXQ_OVFL: Final = 40
_OVERFLOW_BYTES: Final = 4
_SO_TIMESTAMPNS: Final = 35
_TIMESPEC: Final = struct.Struct("=qq")
_CONTROL_BYTES: Final = socket.CMSG_SPACE(_OVERFLOW_BYTES) + socket.CMSG_SPACE(_TIMESPEC.size)
_LONGEST_WAIT_S: Final = 30.0  #: beyond that it was the wall clock that moved
_DRAIN: Final = 512  #: datagrams read before the loop's other work gets its turn


class Sockets:
    """Opens a socket for an address family on first use, in the running loop."""

    def __init__(self, receive: Receive, receive_buffer_bytes: int) -> None:
        self._receive = receive
        self._buffer_bytes = receive_buffer_bytes
        self._sockets: dict[int, socket.socket] = {}
        self._drops: dict[int, int] = {}
        self.receive_errors = 0

    def sender(self, family: int) -> Callable[[bytes, Address], int]:
        """Return `sendto` of this family's socket. Raises OSError where the machine has no such family."""
        found = self._sockets.get(family)
        if found is None:
            found = self._open(family)
        return found.sendto

    def _open(self, family: int) -> socket.socket:
        made = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._buffer_bytes)
            for option, value in ((_SO_RCVBUFFORCE, self._buffer_bytes), (_SO_RXQ_OVFL, 1), (_SO_TIMESTAMPNS, 1)):
                with contextlib.suppress(OSError):  # Linux only, the first with CAP_NET_ADMIN
                    made.setsockopt(socket.SOL_SOCKET, option, value)
            if family == socket.AF_INET6:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            made.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", 0))  # noqa: S104 - devices are anywhere
        except OSError:
            made.close()
            raise
        self._sockets[family] = made
        asyncio.get_running_loop().add_reader(made.fileno(), self._drain, made)
        return made

    def _drain(self, readable: socket.socket) -> None:
        # recvmsg costs 0.8 us more than recvfrom, and says when the device's answer came, not when we had time for it:
        # the difference is all that a busy worker would add to the error of a rate
        receive, recvmsg = self._receive, readable.recvmsg
        try:
            for _ in range(_DRAIN):
                data, control, _, address = recvmsg(_LONGEST, _CONTROL_BYTES)
                receive(data, address, self._news(readable, control) if control else 0.0)
        except BlockingIOError:
            return
        except OSError:
            self.receive_errors += 1

    def _news(self, readable: socket.socket, control: list[tuple[int, int, bytes]]) -> float:
        """Return how long the kernel had the datagram, seconds; remember how many it has dropped."""
        waited_s = 0.0
        for level, kind, value in control:
            if level != socket.SOL_SOCKET:
                continue
            if kind == _SO_TIMESTAMPNS and len(value) == _TIMESPEC.size:
                seconds, nanoseconds = _TIMESPEC.unpack(value)
                waited_s = time.time() - seconds - nanoseconds / 1e9
            elif kind == _SO_RXQ_OVFL and len(value) == _OVERFLOW_BYTES:
                self._drops[readable.family] = struct.unpack("=I", value)[0]
        return waited_s if 0.0 < waited_s < _LONGEST_WAIT_S else 0.0

    @property
    def dropped(self) -> int:
        """Return how many datagrams the kernel has dropped because the receive buffer was full."""
        return sum(self._drops.values())

    def receive_buffer_bytes(self, family: int = socket.AF_INET) -> int:
        """Return the granted receive buffer of an open socket, else 0 (the kernel reports twice as much)."""
        found = self._sockets.get(family)
        return found.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2 if found else 0

    def close(self) -> None:
        loop = asyncio.get_running_loop()
        for opened in self._sockets.values():
            loop.remove_reader(opened.fileno())
            opened.close()
        self._sockets.clear()
