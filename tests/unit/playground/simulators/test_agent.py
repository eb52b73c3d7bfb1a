"""The simulated agent, read by tools that are not ours: pysnmp's codec and the gufo-snmp client over real UDP."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from gufo.snmp import SnmpVersion
from gufo.snmp.aio import SnmpSession
from hypothesis import given, settings
from hypothesis import strategies as st
from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto import api
from pysnmp.proto.api import v2c

from streams.playground.simulators import agent, server
from streams.playground.simulators.devices import fleet
from streams.playground.simulators.mibs import mib
from streams.playground.simulators.truth import SimulatedDevice
from tests.examples import examples

EPOCH_S = 1_790_000_000.0
DEVICES = fleet()
BY_ROLE = {device.role: device for device in DEVICES}
SERVED = [
    BY_ROLE[role]
    for role in ("ordinary", "wraps-32-bit", "huge-counters", "slow", "small-messages", "uptime-wraps", "silent")
]
MIB = mib.build(DEVICES[0], EPOCH_S)
SYS_UPTIME = (1, 3, 6, 1, 2, 1, 1, 3, 0)
IF_NAME = (*mib.IF_X_ENTRY, 1)
IF_HC_IN = (*mib.IF_X_ENTRY, 6)


def _ask(
    pdu: Any, *names: tuple[int, ...], community: str = "public", limit: int = 1472, bulk: tuple[int, int] | None = None
) -> Any:
    if bulk:
        v2c.apiBulkPDU.set_defaults(pdu)
        v2c.apiBulkPDU.set_non_repeaters(pdu, bulk[0])
        v2c.apiBulkPDU.set_max_repetitions(pdu, bulk[1])
        v2c.apiBulkPDU.set_varbinds(pdu, [(name, v2c.Null("")) for name in names])
    else:
        v2c.apiPDU.set_defaults(pdu)
        v2c.apiPDU.set_varbinds(pdu, [(name, v2c.Null("")) for name in names])
    message = v2c.Message()
    v2c.apiMessage.set_defaults(message)
    v2c.apiMessage.set_community(message, community)
    v2c.apiMessage.set_pdu(message, pdu)
    raw = agent.respond(MIB, b"public", limit, encoder.encode(message), EPOCH_S + 60)
    if raw is None:
        return None
    assert len(raw) <= limit
    answer, rest = decoder.decode(raw, asn1Spec=v2c.Message())
    assert not rest
    reply = v2c.apiMessage.get_pdu(answer)
    assert v2c.apiPDU.get_request_id(reply) == v2c.apiPDU.get_request_id(pdu)
    bindings = [(tuple(name), value) for name, value in v2c.apiPDU.get_varbinds(reply)]
    return int(v2c.apiPDU.get_error_status(reply)), bindings


def test_get_gives_each_value_with_its_type() -> None:
    assert api.SNMP_VERSION_2C == 1
    status, bindings = _ask(v2c.GetRequestPDU(), SYS_UPTIME, (*IF_NAME, 9), (*IF_HC_IN, 9))
    assert status == 0
    kinds = [type(value).__name__ for _, value in bindings]
    assert kinds == ["TimeTicks", "OctetString", "Counter64"]
    assert bytes(bindings[1][1]) == b"Gi1/0/1"


def test_get_says_whether_the_object_or_the_instance_is_missing() -> None:
    _, bindings = _ask(v2c.GetRequestPDU(), (*IF_NAME, 999), (1, 3, 6, 1, 4, 1, 1, 0))
    assert [type(value).__name__ for _, value in bindings] == ["NoSuchInstance", "NoSuchObject"]


def test_walking_with_getnext_shows_every_oid_once_in_order() -> None:
    seen, name = [], (1, 0)
    while True:
        _, [(name, value)] = _ask(v2c.GetNextRequestPDU(), name)
        if type(value).__name__ == "EndOfMibView":
            break
        seen.append(name)
    assert seen == sorted(set(seen)) == MIB.oids


@pytest.mark.parametrize("limit", [484, 1472, 65_000])
def test_bulk_walk_reads_the_same_as_getnext_whatever_the_message_size(limit: int) -> None:
    seen: list[tuple[int, ...]] = []
    name = IF_NAME
    while True:
        _, bindings = _ask(v2c.GetBulkRequestPDU(), name, bulk=(0, 25), limit=limit)
        inside = [oid for oid, _ in bindings if oid[: len(IF_NAME)] == IF_NAME]
        seen += inside
        if len(inside) < len(bindings):
            break
        name = bindings[-1][0]
    assert seen == [(*IF_NAME, interface.index) for interface in DEVICES[0].interfaces]


def test_bulk_gives_non_repeaters_once_and_interleaves_the_columns() -> None:
    _, bindings = _ask(v2c.GetBulkRequestPDU(), SYS_UPTIME[:-1], IF_NAME, IF_HC_IN, bulk=(1, 2))
    assert [oid for oid, _ in bindings] == [
        SYS_UPTIME, (*IF_NAME, 9), (*IF_HC_IN, 9), (*IF_NAME, 10), (*IF_HC_IN, 10),
    ]  # fmt: skip


def test_a_get_whose_answer_is_too_large_says_so_with_no_bindings() -> None:
    status, bindings = _ask(v2c.GetRequestPDU(), *[(*IF_NAME, n) for n in range(9, 57)], limit=484)
    assert (status, bindings) == (1, [])


def test_another_community_and_damaged_bytes_are_met_with_silence() -> None:
    assert _ask(v2c.GetRequestPDU(), SYS_UPTIME, community="guess") is None
    for damaged in (b"", b"\x30", b"\x30\x82", b"\x00" * 40, b"\x30\x03\x02\x01\x01"):
        assert agent.respond(MIB, b"public", 1472, damaged, EPOCH_S) is None


VALID = bytes.fromhex("302602010104067075626c6963a019020101020100020100300e300c06082b060102010103000500")


@settings(max_examples=examples(50))
@given(
    st.one_of(
        st.binary(max_size=80),
        st.lists(st.tuples(st.integers(0, len(VALID) - 1), st.integers(0, 255)), min_size=1, max_size=4),
    )
)
def test_no_request_makes_the_agent_fail(damage: bytes | list[tuple[int, int]]) -> None:
    message = bytearray(VALID)
    if isinstance(damage, bytes):
        message = bytearray(damage)
    else:
        for place, octet in damage:
            message[place] = octet
    answer = agent.respond(MIB, b"public", 1472, bytes(message), EPOCH_S)
    assert answer is None or decoder.decode(answer, asn1Spec=v2c.Message())[1] == b""


def test_the_undamaged_request_is_answered() -> None:
    assert agent.respond(MIB, b"public", 1472, VALID, EPOCH_S) is not None


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@pytest.fixture
async def served() -> AsyncIterator[tuple[int, float]]:
    port, epoch_s = _free_port(), time.time()
    transports = await server.serve(SERVED, port, epoch_s)
    yield port, epoch_s
    for transport in transports:
        transport.close()
    await asyncio.sleep(0)


def _session(device: SimulatedDevice, port: int, timeout: float = 1.0) -> SnmpSession:
    return SnmpSession(
        addr=device.address, port=port, community=device.community, version=SnmpVersion.v2c, timeout=timeout
    )


@pytest.mark.parametrize(
    "role", ["ordinary", "wraps-32-bit", "huge-counters", "slow", "small-messages", "uptime-wraps"]
)
async def test_each_device_answers_from_its_own_address(served: tuple[int, float], role: str) -> None:
    port, _ = served
    device = BY_ROLE[role]
    async with _session(device, port) as session:
        assert await session.get("1.3.6.1.2.1.1.5.0") == device.device_id.encode()
        names = [value async for _, value in session.getbulk("1.3.6.1.2.1.31.1.1.1.1")]
    assert names == [interface.name.encode() for interface in device.interfaces]


async def test_the_old_device_has_no_64_bit_counters(served: tuple[int, float]) -> None:
    async with _session(BY_ROLE["wraps-32-bit"], served[0]) as session:
        assert [item async for item in session.getbulk("1.3.6.1.2.1.31.1.1.1.6")] == []
        assert len([item async for item in session.getbulk("1.3.6.1.2.1.2.2.1.10")]) == 48


async def test_the_silent_device_never_answers(served: tuple[int, float]) -> None:
    async with _session(BY_ROLE["silent"], served[0], timeout=0.2) as session:
        with pytest.raises(TimeoutError):
            await session.get("1.3.6.1.2.1.1.5.0")


async def test_what_is_read_over_udp_is_what_the_truth_says_over_http(served: tuple[int, float]) -> None:
    port, epoch_s = served
    device = BY_ROLE["huge-counters"]
    interface = device.interfaces[0]
    oid = f"1.3.6.1.2.1.31.1.1.1.6.{interface.index}"
    async with _session(device, port) as session:
        before_ms = time.time() * 1000
        value = await session.get(oid)
        after_ms = time.time() * 1000
    with server.truth_server(DEVICES, port, 0, epoch_s) as truth_port:
        question = [device.device_id, interface.name, before_ms, after_ms]
        async with httpx.AsyncClient() as http:
            response = await http.post(f"http://127.0.0.1:{truth_port}/rates", json=[question])
        [answer] = response.json()
    assert answer["before"]["in_octets"] <= value <= answer["after"]["in_octets"]
