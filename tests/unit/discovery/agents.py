"""SNMP agents on addresses of 127/8, which share no code with the poller: one socket hears for all of them."""

import asyncio
import contextlib
import socket
from collections import Counter
from contextlib import asynccontextmanager

from tests.unit.snmp.scripted import NO_SUCH_INSTANCE, OCTETS, OID, arcs, oid_contents, parse, variable

SYS_OBJECT_ID, SYS_DESCR, SYS_NAME = (arcs(f"1.3.6.1.2.1.1.{number}.0") for number in (2, 1, 5))
SO_RCVBUFFORCE = 33
IP_PKTINFO = 8  #: ip(7); Python has no name for it before 3.14
ENGINE_ID = arcs("1.3.6.1.6.3.10.2.1.1.0")


class Agents:
    """Answers at each of its addresses, for one community, as the device that it says it is."""

    def __init__(self, community: bytes = b"public") -> None:
        self.community = community
        self.names: dict[str, bytes] = {}  #: address -> sysName
        self.engine_ids: dict[str, bytes] = {}
        self.deaf: Counter[str] = Counter()  #: address -> how many requests it loses
        self.asked: Counter[str] = Counter()  #: packets that came to an address, also where nobody is
        self.communities: set[bytes] = set()
        self.port = 0

    def answer(self, host: str, data: bytes) -> bytes | None:
        self.asked[host] += 1
        try:
            asked = parse(data)
        except (ValueError, IndexError):
            return None
        self.communities.add(asked.community)
        if host not in self.names or asked.version != 1 or asked.community != self.community:
            return None
        if self.deaf[host]:
            self.deaf[host] -= 1
            return None
        cells = {
            SYS_OBJECT_ID: (OID, oid_contents(arcs("1.3.6.1.4.1.9.1.1"))),
            SYS_DESCR: (OCTETS, b"a switch"),
            SYS_NAME: (OCTETS, self.names[host]),
        }
        if host in self.engine_ids:
            cells[ENGINE_ID] = (OCTETS, self.engine_ids[host])
        return asked.response([variable(name, cells.get(name, (NO_SUCH_INSTANCE, b""))) for name in asked.names])


@asynccontextmanager
async def listening(agents: Agents):
    """Hear on one port of every address of 127/8 and answer from the very address that was asked."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as one:
        one.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        with contextlib.suppress(OSError):  # what is lost before it was heard would look like a fault of the sweep
            one.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 2**24)
        one.bind(("0.0.0.0", 0))
        agents.port = one.getsockname()[1]

        def hear() -> None:
            try:
                while True:
                    data, control, _, sender = one.recvmsg(65_535, 64)
                    info = next(value for _, kind, value in control if kind == IP_PKTINFO)
                    host = socket.inet_ntoa(info[8:12])
                    if (answer := agents.answer(host, data)) is not None:
                        source = bytes(4) + info[8:12] + bytes(4)
                        one.sendmsg([answer], [(socket.IPPROTO_IP, IP_PKTINFO, source)], 0, sender)
            except BlockingIOError:
                return

        loop.add_reader(one.fileno(), hear)
        try:
            yield agents
        finally:
            loop.remove_reader(one.fileno())
