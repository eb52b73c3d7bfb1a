"""The transport: every packet within the worker's and the device's limits, retries too; an end that stays the end."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import combinations, pairwise
from random import Random
from typing import Any, cast

import pytest

from pollers.snmp.client import Device, Session, Stats
from pollers.snmp.codec.message import GET, CommunityFrame, Request, Response, request
from pollers.snmp.device.link import Address, DeviceLink
from pollers.snmp.errors import DamagedResponse, DeadlineExceeded, NoAnswer, RetriesSpent, SnmpError
from pollers.snmp.limits import Engine, Limits
from pollers.snmp.tables.machine import Machine
from pollers.snmp.values import Value
from pollers.snmp.wire.access import SnmpAccess, open_access
from pollers.snmp.wire.operation import Exchange, Operation
from pollers.snmp.wire.permits import Permits
from tests.unit.snmp import scripted
from tests.unit.snmp.opening import FastClock, Source, sent_s
from tests.unit.snmp.scripted import Asked, Behaviour, Mib, ScriptedAgent, arcs, start

COLUMN = "1.3.6.1.2.1.31.1.1.1.6"
NAME = "1.3.6.1.2.1.1.3.0"
MIB = Mib(scripted.table([arcs(COLUMN)], range(1, 4)))
RATE = 20.0


def good(_: ScriptedAgent, asked: Asked) -> Iterable[bytes]:
    yield MIB.answer(asked)


def silent(_: ScriptedAgent, __: Asked) -> Iterable[bytes]:
    return ()


def empty(_: ScriptedAgent, asked: Asked) -> Iterable[bytes]:
    yield asked.response([])


@asynccontextmanager
async def timed(clock: FastClock, **settings: float) -> AsyncIterator[SnmpAccess]:
    quick = {"timeout_s": 0.1, "retries": 2, "jitter": 0.0, "retry_reserve": 1000, **settings}
    access = open_access(Limits(**quick), Source(), clock=clock, random=Random(1))  # type: ignore[arg-type]
    yield access
    await access.close()


async def moving(clock: FastClock, work: Awaitable[object]) -> list[float]:
    """Let the clock move while the work is done, and return where it stopped by the way."""
    task, seen = asyncio.ensure_future(work), [clock.at_s]
    while not task.done():
        clock.at_s += 0.01
        seen.append(clock.at_s)
        await asyncio.sleep(0.01)
    await task
    return seen


async def ask(access: SnmpAccess, endpoint: str, name: str = "d1") -> Value | SnmpError:
    async with access.open(Device("lab", name, endpoint), 5.0) as session:
        try:
            return await session.get(NAME)
        except SnmpError as error:
            return error


@pytest.mark.parametrize(
    ("error", "sent"),
    [
        pytest.param(BlockingIOError(), 1, id="send-buffer-full-three-times"),
        pytest.param(OSError("no route"), 0, id="never-sent"),
    ],
)
async def test_a_packet_is_counted_once_when_it_is_sent(error: OSError, sent: int) -> None:
    agent = await start(good)
    access = open_access(Limits(), Source(), random=Random(1))
    wire = access.engines.wire
    refused = iter([error] * 3)

    class Full(socket.socket):
        __slots__ = ()

        def sendto(self, data: bytes, address: Address) -> int:  # type: ignore[override]
            if (refusal := next(refused, None)) is not None:
                raise refusal
            return super().sendto(data, address)

    opened: Any = wire.sockets.sender(socket.AF_INET)  # the rest may be compiled, and fixed
    opened.__self__.__class__ = Full
    async with access.open(Device("lab", "d1", agent.endpoint), 5.0) as session:
        with contextlib.suppress(NoAnswer):
            await session.get(NAME)
        assert (wire.counters.packets_sent, session.stats.packets_sent) == (sent, sent)
    await access.close()
    assert len(agent.requests) == sent


async def test_retries_stay_within_the_packets_per_second_of_the_worker() -> None:
    agent, clock = await start(silent), FastClock()
    port = agent.endpoint.partition(":")[2]
    sent: list[tuple[float, int]] = []
    async with timed(clock, packets_per_s=RATE) as access:
        counters = access.engines.wire.counters

        async def watch() -> None:
            while counters.timeouts < 30:
                sent.append((clock.at_s, counters.packets_sent))
                await asyncio.sleep(0)

        await moving(
            clock, asyncio.gather(watch(), *(ask(access, f"127.0.0.{n}:{port}", f"d{n}") for n in range(1, 11)))
        )
        assert counters.retries == 20
    ends = [sent[0], *(after for before, after in pairwise(sent) if before[1] != after[1])]
    assert len(ends) > 10
    for (began, before), (ended, after) in combinations(ends, 2):
        assert after - before <= RATE / 10 + (ended - began + 0.01) * RATE + 1


@pytest.mark.parametrize(
    ("behave", "error"),
    [pytest.param(empty, DamagedResponse, id="after-damage"), pytest.param(silent, NoAnswer, id="after-silence")],
)
async def test_a_retry_leaves_the_device_in_peace_as_long_as_any_request(
    behave: Behaviour, error: type[SnmpError]
) -> None:
    clock, at = FastClock(), list[float]()

    def note(agent: ScriptedAgent, asked: Asked) -> Iterable[bytes]:
        at.append(clock.at_s)
        return behave(agent, asked)

    agent = await start(note)
    async with timed(clock, device_gap_ms=250) as access:
        task = asyncio.create_task(ask(access, agent.endpoint))
        await moving(clock, task)
        assert isinstance(task.result(), error)
    assert len(at) == 3
    # the clock may move by a step while a datagram is on its way
    assert min(after - before for before, after in pairwise(at)) > 0.25 - 0.03


async def test_a_request_that_waited_for_the_gap_is_given_up_in_its_time() -> None:
    clock = FastClock()
    agent = await start(lambda agent, asked: good(agent, asked) if len(agent.requests) == 1 else ())
    async with timed(clock, device_gap_ms=200) as access:

        async def poll() -> None:
            async with access.open(Device("lab", "d1", agent.endpoint), 5.0) as session:
                await session.get(NAME)
                with pytest.raises(NoAnswer):
                    await session.get(NAME)

        await asyncio.wait_for(moving(clock, poll()), 10)
    assert len(agent.requests) == 4


OTHERS = [Engine.PYSNMP]


@asynccontextmanager
async def known_to(engine: Engine, **settings: float) -> AsyncIterator[tuple[SnmpAccess, ScriptedAgent, Session]]:
    """Return a session with a device that the engine has asked before."""
    agent = await start(good)
    limits = Limits(engine=engine, timeout_s=0.1, backoff=1.0, jitter=0.0, **settings)  # type: ignore[arg-type]
    access = open_access(limits, Source(), random=Random(1))
    async with access.open(Device("lab", "d1", agent.endpoint), 30.0) as session:
        await session.get(NAME)
        agent.requests.clear()
        yield access, agent, session
    await access.close()


@pytest.mark.parametrize("engine", OTHERS, ids=str)
async def test_engines_with_sockets_of_their_own_spend_the_workers_retries(engine: Engine) -> None:
    async with known_to(engine, retries=3, retry_reserve=1, retry_share=0.0) as (access, agent, session):
        agent.behave = silent
        counters = access.engines.wire.counters
        sent = counters.packets_sent
        with pytest.raises(RetriesSpent):
            await session.get(NAME)
        assert len(agent.requests) == counters.packets_sent - sent == 2
        assert (counters.retries, counters.retries_refused, counters.timeouts) == (1, 1, 2)
        assert session.stats.retries == 1


@pytest.mark.parametrize("engine", OTHERS, ids=str)
async def test_engines_with_sockets_of_their_own_leave_the_device_in_peace(engine: Engine) -> None:
    sent = set[float]()
    async with known_to(engine, device_gap_ms=60) as (access, agent, session):

        def note(agent: ScriptedAgent, asked: Asked) -> Iterable[bytes]:
            sent.add(sent_s(session))
            return good(agent, asked)

        agent.behave = note
        received = access.engines.wire.counters.packets_received
        for _ in range(3):
            await session.get(NAME)
        assert access.engines.wire.counters.packets_received == received + 3
    assert len(sent) == 3
    assert min(after - before for before, after in pairwise(sorted(sent))) >= 0.0599


class TestPermits:
    def link(self, ends_s: float = 1010.0) -> DeviceLink:
        return DeviceLink("d1", 2, ("127.0.0.1", 161), Stats(), 1000.0, ends_s)

    async def test_a_packet_waits_for_the_rate(self) -> None:
        clock = FastClock()
        permits = Permits(Limits(packets_per_s=RATE), Random(1), clock.now_s)
        seen = await moving(clock, asyncio.gather(*(permits.packet(self.link(), 0) for _ in range(6))))
        assert seen[-1] - seen[0] >= (6 - RATE / 10) / RATE - 0.02
        assert permits.counters.packets_sent == 6

    async def test_a_packet_that_would_go_out_after_the_end_does_not(self) -> None:
        clock = FastClock()
        permits = Permits(Limits(packets_per_s=0.1), Random(1), clock.now_s)
        await permits.packet(self.link(), 0)
        with pytest.raises(DeadlineExceeded):
            await permits.packet(self.link(1005.0), 0)
        assert permits.counters.packets_sent == 1

    def test_waits_vary_by_up_to_the_jitter_either_way(self) -> None:
        limits = Limits(timeout_s=1.0, jitter=0.2)
        permits, link = Permits(limits, Random(1), lambda: 0.0), replace(self.link(), limits=limits)
        waits = [permits.wait_s(link, 0) for _ in range(200)]
        assert 0.8 <= min(waits) < 0.85
        assert 1.15 < max(waits) <= 1.2


class TwoPages:
    """Finished by any answer, as by one that tells of changed rows."""

    def __init__(self) -> None:
        self.finished = False
        self.taken = 0

    def next(self) -> Request:
        return request(GET, [b"\x2b\x06"])

    def answered(self, _request: Request, _answer: Response, _offset_ms: int) -> int:
        self.taken += 1
        self.finished = self.taken > 1
        return 1

    def smaller(self, _request: Request) -> None:
        return None


class Carrier:
    def __init__(self) -> None:
        self.limits = Limits(device_outstanding=2)
        self.permits = Permits(Limits(), Random(1), lambda: 0.0)


def response(exchange: Exchange) -> bytes:
    return Asked(1, b"public", GET, exchange.request_id, 0, 0, []).response([])


def ended() -> tuple[Operation, Exchange, Carrier]:
    """Return an operation that an answer has just ended, and its other request, which is still under way."""
    carrier = Carrier()
    link = DeviceLink("d1", 2, ("127.0.0.1", 161), Stats(), 0.0, 10.0)
    operation = Operation(cast("Machine", TwoPages()), link, CommunityFrame(1, b"public"), carrier, 2)
    for _ in range(2):
        taken = [exchange for exchange in (operation.take(0.0), operation.take(0.0)) if exchange is not None]
        for number, exchange in enumerate(taken):
            exchange.request_id = bytes((0x40, 0, 0, number))
        operation.received(taken[0], response(taken[0]), 0.0)
    assert operation.future.done()
    return operation, taken[1], carrier


@pytest.mark.parametrize("data", [pytest.param(b"", id="damaged"), pytest.param(None, id="good")])
async def test_an_answer_after_the_end_changes_nothing(data: bytes | None) -> None:
    operation, other, carrier = ended()
    operation.received(other, response(other) if data is None else data, 0.0)
    assert operation.future.exception() is None
    assert operation.take(1.0) is None
    assert (carrier.permits.counters.retries, carrier.permits.counters.damaged) == (0, 0)


async def test_a_timeout_after_the_end_is_not_retried() -> None:
    operation, other, carrier = ended()
    operation.timed_out(other, 5.0)
    assert operation.future.exception() is None
    assert carrier.permits.counters.retries == 0


async def test_a_device_of_its_own_kind_has_limits_of_its_own() -> None:
    """Tries, time and pages are the device's; a change takes effect at its next session."""
    agents = [await start(silent) for _ in range(2)]
    general, own = Limits(timeout_s=0.02, retries=2, jitter=0.0), Limits(timeout_s=0.02, retries=0, jitter=0.0)
    special = {"d1": own}
    access = open_access(
        general, Source(), random=Random(1), limits_of=lambda device: special.get(device.device_id, general)
    )
    for number, agent in enumerate(agents, 1):
        async with access.open(Device("lab", f"d{number}", agent.endpoint), 5.0) as session:
            with pytest.raises(NoAnswer):
                await session.get(NAME)
    assert [len(agent.requests) for agent in agents] == [1, 3]
    special["d1"] = replace(own, response_bytes=484, engine=Engine.PYSNMP)
    memory = access.devices.recall(Device("lab", "d1", agents[0].endpoint), 0.0)
    assert (memory.paging.response_bytes, memory.limits.engine) == (484, Engine.PYSNMP)
    await access.close()
