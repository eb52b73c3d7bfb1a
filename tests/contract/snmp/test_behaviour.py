"""What a fleet sees: dead and lossy devices, restarted agents, new credentials; and what an idle device costs."""

import asyncio
import dataclasses
import os
import socket
import tracemalloc
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from pollers.snmp.client import Device
from pollers.snmp.codec import ber
from pollers.snmp.credentials import Credential
from pollers.snmp.device.channel import Shared
from pollers.snmp.device.memory import Devices
from pollers.snmp.errors import NoAnswer
from pollers.snmp.limits import Engine, Limits
from pollers.snmp.tables.rowset import UPTIME, RowSet
from pollers.snmp.wire.access import SnmpAccess, open_access
from pollers.snmp.wire.sockets import Sockets
from tests.contract.snmp import agents
from tests.contract.snmp.agents import V2C, Agent, Fixed

COLUMNS = ("1.3.6.1.2.1.2.2.1.2", "1.3.6.1.2.1.31.1.1.1.6", "1.3.6.1.2.1.31.1.1.1.10")
SYS_NAME = "1.3.6.1.2.1.1.5.0"
FLEET = 100


@pytest.fixture(scope="module")
def fleet(simagent_binary: Path) -> Iterator[Agent]:
    """A hundred devices, of which every tenth never answers."""
    options = ("-devices", str(FLEET), "-silent-every", "10", "-max-msg", "1472")
    with agents.simagent(simagent_binary, *options) as agent:
        yield agent


async def poll(access: SnmpAccess, agent: Agent, number: int) -> tuple[str, float]:
    loop = asyncio.get_running_loop()
    began = loop.time()
    device = Device("lab", f"d{number}", f"127.0.1.{1 + number}:{agent.port}")
    async with access.open(device, 20.0) as session:
        try:
            table = await session.table(COLUMNS)
        except NoAnswer as error:
            return type(error).__name__, loop.time() - began
    return ("ok" if len(table.rows) == 48 and not table.problems else "partial"), loop.time() - began


async def test_dead_devices_cost_the_healthy_ones_nothing_and_are_not_asked_again_at_once(fleet: Agent) -> None:
    access = open_access(Limits(timeout_s=0.5, retries=2, outstanding=40), Fixed())
    first = await asyncio.gather(*(poll(access, fleet, n) for n in range(FLEET)))
    second = await asyncio.gather(*(poll(access, fleet, n) for n in range(FLEET)))
    await access.close()
    dead = range(9, FLEET, 10)
    assert [first[n][0] for n in dead] == ["NoAnswer"] * 10
    assert [second[n][0] for n in dead] == ["Unreachable"] * 10
    healthy = [n for n in range(FLEET) if n not in dead]
    assert {first[n][0] for n in healthy} | {second[n][0] for n in healthy} == {"ok"}
    shortest_silence = min(first[n][1] for n in dead)
    assert max(first[n][1] for n in healthy) < shortest_silence
    assert max(second[n][1] for n in dead) < 0.5


async def test_a_lossy_path_is_made_good_by_retries(simagent_binary: Path) -> None:
    with agents.simagent(simagent_binary, "-devices", "20", "-loss", "0.1", "-max-msg", "1472") as agent:
        access = open_access(Limits(timeout_s=0.2, retries=5, retry_reserve=1000), Fixed())
        for _ in range(2):
            found = await asyncio.gather(*(poll(access, agent, n) for n in range(20)))
            assert {outcome for outcome, _ in found} == {"ok"}
        assert access.engines.wire.counters.retries > 0
        await access.close()


@dataclasses.dataclass(slots=True)
class Changing:
    credentials: Sequence[Credential]

    async def candidates(self, site: str, device_id: str) -> Sequence[Credential]:
        return self.credentials


async def test_a_replaced_agent_with_another_user_is_found_again_in_the_same_poll(engine: Engine) -> None:
    old, new = (user for user in agents.v3_users() if user.name in {"sha1-aes128", "sha256-aes128"})
    port = agents.free_port()
    source = Changing([old])
    access = open_access(Limits(engine=engine, timeout_s=1.0), source)
    device = Device("lab", "d1", f"127.0.0.1:{port}")
    try:
        with agents.snmpd([old], port=port):
            async with access.open(device, 20.0) as session:
                assert (await session.get(SYS_NAME)).exists
        source.credentials = [old, new]
        with agents.snmpd([new], port=port):
            for _ in range(2):
                async with access.open(device, 20.0) as session:
                    assert (await session.get(SYS_NAME)).exists
    finally:
        await access.close()


async def test_an_answer_from_another_address_is_refused_unless_the_setting_allows_it() -> None:
    """A multihomed device: asked at one address, it answers from another."""
    loop = asyncio.get_running_loop()
    for allowed in (False, True):
        asked = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        asked.setblocking(False)
        asked.bind(("127.0.0.1", 0))
        port = asked.getsockname()[1]
        other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        other.bind(("127.0.0.2", port))
        access = open_access(Limits(timeout_s=0.2, retries=0, any_source=allowed), Fixed())

        async def answer(asked: socket.socket = asked, other: socket.socket = other) -> None:
            data, where = await loop.sock_recvfrom(asked, 65_535)
            tail = data[data.index(b"\xa0") :]
            value = ber.tlv(0x30, ber.tlv(6, ber.encode_oid(SYS_NAME)) + ber.tlv(4, b"elsewhere"))
            pdu = ber.tlv(0xA2, tail[2:8] + ber.integer(0) * 2 + ber.tlv(0x30, value))
            other.sendto(ber.tlv(0x30, ber.integer(1) + ber.tlv(4, b"public") + pdu), where)

        answering = asyncio.create_task(answer())
        async with access.open(Device("lab", "d1", f"127.0.0.1:{port}"), 5.0) as session:
            if allowed:
                assert (await session.get(SYS_NAME)).data == b"elsewhere"
            else:
                with pytest.raises(NoAnswer, match=r"127\.0\.0\.2.*any_source"):
                    await session.get(SYS_NAME)
        await answering
        await access.close()
        asked.close()
        other.close()


async def test_datagrams_that_the_kernel_dropped_are_counted() -> None:
    got: list[bytes] = []
    sockets = Sockets(lambda data, _address, _waited_s: got.append(data), 4096)
    send = sockets.sender(socket.AF_INET)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        send(b"here I am", other.getsockname())
        _, where = other.recvfrom(100)
        for _ in range(200):  # more than the buffer holds, before anybody reads
            other.sendto(bytes(1400), where)
        await asyncio.sleep(0.05)
        other.sendto(b"and one more, which tells", where)
        await asyncio.sleep(0.05)
    assert len(got) < 201
    assert sockets.dropped >= 201 - len(got)
    sockets.close()


def test_an_idle_device_costs_less_than_four_kilobytes_even_with_rows_of_its_own() -> None:
    limits, count = Limits(), 500
    shared = Shared(limits, lambda: 0.0)
    names = tuple(ber.encode_oid(f"1.3.6.1.2.1.31.1.1.1.{n}") for n in range(1, 16))
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    devices = Devices(limits)
    for number in range(count):
        address = f"10.0.{number // 250}.{number % 250}"
        memory = devices.recall(Device("a-site", f"device-{number}", address), 0.0)
        memory.credential = V2C
        memory.address = (2, (address, 161))
        rows = b"".join(b"\x05" + os.urandom(5) for _ in range(48))
        guards = (UPTIME, UPTIME[:-1], UPTIME[:-2])
        told = b"\x04" + os.urandom(4) + b"\x02" + os.urandom(2) + b"\x04" + os.urandom(4)
        memory.row_sets[names] = shared.intern(RowSet(rows, bytes(15), 25, guards, told, os.urandom(20), 0.0))
    each = (tracemalloc.get_traced_memory()[0] - before) / count
    tracemalloc.stop()
    assert each < 4096
