"""Names of devices: an address that is known serves while DNS is away, and no look-up outlasts the poll."""

import asyncio
import socket
from typing import Any

import pytest

from pollers.snmp.client import Device
from pollers.snmp.errors import NoAnswer
from pollers.snmp.limits import Limits
from pollers.snmp.values import Value
from pollers.snmp.wire.access import SnmpAccess, open_access
from tests.unit.snmp import scripted
from tests.unit.snmp.opening import FastClock, Source
from tests.unit.snmp.scripted import Mib, start

NAME = "1.3.6.1.2.1.1.3.0"
MIB = Mib(scripted.table([], []))


class Dns:
    """Gives one address, until it is away or hangs."""

    def __init__(self) -> None:
        self.away = self.hangs = False
        self.asked = 0

    async def getaddrinfo(self, host: str, port: int, **_: Any) -> list[Any]:
        self.asked += 1
        if self.hangs:
            await asyncio.sleep(3600)
        if self.away:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return [(socket.AF_INET, socket.SOCK_DGRAM, 17, "", ("127.0.0.1", port))]


@pytest.fixture
async def dns(monkeypatch: pytest.MonkeyPatch) -> Dns:
    made = Dns()
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", made.getaddrinfo, raising=False)
    return made


async def poll(access: SnmpAccess, endpoint: str, deadline_s: float = 5.0) -> Value:
    async with access.open(Device("lab", "d1", endpoint), deadline_s) as session:
        return await session.get(NAME)


@pytest.mark.parametrize("how", ["away", "hangs"])
async def test_a_known_address_serves_while_dns_is_away(dns: Dns, how: str) -> None:
    agent, clock = await start(lambda _, asked: [MIB.answer(asked)]), FastClock()
    endpoint = agent.endpoint.replace("127.0.0.1", "switch.example.net")
    access = open_access(Limits(), Source(), clock=clock)
    await poll(access, endpoint)
    setattr(dns, how, True)
    clock.at_s += 301
    for _ in range(2):
        assert (await asyncio.wait_for(poll(access, endpoint), 4)).exists
    assert dns.asked == 2  # not in every poll
    setattr(dns, how, False)
    clock.at_s += 61
    assert (await poll(access, endpoint)).exists
    assert dns.asked == 3
    assert (await poll(access, endpoint)).exists
    assert dns.asked == 3
    await access.close()


async def test_a_look_up_that_hangs_ends_with_the_poll_and_says_so(dns: Dns) -> None:
    dns.hangs = True
    access = open_access(Limits(), Source())
    with pytest.raises(NoAnswer, match=r"cannot be resolved \(DNS did not answer in time\)"):
        await asyncio.wait_for(poll(access, "switch.example.net", 0.1), 5)
    await access.close()


async def test_the_time_of_a_look_up_is_the_polls(dns: Dns, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FastClock()

    async def slow(host: str, port: int, **_: Any) -> list[Any]:
        clock.at_s += 3.0
        return await dns.getaddrinfo(host, port)

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", slow, raising=False)
    access = open_access(Limits(), Source(), clock=clock)
    async with access.open(Device("lab", "d1", "switch.example.net"), 5.0) as session:
        assert session._link.ends_s == clock.at_s + 2.0  # type: ignore[attr-defined]
    await access.close()
