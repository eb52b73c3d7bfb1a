"""SNMPv1: rows are learnt as with v2c, and a noSuchName costs what it names, or what is found to be missing."""

from collections.abc import Iterable, Sequence

import pytest

from pollers.snmp.client import Session
from pollers.snmp.credentials import Community, Secret, Version
from pollers.snmp.values import Type
from tests.unit.snmp import scripted
from tests.unit.snmp.opening import Source, opened
from tests.unit.snmp.scripted import GET, GET_NEXT, INTEGER, Arcs, Asked, Behaviour, Cell, Mib, ScriptedAgent, arcs

V1 = Source((Community(community=Secret("public"), version=Version.V1),))
COLUMNS = ("1.3.6.1.2.1.2.2.1.10", "1.3.6.1.2.1.2.2.1.16")
A, B = map(arcs, COLUMNS)
UPTIME = arcs("1.3.6.1.2.1.1.3.0")
IF_NUMBER = arcs("1.3.6.1.2.1.2.1.0")
NO_SUCH_NAME, TOO_BIG = 2, 1
ONE = (0x41, b"\x01")
BEHIND = arcs("1.3.6.1.2.1.99.1.0")


def cells(rows: int) -> dict[Arcs, Cell]:
    found = {
        k: v if v[0] != scripted.COUNTER64 else (0x41, v[1])
        for k, v in scripted.table([A, B], range(1, rows + 1)).items()
    }
    return {**found, IF_NUMBER: (INTEGER, bytes((rows,)))}


def v1(mibs: list[Mib], *, index: bool = True, most_bytes: int = 1472) -> Behaviour:
    """Behave as the last of these says, by RFC 1157 §4.1: a name that is missing is the end of the whole request."""

    def behave(_: ScriptedAgent, asked: Asked) -> Iterable[bytes]:
        mib = mibs[-1]
        missing = [(mib.cells.get(n) if asked.pdu == GET else mib.after(n)) is None for n in asked.names]
        if any(missing):
            yield asked.response([], status=NO_SUCH_NAME, index=missing.index(True) + 1 if index else 0)
            return
        answer = mib.answer(asked)
        yield answer if len(answer) <= most_bytes else asked.response([], status=TOO_BIG)

    return behave


async def both(session: Session) -> bool:
    """Return whether the table by known rows is the one that a walk gives."""
    table, walked = await session.table(COLUMNS), await session.walk(COLUMNS)
    return (table.rows, table.columns, table.problems) == (walked.rows, walked.columns, walked.problems)


MIBS = [
    pytest.param({BEHIND: ONE}, id="inside"),
    pytest.param({}, id="at-the-end-of-the-MIB"),
]


@pytest.mark.parametrize("index", [True, False], ids=["error-index", "no-error-index"])
@pytest.mark.parametrize("behind", MIBS)
async def test_a_table_is_learnt_and_asked_for_in_pages(behind: dict[Arcs, Cell], index: bool) -> None:
    async with opened(v1([Mib({**cells(48), **behind})], index=index), source=V1) as (session, agent, access):
        walked = await session.table(COLUMNS)
        agent.requests.clear()
        known = await session.table(COLUMNS)
        assert (known.rows, known.columns) == (walked.rows, walked.columns)
        assert [c.data for c in known.columns] == [[1000 + r for r in range(1, 49)], [2000 + r for r in range(1, 49)]]
        assert len(agent.requests) <= 3
        assert {asked.pdu for asked in agent.requests} == {GET_NEXT}
        assert access.figures().rewalks == 0


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({(*A, 49): ONE, (*B, 49): ONE}, id="a-row-at-the-end"),
        pytest.param({(*A, 7, 1): ONE, (*B, 7, 1): ONE}, id="a-row-between"),
        pytest.param({(*A, 48): None, (*B, 48): None}, id="the-last-row-went"),
        pytest.param({(*B, 7): None}, id="a-hole"),
        pytest.param({(*A, 7): (0x42, b"\x01")}, id="another-type"),
        pytest.param({IF_NUMBER: (INTEGER, b"\x01")}, id="ifNumber"),
        pytest.param({UPTIME: (scripted.TICKS, b"\x01")}, id="a-restart"),
    ],
)
async def test_a_change_triggers_one_fresh_walk(change: dict[Arcs, Cell | None]) -> None:
    before = {**cells(48), BEHIND: ONE}
    mibs = [Mib(before)]
    async with opened(v1(mibs), source=V1) as (session, _, access):
        await session.table(COLUMNS)
        mibs.append(Mib({k: v for k, v in {**before, **change}.items() if v is not None}))
        for _ in range(2):
            assert await both(session)
            assert access.figures().rewalks == 1


async def test_an_agent_of_short_messages_is_asked_for_less_and_its_rows_stay_known() -> None:
    async with opened(v1([Mib({**cells(48), BEHIND: ONE})], most_bytes=484), source=V1) as (session, agent, access):
        for _ in range(3):
            agent.requests.clear()
            assert len((await session.table(COLUMNS)).rows) == 48
        assert access.figures().rewalks == 0
        assert len(agent.requests) < 15


@pytest.mark.parametrize("index", [True, False], ids=["error-index", "no-error-index"])
@pytest.mark.parametrize(
    "missing", [[2], [0, 1], [0, 3, 4], [0, 1, 2, 3, 4]], ids=["one", "the-first", "several", "all"]
)
async def test_a_get_lacks_what_the_device_lacks_and_nothing_else(missing: Sequence[int], index: bool) -> None:
    names = [f"{COLUMNS[0]}.{row}" for row in range(1, 6)]
    mib = Mib({k: v for k, v in cells(5).items() if k not in {(*A, at + 1) for at in missing}})
    async with opened(v1([mib], index=index), source=V1) as (session, _, _):
        values = await session.get_many(names)
    assert [at for at, value in enumerate(values) if value.type is Type.NO_SUCH_OBJECT] == missing
    assert all(value.data == 1001 + at for at, value in enumerate(values) if at not in missing)


async def test_a_scalar_that_the_agent_has_not_costs_neither_the_table_nor_its_known_rows() -> None:
    # ifTableLastChange is asked for too, and lies behind the end of this MIB
    mib = Mib({k: v for k, v in cells(8).items() if k[: len(B)] != B})
    async with opened(v1([mib]), source=V1) as (session, agent, _):
        await session.table(COLUMNS[:1])
        agent.requests.clear()
        assert len((await session.table(COLUMNS[:1])).rows) == 8
        assert len(agent.requests) == 1


@pytest.mark.parametrize("index", [True, False], ids=["error-index", "no-error-index"])
async def test_what_follows_is_found_though_a_name_at_the_end_of_the_mib_refuses_the_request(index: bool):
    mib = Mib({**cells(2), BEHIND: ONE, UPTIME: (0x43, b"\x01")})
    asked = ("1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.99", "1.3.6.1.4.1.2021", "1.3.6.1.2.1.1.3")
    async with opened(v1([mib], index=index), source=V1) as (session, _agent, _access):
        found = await session.following(asked)
        assert session.stats.packets_sent <= 8
    assert found == [f"{COLUMNS[0]}.1", "1.3.6.1.2.1.99.1.0", None, "1.3.6.1.2.1.1.3.0"]


async def test_what_follows_is_asked_by_halves_of_an_agent_with_short_messages():
    mib = Mib({**cells(2), BEHIND: ONE, UPTIME: (0x43, b"\x01")})
    asked = ("1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.99", "1.3.6.1.2.1.1.3")
    async with opened(v1([mib], most_bytes=100), source=V1) as (session, _agent, _access):
        assert await session.following(asked) == [f"{COLUMNS[0]}.1", "1.3.6.1.2.1.99.1.0", "1.3.6.1.2.1.1.3.0"]
