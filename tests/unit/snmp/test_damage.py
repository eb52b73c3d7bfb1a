"""Damaged agents: each gives the good values and a reason, or an error of the documented tree."""

from collections.abc import Iterable, Sequence

import pytest

from pollers.snmp.errors import AgentError, AuthRefused, DamagedResponse, NoAnswer, SnmpError
from pollers.snmp.values import SnmpTable, Type, Value
from tests.unit.snmp import scripted
from tests.unit.snmp.opening import opened
from tests.unit.snmp.scripted import COUNTER64, GET_BULK, Asked, Behaviour, Cell, Mib, ScriptedAgent, arcs, variable

COLUMNS = ("1.3.6.1.2.1.31.1.1.1.6", "1.3.6.1.2.1.31.1.1.1.10")
A, B = map(arcs, COLUMNS)
MIB = Mib(scripted.table([A, B], range(1, 8)))
NAME = "1.3.6.1.2.1.1.3.0"


def good(_: ScriptedAgent, asked: Asked) -> Iterable[bytes]:
    yield MIB.answer(asked)


def first_bulk(behave: Behaviour) -> Behaviour:
    """Behave so for the first GETBULK, and well after it."""
    done: list[Asked] = []

    def both(agent: ScriptedAgent, asked: Asked) -> Iterable[bytes]:
        if asked.pdu == GET_BULK and not done:
            done.append(asked)
            return behave(agent, asked)
        return good(agent, asked)

    return both


def cell(value: int) -> tuple[int, bytes]:
    return COUNTER64, value.to_bytes(4, "big")


def repeated_oid(_: ScriptedAgent, asked: Asked) -> Iterable[bytes]:
    pairs = [variable((*A, 1), cell(1001)), variable((*B, 1), cell(2001))]
    yield asked.response(pairs * 2)


def falling_oid(_: ScriptedAgent, asked: Asked) -> Iterable[bytes]:
    rows = (1, 3, 2)
    yield asked.response([variable((*c, r), cell(r)) for r in rows for c in (A, B)])


def ends_half_way(_: ScriptedAgent, asked: Asked) -> Iterable[bytes]:
    if asked.names[0] == A:
        yield asked.response([variable((*c, r), cell(r)) for r in (1, 2) for c in (A, B)])


def leaves_the_column(_: ScriptedAgent, asked: Asked) -> Iterable[bytes]:
    yield asked.response([variable((1, 3, 6, 1, 4, 1, 9, r), cell(r)) for r in (1, 2)])


def gen_err_for_the_second(_: ScriptedAgent, asked: Asked) -> Iterable[bytes]:
    if B in [name[: len(B)] for name in asked.names]:
        yield asked.response([], status=5, index=len(asked.names))
    else:
        yield MIB.answer(asked)


def a_bad_value(_: ScriptedAgent, asked: Asked) -> Iterable[bytes]:
    pairs = [variable((*A, 1), cell(1)), variable((*B, 1), (COUNTER64, b"\x01" * 11))]
    pairs += [variable((*A, 2), cell(2)), variable((*B, 2), cell(5))]
    pairs += [variable((1, 3, 6, 1, 4, 1, 9), cell(1)), variable((1, 3, 6, 1, 4, 1, 9), cell(1))]
    yield asked.response(pairs)


PARTLY = [
    pytest.param(repeated_oid, ["1"], "oid-not-increasing", id="repeats"),
    pytest.param(falling_oid, ["1", "3"], "oid-not-increasing", id="does-not-increase"),
    pytest.param(ends_half_way, ["1", "2"], "no-answer", id="ends-half-way"),
    pytest.param(gen_err_for_the_second, ["1", "2", "3", "4", "5", "6", "7"], "gen-err", id="genErr-for-a-column"),
    pytest.param(a_bad_value, ["1", "2"], "bad-value", id="value-wider-than-its-type"),
]


@pytest.mark.parametrize(("behave", "rows", "reason"), PARTLY)
async def test_a_damaged_table_gives_its_good_rows_and_the_reason(
    behave: Behaviour, rows: Sequence[str], reason: str
) -> None:
    async with opened(behave) as (session, _, _):
        table = await session.walk(COLUMNS)
    assert table.rows == rows
    assert reason in [problem.reason for problem in table.problems]
    assert all(problem.detail for problem in table.problems)


ODD_CELLS = [
    pytest.param((0x47, b"\x05"), id="UInteger32-of-SNMPv2p"),
    pytest.param((0x45, b"\x05"), id="NsapAddress-of-SNMPv2p"),
    pytest.param((0x83, b""), id="a-tag-above-the-exceptions"),
    pytest.param((0xA2, b"\x05"), id="a-PDU-for-a-value"),
    pytest.param((scripted.OID, b""), id="an-empty-OID"),
    pytest.param((scripted.INTEGER, b""), id="an-empty-INTEGER"),
    pytest.param((0x41, b"\x01" * 6), id="a-too-wide-Counter32"),
    pytest.param((0x40, b""), id="an-empty-IpAddress"),
    pytest.param((scripted.NO_SUCH_OBJECT, b"\x05"), id="an-exception-with-contents"),
]


@pytest.mark.parametrize("odd", ODD_CELLS)
async def test_one_odd_value_costs_a_get_that_value_alone(odd: Cell) -> None:
    object_id, name = (1, 3, 6, 1, 2, 1, 1, 2, 0), (1, 3, 6, 1, 2, 1, 1, 5, 0)
    mib = Mib({**MIB.cells, object_id: odd, name: (scripted.OCTETS, b"core-1")})

    def answer(_: ScriptedAgent, asked: Asked) -> Iterable[bytes]:
        yield mib.answer(asked)

    async with opened(answer) as (session, agent, _):
        values = await session.get_many([NAME, "1.3.6.1.2.1.1.2.0", "1.3.6.1.2.1.1.5.0"])
    assert values == [
        Value(Type.TIME_TICKS, 500), Value(Type.BAD_VALUE, None), Value(Type.OCTET_STRING, b"core-1"),
    ]  # fmt: skip
    assert not values[1].exists
    assert len(agent.requests) == 1


@pytest.mark.parametrize("row", [2, 60, 100], ids=["on-the-first-page", "on-another", "in-the-last-row"])
@pytest.mark.parametrize("odd", [odd for odd in ODD_CELLS if odd.id != "an-exception-with-contents"])
async def test_one_odd_value_costs_a_table_that_cell_alone(odd: Cell, row: int) -> None:
    mib = Mib({**scripted.table([A, B], range(1, 101)), (*B, row): odd})

    def answer(_: ScriptedAgent, asked: Asked) -> Iterable[bytes]:
        yield mib.answer(asked)

    async with opened(answer) as (session, _, _):
        for _ in range(2):
            table = await session.table(COLUMNS)
            assert table.rows == [str(n) for n in range(1, 101)]
            assert table.columns[0].data == [1000 + n for n in range(1, 101)]
            assert table.columns[1].data == [2000 + n if n != row else None for n in range(1, 101)]
            assert [n for n, tag in enumerate(table.columns[1].types, 1) if not tag] == [row]
            assert [p.reason for p in table.problems] == ["bad-value"]


async def test_a_walk_that_leaves_the_column_at_once_is_an_empty_table() -> None:
    async with opened(leaves_the_column) as (session, _, _):
        table = await session.walk(COLUMNS)
    assert (table.rows, table.problems) == ([], ())


def whole(table: SnmpTable) -> bool:
    first = [1000 + r for r in range(1, 8)]
    second = [2000 + r for r in range(1, 8)]
    return [c.data for c in table.columns] == [first, second] and not table.problems


def mangled(change: "bytes | None" = None, *, cut: int = 0, tail: bytes = b"") -> Behaviour:
    def behave(_: ScriptedAgent, asked: Asked) -> Iterable[bytes]:
        answer = change if change is not None else MIB.answer(asked)
        yield (answer[:-cut] if cut else answer) + tail

    return behave


def lying_length(_: ScriptedAgent, asked: Asked) -> Iterable[bytes]:
    answer = bytearray(MIB.answer(asked))
    at = answer.rindex(b"\x46\x04")
    answer[at + 1] = 0x70
    yield bytes(answer)


def long_tag(_: ScriptedAgent, asked: Asked) -> Iterable[bytes]:
    yield MIB.answer(asked).replace(b"\x46\x04", b"\x5f\x04")


def more_than_asked(_: ScriptedAgent, asked: Asked) -> Iterable[bytes]:
    pairs = [variable((*c, r), cell(r)) for r in range(1, 400) for c in (A, B)]
    yield asked.response(pairs)


def empty_list(_: ScriptedAgent, asked: Asked) -> Iterable[bytes]:
    yield asked.response([])


def wrong_id(_: ScriptedAgent, asked: Asked) -> Iterable[bytes]:
    yield asked.response([], request_id=b"\x40\x00\x00\x00")


def wrong_community(_: ScriptedAgent, asked: Asked) -> Iterable[bytes]:
    answer = MIB.answer(asked)
    yield answer.replace(b"public", b"pubic!")


def from_elsewhere(agent: ScriptedAgent, asked: Asked) -> Iterable[bytes]:
    agent.send_from_elsewhere(MIB.answer(asked))
    return ()


def silent(_: ScriptedAgent, __: Asked) -> Iterable[bytes]:
    return ()


DATAGRAMS = [
    pytest.param(mangled(b""), NoAnswer, id="empty"),
    pytest.param(mangled(b"\x30"), NoAnswer, id="one-byte"),
    pytest.param(mangled(b"\x30\x84\xff\xff\xff\xff"), NoAnswer, id="header-only"),
    pytest.param(mangled(bytes(60_000)), NoAnswer, id="oversized-zeros"),
    pytest.param(mangled(cut=5), DamagedResponse, id="truncated"),
    pytest.param(mangled(tail=b"\x00\x00"), DamagedResponse, id="trailing-bytes"),
    pytest.param(lying_length, DamagedResponse, id="length-lies"),
    pytest.param(long_tag, DamagedResponse, id="tag-of-several-octets"),
    pytest.param(more_than_asked, DamagedResponse, id="more-than-asked"),
    pytest.param(empty_list, DamagedResponse, id="no-variables"),
    pytest.param(wrong_id, NoAnswer, id="wrong-request-id"),
    pytest.param(wrong_community, NoAnswer, id="wrong-community"),
    pytest.param(from_elsewhere, NoAnswer, id="wrong-source-port"),
    pytest.param(silent, NoAnswer, id="silence"),
]


@pytest.mark.parametrize(("behave", "error"), DATAGRAMS)
async def test_a_hostile_datagram_never_gives_a_value(behave: Behaviour, error: type[SnmpError]) -> None:
    async with opened(behave) as (session, _, _):
        with pytest.raises(error) as raised:
            await session.walk(COLUMNS)
    assert "127.0.0.1" in str(raised.value)


@pytest.mark.parametrize(("behave", "error"), DATAGRAMS)
async def test_the_good_answer_after_a_hostile_datagram_is_taken(behave: Behaviour, error: type[SnmpError]) -> None:
    async with opened(first_bulk(behave), retries=2) as (session, _, _):
        assert whole(await session.walk(COLUMNS))


@pytest.mark.parametrize(("behave", "error"), DATAGRAMS)
async def test_known_rows_survive_a_hostile_datagram(behave: Behaviour, error: type[SnmpError]) -> None:
    async with opened(good, retries=2) as (session, agent, _):
        assert whole(await session.table(COLUMNS))
        agent.behave = first_bulk(behave)
        assert whole(await session.table(COLUMNS))


async def test_repeated_and_late_answers_are_counted_and_change_nothing() -> None:
    def twice(_: ScriptedAgent, asked: Asked) -> Iterable[bytes]:
        yield MIB.answer(asked)
        yield MIB.answer(asked)

    async with opened(twice) as (session, _, access):
        assert whole(await session.table(COLUMNS))
        assert whole(await session.table(COLUMNS))
        assert access.engines.wire.counters.unknown_request_id > 0


async def test_an_answer_from_another_address_of_the_device_is_taken_where_the_setting_allows_it() -> None:
    # another port would not do: the setting is for devices with several addresses
    async with opened(from_elsewhere, any_source=True) as (session, agent, _):
        with pytest.raises(NoAnswer):
            await session.walk(COLUMNS)
        assert agent.requests


STATUSES = [
    pytest.param(5, AgentError, "genErr", id="genErr"),
    pytest.param(13, AgentError, "busy", id="resourceUnavailable"),
    pytest.param(16, AuthRefused, "view", id="authorizationError"),
    pytest.param(6, AgentError, "view", id="noAccess"),
    pytest.param(1, AgentError, "too short", id="tooBig-for-one-value"),
    pytest.param(99, AgentError, "99", id="unknown-status"),
]


@pytest.mark.parametrize(("status", "error", "says"), STATUSES)
async def test_an_error_status_becomes_an_error_that_says_what_to_check(
    status: int, error: type[SnmpError], says: str
) -> None:
    def refuse(_: ScriptedAgent, asked: Asked) -> Iterable[bytes]:
        yield asked.response([], status=status, index=1)

    async with opened(refuse) as (session, _, _):
        with pytest.raises(error, match=says):
            await session.get(NAME)
        with pytest.raises(error, match=says):
            await session.walk(COLUMNS)


@pytest.mark.parametrize("index", [-1, 0, 1, 99], ids=["negative", "none", "a-scalar-beside", "beyond-the-request"])
async def test_an_error_that_never_ends_ends_the_poll_whatever_its_error_index(index: int) -> None:
    def refuse(_: ScriptedAgent, asked: Asked) -> Iterable[bytes]:
        yield asked.response([], status=5, index=index)

    async with opened(refuse) as (session, agent, _):
        with pytest.raises(AgentError, match="genErr"):
            await session.table(COLUMNS)
    assert len(agent.requests) <= 5


async def test_tooBig_halves_the_request_until_it_fits() -> None:  # noqa: N802
    names = [f"1.3.6.1.2.1.31.1.1.1.6.{row}" for row in range(1, 8)]

    def small(_: ScriptedAgent, asked: Asked) -> Iterable[bytes]:
        yield MIB.answer(asked) if len(asked.names) <= 2 else asked.response([], status=1)

    async with opened(small) as (session, _, _):
        values = await session.get_many(names)
    assert [v.data for v in values] == [1000 + r for r in range(1, 8)]


async def test_an_agent_that_cuts_its_answers_short_gives_the_whole_table() -> None:
    narrow = Mib(MIB.cells, max_bytes=484)

    def cut(_: ScriptedAgent, asked: Asked) -> Iterable[bytes]:
        yield narrow.answer(asked)

    async with opened(good) as (session, agent, _):
        assert whole(await session.table(COLUMNS))
        agent.behave = cut
        for _ in range(3):
            assert whole(await session.table(COLUMNS))
