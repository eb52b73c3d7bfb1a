"""An answer is dated by when it came, however busy the worker was."""

import asyncio
import socket
import time

from pollers.snmp.device.link import Address
from pollers.snmp.wire.sockets import Sockets

BUSY_S = 0.05


async def test_a_datagram_that_waited_for_a_busy_worker_says_how_long() -> None:
    """The kernel stamps what comes in from a moment after it was first asked to, hence the tries."""
    got: asyncio.Queue[tuple[bytes, float]] = asyncio.Queue()

    def receive(data: bytes, _address: Address, waited_s: float) -> None:
        got.put_nowait((data, waited_s))

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
        device.bind(("127.0.0.1", 0))
        sockets = Sockets(receive, 1 << 16)
        try:
            sockets.sender(socket.AF_INET)(b"who is there", device.getsockname())
            _, worker = device.recvfrom(100)
            waited_s, tries = 0.0, 0
            while waited_s < BUSY_S * 0.9 and (tries := tries + 1) < 50:
                device.sendto(b"late", worker)
                busy_until = time.monotonic() + BUSY_S
                while time.monotonic() < busy_until:
                    pass  # the loop has other work
                _, waited_s = await asyncio.wait_for(got.get(), 5)
            assert waited_s >= BUSY_S * 0.9
            device.sendto(b"prompt", worker)
            data, waited_s = await asyncio.wait_for(got.get(), 5)
        finally:
            sockets.close()
    assert data == b"prompt"
    assert 0 <= waited_s < 5
