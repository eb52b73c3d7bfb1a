"""Gentleness: turns, outstanding requests, retries, page sizes, silent devices, and what is remembered of a device."""

import asyncio
from collections.abc import Iterable
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pollers.snmp.budget import RetryBudget, TokenBucket, wait_s
from pollers.snmp.client import Device
from pollers.snmp.credentials import Community, Secret
from pollers.snmp.device.memory import Devices, split_endpoint
from pollers.snmp.errors import DeadlineExceeded, NoAnswer, Unreachable
from pollers.snmp.limits import Engine, Limits, engine_for
from pollers.snmp.tables.paging import SMALLEST_BYTES, Paging
from pollers.snmp.wire.access import SnmpAccess, open_access
from pollers.snmp.wire.turns import Turns
from tests.unit.snmp import scripted
from tests.unit.snmp.opening import PUBLIC, FastClock, Source, Traced, access_for, opened, sent_s
from tests.unit.snmp.scripted import Asked, Mib, ScriptedAgent, arcs, start

COLUMNS = ("1.3.6.1.2.1.31.1.1.1.6", "1.3.6.1.2.1.31.1.1.1.10")
NAME = "1.3.6.1.2.1.1.3.0"
MIB = Mib(scripted.table(list(map(arcs, COLUMNS)), range(1, 301)))


def good(_: ScriptedAgent, asked: Asked) -> Iterable[bytes]:
    yield MIB.answer(asked)


def silent(_: ScriptedAgent, __: Asked) -> Iterable[bytes]:
    return ()


async def test_one_session_at_a_time_per_address_in_the_order_of_arrival() -> None:
    turns, order = Turns(), list[int]()

    async def take(number: int) -> None:
        await turns.take("here")
        order.append(number)
        await asyncio.sleep(0)
        turns.give("here")

    await turns.take("here")
    waiting = [asyncio.create_task(take(number)) for number in range(4)]
    await asyncio.sleep(0)
    waiting[1].cancel()
    await turns.take("elsewhere")
    assert order == []
    turns.give("here")
    await asyncio.gather(*waiting, return_exceptions=True)
    assert order == [0, 2, 3]
    turns.give("elsewhere")
    assert len(turns) == 0


async def test_two_polls_of_one_device_do_not_overlap() -> None:
    agent = await start(good)
    access = access_for()
    under_way, most = 0, 0

    async def poll(name: str) -> None:
        nonlocal under_way, most
        async with access.open(Device("lab", name, agent.endpoint), 5.0) as session:
            under_way += 1
            most = max(most, under_way)
            await session.get(NAME)
            under_way -= 1

    await asyncio.gather(*(poll(f"d{n}") for n in range(5)))
    await access.close()
    assert most == 1


@pytest.mark.parametrize("allowed", [1, 2, 4])
async def test_a_device_never_has_more_requests_under_way_than_the_setting(allowed: int) -> None:
    held: list[bytes] = []
    most = 0

    def hold(agent: ScriptedAgent, asked: Asked) -> Iterable[bytes]:
        nonlocal most
        held.append(MIB.answer(asked))
        most = max(most, len(held))

        def release() -> None:
            if held:
                assert agent.transport is not None
                agent.transport.sendto(held.pop(0), agent.asker)

        asyncio.get_running_loop().call_later(0.01, release)
        return ()

    async with opened(hold, device_outstanding=allowed) as (session, _, _):
        await session.table(COLUMNS)
        most = 0
        table = await session.table(COLUMNS)
    assert len(table.rows) == 300
    assert most == allowed


async def test_a_gap_between_requests_is_kept() -> None:
    sent = set[float]()
    async with opened(good, device_gap_ms=20) as (session, agent, _):

        def note(agent: ScriptedAgent, asked: Asked) -> Iterable[bytes]:
            sent.add(sent_s(session))
            return good(agent, asked)

        agent.behave = note
        await session.get_many([f"{COLUMNS[0]}.{row}" for row in range(1, 200)])
    assert len(sent) > 3
    assert min(after - before for before, after in pairwise(sorted(sent))) >= 0.0199


async def test_silence_is_retried_with_growing_waits_and_then_given_up() -> None:
    traced = Traced()
    agent = await start(silent)
    access = access_for(trace=traced, timeout_s=0.1, retries=2, backoff=2.0)
    async with access.open(Device("lab", "d1", agent.endpoint), 5.0) as session:
        with pytest.raises(NoAnswer, match=r"3 tries.*ACL.*community"):
            await session.get(NAME)
        assert (session.stats.packets_sent, session.stats.retries) == (3, 2)
    await access.close()
    assert [record.attempt for record in traced] == [0, 1, 2]
    assert traced[2].duration_ms > traced[1].duration_ms > traced[0].duration_ms >= 100
    assert len({asked.request_id for asked in agent.requests}) == 1  # an answer to any of the tries will do


async def test_retries_are_capped_as_a_share_of_requests_so_that_an_outage_is_no_storm() -> None:
    agent = await start(silent)
    access = access_for(timeout_s=0.05, retries=5, retry_reserve=3, retry_share=0.1)
    results = await asyncio.gather(*(_try(access, agent, n) for n in range(20)))
    await access.close()
    assert len(agent.requests) <= 20 + 3 + 2
    assert any("retries are used up" in text for text in results)


async def _try(access: SnmpAccess, agent: ScriptedAgent, number: int) -> str:
    endpoint = agent.endpoint.replace("127.0.0.1", f"127.0.0.{number + 1}")
    try:
        async with access.open(
            Device("lab", f"d{number}", agent.endpoint if number == 0 else endpoint), 3.0
        ) as session:
            await session.get(NAME)
    except NoAnswer as error:
        return str(error)
    return ""


async def test_a_poll_ends_with_its_deadline() -> None:
    async with opened(silent, deadline_s=0.3, timeout_s=5.0) as (session, _, _):
        began = asyncio.get_running_loop().time()
        with pytest.raises(DeadlineExceeded, match="within the poll's time"):
            await session.get(NAME)
        assert asyncio.get_running_loop().time() - began < 1.0


async def test_a_table_cut_off_by_the_deadline_gives_the_rows_that_were_read() -> None:
    def slow_after_two(agent: ScriptedAgent, asked: Asked) -> Iterable[bytes]:
        return good(agent, asked) if len(agent.requests) <= 2 else ()

    async with opened(slow_after_two, deadline_s=0.3, timeout_s=5.0) as (session, _, _):
        table = await session.walk(COLUMNS)
    assert 0 < len(table.rows) < 300
    assert [p.reason for p in table.problems] == ["deadline"]


async def test_a_cancelled_poll_leaves_nothing_behind() -> None:
    async with opened(silent, timeout_s=5.0) as (session, _, access):
        task = asyncio.create_task(session.get(NAME))
        await asyncio.sleep(0.02)
        assert access.engines.wire.outstanding == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert access.engines.wire.outstanding == 0


async def test_a_page_that_does_not_come_through_is_asked_for_by_halves_and_the_size_is_remembered() -> None:
    def only_small(agent: ScriptedAgent, asked: Asked) -> Iterable[bytes]:
        answer = MIB.answer(asked)
        return [answer] if len(answer) <= 700 else ()

    async with opened(good, retries=3) as (session, agent, _):
        await session.table(COLUMNS)
        agent.behave = only_small
        table = await session.table(COLUMNS)
        assert len(table.rows) == 300
        assert not table.problems
        session.stats.retries = 0
        agent.requests.clear()
        table = await session.table(COLUMNS)
        assert len(table.rows) == 300
        assert session.stats.retries == 0


class TestPaging:
    def test_grows_slowly_back_and_only_as_far_as_planned(self) -> None:
        paging = Paging(Limits(response_bytes=1400))
        paging.halve()
        assert paging.response_bytes == 700
        for _ in range(2000):
            paging.good(paging.response_bytes)
        assert paging.response_bytes == 1400

    def test_goes_beyond_the_plan_only_after_the_device_has_sent_more(self) -> None:
        paging = Paging(Limits(response_bytes=1400, response_bytes_max=4000))
        for _ in range(2000):
            paging.good(1400)
        assert paging.response_bytes == 1400
        paging.good(9000)
        for _ in range(2000):
            paging.good(paging.response_bytes)
        assert paging.response_bytes == 4000

    @settings(deadline=None)
    @given(st.lists(st.one_of(st.just(0), st.integers(1, 65535))))
    def test_stays_within_its_bounds(self, events: list[int]) -> None:
        paging = Paging(Limits())
        for event in events:
            paging.good(event) if event else paging.halve()
            assert SMALLEST_BYTES <= paging.response_bytes <= Limits().response_bytes_max
            assert paging.rows(10_000.0) == 1


class TestSilentDevices:
    async def test_are_probed_at_growing_intervals_and_polled_again_when_they_answer(self) -> None:
        clock, agent = FastClock(), await start(silent)
        limits = Limits(timeout_s=0.05, retries=0, jitter=0.0, probe_first_s=30.0, probe_max_s=100.0)
        access = open_access(limits, Source(), clock=clock, random=Random(1))
        device = Device("lab", "d1", agent.endpoint)

        async def poll() -> tuple[str, int, int | None]:
            sent = len(agent.requests)
            task = asyncio.create_task(_poll(access, device))
            while not task.done():
                clock.at_s += 0.02
                await asyncio.sleep(0.02)
            outcome, since = await task
            return outcome, len(agent.requests) - sent, since

        outcome, sent, since = await poll()
        assert (outcome, sent) == ("NoAnswer", 1)
        for wait, expected in ((10, 0), (25, 1), (40, 0), (30, 1), (95, 0), (10, 1), (101, 1)):
            clock.at_s += wait
            outcome, sent, again = await poll()
            assert (outcome, sent, again) == ("Unreachable", expected, since), wait
        agent.behave = good
        clock.at_s += 101
        outcome, sent, again = await poll()
        assert (outcome, again) == ("ok", None)
        await access.close()

    async def test_a_silent_device_tries_every_credential_anew_since_one_may_have_been_changed(self) -> None:
        def new_community(agent: ScriptedAgent, asked: Asked) -> Iterable[bytes]:
            return good(agent, asked) if asked.community == b"fresh" else ()

        clock, agent, source = FastClock(), await start(new_community), Source()
        limits = Limits(timeout_s=0.05, retries=0, jitter=0.0)
        access = open_access(limits, source, clock=clock, random=Random(1))
        device = Device("lab", "d1", agent.endpoint)
        assert (await _with_time(clock, access, device))[0] == "NoAnswer"
        source.credentials = (PUBLIC, Community(community=Secret("fresh")))
        clock.at_s += 100
        assert (await _with_time(clock, access, device))[0] == "ok"
        agent.requests.clear()
        assert (await _with_time(clock, access, device))[0] == "ok"
        assert [asked.community for asked in agent.requests] == [b"fresh"]
        await access.close()

    def test_dead_devices_do_not_hold_healthy_ones_up(self) -> None:
        assert Limits().probes < Limits().outstanding


async def _with_time(clock: FastClock, access: SnmpAccess, device: Device) -> tuple[str, int | None]:
    task = asyncio.create_task(_poll(access, device))
    while not task.done():
        clock.at_s += 0.02
        await asyncio.sleep(0.02)
    return await task


async def _poll(access: SnmpAccess, device: Device) -> tuple[str, int | None]:
    async with access.open(device, 5.0) as session:
        try:
            await session.get(NAME)
        except Unreachable as error:
            return "Unreachable", error.since_ms
        except NoAnswer:
            return "NoAnswer", session.unreachable_since_ms
        return "ok", session.unreachable_since_ms


async def test_a_table_of_20000_rows_is_read_in_pages_within_bounded_memory() -> None:
    big = Mib(scripted.table([arcs(COLUMNS[0])], range(1, 20_001)))

    def answer(_: ScriptedAgent, asked: Asked) -> Iterable[bytes]:
        yield big.answer(asked)

    async with opened(answer, deadline_s=60.0) as (session, agent, _):
        for _ in range(2):
            table = await session.table(COLUMNS[:1])
            assert table.rows == [str(n) for n in range(1, 20_001)]
            assert table.columns[0].data[-1] == 1000 + 20_000
        assert max(len(big.answer(asked)) for asked in agent.requests) < 1600


async def test_a_walk_without_end_is_cut_off_at_the_setting() -> None:
    async with opened(good, rows_max=100) as (session, _, _):
        table = await session.walk(COLUMNS)
    assert 100 <= len(table.rows) < 200
    assert {p.reason for p in table.problems} == {"too-many-rows"}


class TestBudgets:
    @settings(deadline=None)
    @given(st.floats(1, 10_000), st.lists(st.floats(0, 2), min_size=1, max_size=60))
    def test_packets_stay_below_the_rate(self, per_s: float, steps: list[float]) -> None:
        rate, now, sent = TokenBucket(per_s, 0.0), 0.0, 0
        for step in steps:
            now += step
            while rate.ready(now):
                rate.spend()
                sent += 1
        assert sent <= max(1.0, per_s / 10) + now * per_s + 1
        assert rate.wait_s() <= 1.0 / per_s + 1e-9

    @settings(deadline=None)
    @given(st.integers(0, 500), st.integers(0, 500))
    def test_retries_stay_below_their_share(self, requests: int, wishes: int) -> None:
        budget = RetryBudget(0.2, 10)
        spent = sum(budget.spend() for _ in range(wishes))
        for _ in range(requests):
            budget.earn()
        spent += sum(budget.spend() for _ in range(wishes))
        assert spent <= 10 + 0.2 * requests + 1

    def test_waits_grow_and_vary(self) -> None:
        assert [wait_s(2.0, 1.5, n, 0.0) for n in range(3)] == [2.0, 3.0, 4.5]
        assert wait_s(2.0, 1.5, 0, 0.2) == pytest.approx(2.4)


ENDPOINTS = [
    ("192.0.2.1", ("192.0.2.1", 161)),
    ("switch.example.net:1161", ("switch.example.net", 1161)),
    ("[2001:db8::1]:1161", ("2001:db8::1", 1161)),
    ("[2001:db8::1]", ("2001:db8::1", 161)),
    ("2001:db8::1", ("2001:db8::1", 161)),
]


@pytest.mark.parametrize(("text", "expected"), ENDPOINTS)
def test_an_endpoint_is_host_and_port(text: str, expected: tuple[str, int]) -> None:
    assert split_endpoint(text) == expected


@pytest.mark.parametrize("text", ["", ":161", "host:", "host:0x10", "host:99999", "[::1", "[::1]x"])
def test_what_is_no_endpoint_is_refused(text: str) -> None:
    if text == "host:":
        assert split_endpoint(text) == ("host", 161)
        return
    with pytest.raises(ValueError, match="not an endpoint"):
        split_endpoint(text)


async def test_a_name_that_does_not_resolve_says_so() -> None:
    access = access_for()
    with pytest.raises(NoAnswer, match="DNS"):
        async with access.open(Device("lab", "d1", "no-such-host.invalid"), 5.0):
            pass
    await access.close()


def test_the_engine_is_chosen_by_device_then_site_then_for_all() -> None:
    limits = Limits(engine=Engine.AUTO, engines={"lab/d1": Engine.PYSNMP, "lab": Engine.NATIVE})
    assert [engine_for(limits, *where) for where in (("lab", "d1"), ("lab", "d2"), ("ams", "d1"))] == [
        Engine.PYSNMP, Engine.NATIVE, Engine.AUTO,
    ]  # fmt: skip


def test_devices_that_are_no_longer_polled_are_forgotten_after_a_day() -> None:
    devices = Devices(Limits())
    devices.recall(Device("lab", "old", "192.0.2.1"), 0.0)
    for number in range(4096):
        devices.recall(Device("lab", "new", "192.0.2.2"), 90_000.0 + number)
    assert len(devices) == 1
