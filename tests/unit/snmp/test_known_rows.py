"""Known rows: asked for directly, in pages that fit, and walked anew as soon as they may be others."""

from collections.abc import Iterable, Mapping, Sequence
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pollers.snmp.client import Device
from pollers.snmp.codec import ber
from pollers.snmp.codec.message import CommunityFrame
from pollers.snmp.limits import Limits
from pollers.snmp.tables.paging import Paging
from pollers.snmp.tables.prepared import plan
from pollers.snmp.tables.rowset import RowSet, guards, learn, parts_of, told_now, unchanged
from pollers.snmp.tables.walk import Walk
from pollers.snmp.values import SnmpTable
from pollers.snmp.wire.access import SnmpAccess, open_access
from tests.examples import examples
from tests.unit.snmp import scripted
from tests.unit.snmp.opening import FastClock, Source, opened
from tests.unit.snmp.scripted import (
    COUNTER64,
    GET_BULK,
    GET_NEXT,
    INTEGER,
    OCTETS,
    TICKS,
    Arcs,
    Asked,
    Behaviour,
    Cell,
    Mib,
    ScriptedAgent,
    arcs,
    start,
)  # fmt: skip

COLUMNS = ("1.3.6.1.2.1.31.1.1.1.6", "1.3.6.1.2.1.31.1.1.1.10")
A, B = map(arcs, COLUMNS)
UPTIME, IF_NUMBER, LAST_CHANGE = map(arcs, ("1.3.6.1.2.1.1.3.0", "1.3.6.1.2.1.2.1.0", "1.3.6.1.2.1.31.1.5.0"))
MIB = Mib(scripted.table([A, B], range(1, 301)))
ONE = (COUNTER64, b"\x01")
ETHERNET = 1472  #: the longest UDP payload in one frame


def by(mibs: list[Mib]) -> Behaviour:
    """Behave as the last of these says."""

    def behave(_: ScriptedAgent, asked: Asked) -> Iterable[bytes]:
        yield mibs[-1].answer(asked)

    return behave


def changed(cells: Mapping[Arcs, Cell], change: Mapping[Arcs, Cell | None]) -> Mib:
    return Mib({k: v for k, v in {**cells, **change}.items() if v is not None})


def same(table: SnmpTable, walked: SnmpTable) -> bool:
    return (table.rows, table.columns, table.problems) == (walked.rows, walked.columns, walked.problems)


async def test_are_asked_for_directly_after_one_walk() -> None:
    async with opened(by([MIB])) as (session, agent, _):
        first = await session.table(COLUMNS)
        walked = len(agent.requests)
        agent.requests.clear()
        second = await session.table(COLUMNS)
    assert same(first, second)
    assert all(asked.pdu == GET_BULK for asked in agent.requests)
    assert len(agent.requests) <= walked


INTERFACES = {**MIB.cells, IF_NUMBER: (INTEGER, b"\x05"), LAST_CHANGE: (TICKS, b"\x00")}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({(*A, 301): ONE, (*B, 301): ONE}, id="a-row-at-the-end"),
        pytest.param({(*A, 77, 1): ONE, (*B, 77, 1): ONE}, id="a-row-between"),
        pytest.param({(*B, 9): None}, id="a-hole"),
        pytest.param({(*A, 300): None, (*B, 300): None}, id="the-last-row-went"),
        pytest.param({(*A, 5): (0x41, b"\x01")}, id="another-type"),
        pytest.param({UPTIME: (TICKS, b"\x01")}, id="a-restart"),
        pytest.param({LAST_CHANGE: (TICKS, b"\x01")}, id="ifTableLastChange"),
        pytest.param({IF_NUMBER: (INTEGER, b"\x06")}, id="ifNumber"),
    ],
)
async def test_a_change_triggers_one_fresh_walk(change: dict[Arcs, Cell | None]) -> None:
    mibs = [Mib(INTERFACES)]
    async with opened(by(mibs)) as (session, _, access):
        await session.table(COLUMNS)
        await session.table(COLUMNS)
        assert access.figures().rewalks == 0
        mibs.append(changed(INTERFACES, change))
        for _ in range(2):
            assert same(await session.table(COLUMNS), await session.walk(COLUMNS))
            assert access.figures().rewalks == 1


async def test_that_keep_changing_are_walked_and_not_learnt_again_for_a_while() -> None:
    mibs: list[Mib] = []
    async with opened(by(mibs)) as (session, agent, access):
        costs = []
        for rows in range(301, 307):
            mibs.append(Mib(scripted.table([A, B], range(1, rows))))
            agent.requests.clear()
            assert len((await session.table(COLUMNS)).rows) == rows - 1
            costs.append(len(agent.requests))
        assert access.figures().rewalks == 3
    assert costs[-1] == costs[0] < costs[1]


async def timed(access: SnmpAccess, clock: FastClock, agent: ScriptedAgent, after_s: float) -> bool:
    """Poll this long after the last time, and return whether the table was walked: only a walk asks for all guards."""
    clock.at_s += after_s
    agent.requests.clear()
    async with access.open(Device("lab", "d1", agent.endpoint), 5.0) as session:
        await session.table(COLUMNS)
    return agent.requests[0].non_repeaters == len(guards(list(map(ber.encode_oid, COLUMNS))))


async def test_are_not_trusted_for_longer_than_the_setting() -> None:
    clock, agent = FastClock(), await start(by([MIB]))
    access = open_access(Limits(row_set_age_s=100.0), Source(), clock=clock, random=Random(1))
    walked = [await timed(access, clock, agent, after_s) for after_s in (0, 60, 39, 2, 60, 41)]
    assert walked == [True, False, False, True, False, True]
    assert access.figures().rewalks == 0
    await access.close()


SPARSE = tuple(map(arcs, ("1.3.6.1.4.1.9999.1.1", "1.3.6.1.4.1.9999.1.2", "1.3.6.1.4.1.9999.1.3")))
X, Y, Z = SPARSE
NAMES = [".".join(map(str, column)) for column in SPARSE]


def sparse(rows: int) -> dict[Arcs, Cell]:
    """Return a table whose second column has a hole at 3 and ends before the last row, and whose third is empty."""
    cells = scripted.table([X, Y], range(1, rows + 1))
    return {k: v for k, v in cells.items() if k not in {(*Y, 3), (*Y, rows)}}


NEWS = [
    pytest.param({(*X, 999): ONE, (*Y, 999): ONE}, id="a-row-at-the-end"),
    pytest.param({(*X, 999): ONE}, id="a-row-at-the-end-of-one-column"),
    pytest.param({(*Y, 998): ONE}, id="a-row-at-the-end-of-another"),
    pytest.param({(*Y, 3): ONE}, id="a-filled-hole"),
    pytest.param({(*Y, 2, 7): ONE}, id="a-row-between"),
    pytest.param({(*X, 0): ONE}, id="a-row-before-all"),
    pytest.param({(*Z, 2): ONE}, id="a-column-that-was-empty"),
    pytest.param({(*Y, 4): None}, id="a-hole"),
]


@pytest.mark.parametrize("behind", [{}, {(1, 3, 6, 1, 4, 1, 9999, 9, 0): ONE}], ids=["at-the-end-of-the-MIB", "inside"])
@pytest.mark.parametrize("rows", [6, 60], ids=["one-page", "full-pages"])
@pytest.mark.parametrize("change", NEWS)
async def test_a_change_in_a_table_with_holes_is_seen_without_scalars_that_tell(
    change: dict[Arcs, Cell | None], rows: int, behind: dict[Arcs, Cell]
) -> None:
    cells = {**sparse(rows), **behind}
    mibs = [Mib(cells)]
    async with opened(by(mibs)) as (session, agent, access):
        await session.table(NAMES)
        agent.requests.clear()
        assert same(await session.table(NAMES), await session.walk(NAMES))
        assert agent.requests[0].pdu == GET_NEXT
        mibs.append(changed(cells, change))
        for _ in range(2):
            assert same(await session.table(NAMES), await session.walk(NAMES))
            assert access.figures().rewalks == 1


@pytest.mark.parametrize("columns", [1, 2])
async def test_a_table_of_one_row_with_a_hole_is_known_too(columns: int) -> None:
    mib = Mib({**scripted.table([X], [1]), (*Z, 2): ONE})
    names = NAMES[:columns]
    async with opened(by([mib])) as (session, _, access):
        for _ in range(3):
            assert (await session.table(names)).rows == ["1"]
        assert access.figures().rewalks == 0


def known_rows(tags: bytes, rows: int, names: int) -> RowSet:
    guarding = guards([ber.encode_oid(COLUMNS[0])])[:names]
    packed = b"".join(bytes((1, row)) for row in range(1, rows + 1))
    beyond = b"".join(bytes((len(want),)) + want for want in (b"\x06\x01\x2b\x41",) * 2)
    return RowSet(packed, tags, 30, guarding, b"\x01\x01" * len(guarding), beyond, 0.0)


@pytest.mark.parametrize(
    ("rows", "names", "pages"),
    [
        pytest.param(7, 1, [3, 3, 1], id="rides-on-the-last-page"),
        pytest.param(6, 1, [3, 3, 0], id="has-a-page-where-nothing-else-tells"),
        pytest.param(6, 3, [3, 3], id="costs-no-packet-where-the-scalars-tell"),
    ],
)
def test_the_look_behind_a_table_with_holes(rows: int, names: int, pages: list[int]) -> None:
    columns = list(map(ber.encode_oid, COLUMNS))
    made = plan(columns, known_rows(b"\x46" * (2 * rows - 1) + b"\0", rows, names), 3, bulk=True)
    assert [page.rows for page in made.pages] == pages
    assert all(len(page.wants) == len(page.request.names) for page in made.pages)


async def test_sysuptime_that_wraps_is_no_restart() -> None:
    mibs = [changed(MIB.cells, {UPTIME: (TICKS, b"\x00\xff\xff\xff\xf0")})]
    async with opened(by(mibs)) as (session, _, access):
        await session.table(COLUMNS)
        mibs.append(changed(MIB.cells, {UPTIME: (TICKS, b"\x05")}))
        await session.table(COLUMNS)
        assert access.figures().rewalks == 0


@pytest.mark.parametrize(
    ("was_s", "now_s", "elapsed_s", "expected"),
    [
        pytest.param(3000, 3060, 60, True, id="up-all-the-time"),
        pytest.param(30, 90, 60, True, id="up-all-the-time-but-not-for-long"),
        pytest.param(30, 29, 60, False, id="fell"),
        pytest.param(30, 35, 60, False, id="passed-where-it-was"),
        pytest.param(30, 59, 60, False, id="restarted-at-once"),
        pytest.param(5, 3590, 3600, True, id="a-clock-that-drifts"),
        pytest.param(5000, 5050, 60, True, id="an-old-clock-that-lags-cannot-be-a-new-one"),
        pytest.param(2, 60, 60, True, id="an-answer-that-took-its-time"),
        pytest.param(30, 30, 60, True, id="a-clock-that-stands-still"),
        pytest.param(2**32 / 100 - 5, 55, 60, True, id="its-own-wrap"),
    ],
)
def test_a_restart_is_told_by_uptime_and_the_time_that_went_by(
    was_s: float, now_s: float, elapsed_s: float, expected: bool
) -> None:
    before, now = (int(s * 100).to_bytes(5) for s in (was_s, now_s))
    known = known_rows(b"\x02", rows=1, names=1)._replace(told=bytes((len(before),)) + before)
    assert unchanged(known, [now], elapsed_s) is expected


def test_an_uptime_that_is_too_long_to_be_one_is_no_uptime_of_the_same_device() -> None:
    known = known_rows(b"\x02", rows=1, names=1)
    assert not unchanged(known, [b"\x01" * 256])


def test_what_is_told_now_is_the_new_uptime_and_the_rest_as_before() -> None:
    known = known_rows(b"\x02", rows=1, names=3)._replace(told=b"\x01\x07\x02\x00\x30\x00")
    assert parts_of(told_now(known, b"\x01\x02\x03").told) == [b"\x01\x02\x03", b"\x00\x30", b""]


async def test_a_restart_between_polls_is_seen_even_if_the_uptime_has_grown() -> None:
    def up(seconds: int) -> Mib:
        return changed(MIB.cells, {UPTIME: (TICKS, (seconds * 100).to_bytes(3))})

    clock, mibs = FastClock(), [up(30)]
    agent = await start(by(mibs))
    access = open_access(Limits(), Source(), clock=clock, random=Random(1))
    rewalks = []
    for uptime_s, after_s in ((30, 0), (90, 60), (150, 60), (155, 160), (215, 60)):
        mibs.append(up(uptime_s))
        await timed(access, clock, agent, after_s)
        rewalks.append(access.figures().rewalks)
    assert rewalks == [0, 0, 0, 1, 1]
    await access.close()


def alias_table(lengths: Sequence[int]) -> Mib:
    """Return a table of a number and a text, the texts as long as said."""
    cells = scripted.table([A], range(1, len(lengths) + 1))
    for row, length in enumerate(lengths, 1):
        cells[*B, row] = (OCTETS, b"a" * length)
    return Mib(cells)


SHORT_THEN_LONG = [1] * 100 + [64] * 99


async def test_pages_fit_where_the_long_rows_stand_together() -> None:
    sizes: list[int] = []
    mib = alias_table(SHORT_THEN_LONG)

    def note(_: ScriptedAgent, asked: Asked) -> Iterable[bytes]:
        sizes.append(len(answer := mib.answer(asked)))
        yield answer

    async with opened(note) as (session, _, _):
        await session.table(COLUMNS)
        sizes.clear()
        assert len((await session.table(COLUMNS)).rows) == len(SHORT_THEN_LONG)
    assert max(sizes) <= ETHERNET


async def test_a_path_that_drops_fragments_gives_the_whole_table_from_the_first_poll_on() -> None:
    mib = alias_table(SHORT_THEN_LONG)

    def drop(_: ScriptedAgent, asked: Asked) -> Iterable[bytes]:
        return [answer] if len(answer := mib.answer(asked)) <= ETHERNET else ()

    async with opened(drop, retries=2) as (session, _, _):
        for _ in range(2):
            table = await session.table(COLUMNS)
            assert (len(table.rows), table.problems) == (len(SHORT_THEN_LONG), ())


@settings(deadline=None, max_examples=examples(50))
@given(st.lists(st.tuples(st.integers(0, 250), st.integers(1, 40)), min_size=1, max_size=12))
@example([(250, 1), (0, 11), (0, 40), (0, 40), (249, 40)])
@example([(125, 38), (0, 1), (0, 13), (0, 13), (0, 14), (0, 21), (217, 40)])
def test_no_page_is_longer_than_planned_whatever_the_texts(runs: list[tuple[int, int]]) -> None:
    mib = alias_table([length for length, times in runs for _ in range(times)])
    frame, names, limits, request_id = (
        CommunityFrame(1, b"public"),
        tuple(map(ber.encode_oid, COLUMNS)),
        Limits(),
        b"abcd",
    )
    walk = Walk(names, Paging(limits), bulk=True, rows_max=1000, guards=guards(names))
    while (asked := walk.next()) is not None:
        data = mib.answer(scripted.parse(frame.message(asked, request_id, 0.0)))
        walk.answered(asked, frame.answer(data, request_id, 0.0), 0)
    known = learn(walk, 0.0)
    assert known is not None
    for page in plan(names, known, Paging(limits).rows(known.value_bytes * 2), bulk=True).pages:
        answer = mib.answer(scripted.parse(frame.message(page.request, request_id, 0.0)))
        assert len(answer) <= ETHERNET or page.rows == 1


async def test_a_page_that_is_too_big_is_asked_for_by_halves_without_a_walk() -> None:
    cells = sparse(40)
    mib = Mib(cells)

    def small(_: ScriptedAgent, asked: Asked) -> Iterable[bytes]:
        answer = mib.answer(asked)
        too_big = asked.pdu == GET_NEXT and len(answer) > 484
        yield asked.response([], status=1) if too_big else answer

    async with opened(small) as (session, agent, access):
        walked = await session.table(NAMES)
        assert same(await session.table(NAMES), walked)
        assert access.figures().rewalks == 0
        agent.requests.clear()
        assert same(await session.table(NAMES), walked)
        assert {asked.pdu for asked in agent.requests} == {GET_NEXT}
