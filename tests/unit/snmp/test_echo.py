"""An echo first: only who answers it is sent a credential; without the right to send one that is said once."""

import asyncio
import logging
import os
import socket
from typing import Any

import pytest

from pollers.snmp.client import ProbePace, Target
from pollers.snmp.credentials import Community, Secret
from pollers.snmp.limits import Limits
from pollers.snmp.wire.access import SnmpAccess, open_access
from pollers.snmp.wire.echo import NO_RIGHT, Echo, checksum, request
from tests.unit.discovery.agents import Agents, listening

PACE = ProbePace(packets_per_s=20_000, timeout_s=0.3, rounds=2, ping=True)


class Source:
    async def candidates(self, _site: str, _device_id: str) -> list[Community]:
        return [Community(community=Secret("public"))]


class Network:
    """ICMP as a socket has it: of some hosts an echo comes back, of one only the second."""

    def __init__(self, there: set[str], late: str = "") -> None:
        self.there, self.late, self.sent = there, late, list[str]()
        self.near, self.far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.near.setblocking(False)
        self.far.setblocking(False)
        self.froms: list[str] = []

    family, type = socket.AF_INET, socket.SOCK_DGRAM

    def fileno(self) -> int:
        return self.near.fileno()

    def sendto(self, data: bytes, address: tuple[str, int]) -> None:
        host = address[0]
        self.sent.append(host)
        if host in self.there and (host != self.late or self.sent.count(host) > 1):
            self.froms.append(host)
            self.far.send(bytes((0, 0, 0, 0)) + data[4:])

    def recvfrom(self, size: int) -> tuple[bytes, tuple[str, int]]:
        return self.near.recv(size), (self.froms.pop(0), 0)

    def close(self) -> None:
        self.near.close()
        self.far.close()


async def swept(access: SnmpAccess, agents: Agents, hosts: range) -> tuple[list[str], int]:
    targets = [Target(f"127.9.0.{last}", agents.port) for last in hosts]
    steps = [step async for step in access.probe("fra1", iter(targets), PACE)]
    return [found.sys_name for step in steps for found in step.found], steps[-1].packets_sent


@pytest.fixture
def agents() -> Agents:
    agents = Agents()
    agents.names = {f"127.9.0.{last}": b"sw%d" % last for last in (1, 2, 3)}
    return agents


async def test_only_who_answers_an_echo_is_asked_by_snmp(agents: Agents, monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network({"127.9.0.1", "127.9.0.2", "127.9.0.9"}, late="127.9.0.2")
    monkeypatch.setattr(Echo, "_opened", lambda self, _family: _readable(self, network))
    access = open_access(Limits(), Source())
    async with listening(agents):
        names, packets = await swept(access, agents, range(1, 21))
    await access.close()
    assert names == ["sw1", "sw2"]
    assert set(agents.asked) == {"127.9.0.1", "127.9.0.2", "127.9.0.9"}
    assert len(network.sent) == 20 + 18
    assert packets == len(network.sent) + sum(agents.asked.values())


def _readable(echo: Echo, network: Network) -> Network:
    asyncio.get_running_loop().add_reader(network, echo._read, network, 0)  # type: ignore[arg-type]
    return network


async def test_without_the_right_everybody_is_asked_and_it_is_said_once(
    agents: Agents, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = socket.socket

    def refused(family: Any = socket.AF_INET, kind: Any = socket.SOCK_STREAM, protocol: int = 0) -> socket.socket:
        if protocol in (socket.IPPROTO_ICMP, socket.IPPROTO_ICMPV6):
            raise PermissionError("not here")
        return real(family, kind, protocol)

    access = open_access(Limits(), Source())
    async with listening(agents):
        monkeypatch.setattr("pollers.snmp.wire.echo.socket.socket", refused)
        with caplog.at_level(logging.WARNING):
            for _ in range(2):
                names, _packets = await swept(access, agents, range(1, 5))
                assert names == ["sw1", "sw2", "sw3"]
    await access.close()
    assert [message for message in caplog.messages if message.startswith("ping")] == [NO_RIGHT]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.skipif(os.geteuid() != 0, reason="a raw socket needs root, where no group may send echoes")
async def test_the_kernel_answers_an_echo(host: str) -> None:
    said: list[str] = []
    echo = Echo(said.append)
    assert echo.send(host)
    async with asyncio.timeout(5):
        while not echo.answered:
            await asyncio.sleep(0.01)
    echo.close()
    assert (echo.answered, said) == ({host}, [])


def test_a_message_with_its_checksum_sums_up_to_nothing() -> None:
    for token in (b"", b"\xff", b"panoptes", bytes(range(16))):
        assert checksum(request(8, token)) == 0
