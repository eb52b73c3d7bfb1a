"""The lines that `poll --explain` shows of requests: pure, from records."""

import pytest

from pollers.snmp.client import Stats
from pollers.snmp.trace import Exchanged
from pollers.snmp.values import Oid, SnmpTable, Type, Value
from streams.cli.devices.exchanges import OBJECTS, Exchanges, ToldSession, asked_line, exchange_line, name_of

IF_HC_IN = "1.3.6.1.2.1.31.1.1.1.6"
NAMES = {**OBJECTS, IF_HC_IN: "interface.octets_in", "1.3.6.1.2.1.6.5.0": "tcp.opens_active"}
GETBULK = Exchanged("192.0.2.17", "native", "getbulk", f"{IF_HC_IN}.9", 41, 7, 717, 918, 287, 3.14, 0, 1400, "ok")


@pytest.mark.parametrize(
    ("oid", "expected"),
    [
        pytest.param(IF_HC_IN, "interface.octets_in", id="column"),
        pytest.param(f"{IF_HC_IN}.12", "interface.octets_in.12", id="cell"),
        pytest.param("1.3.6.1.2.1.6.5.0", "tcp.opens_active", id="scalar-of-the-profile"),
        pytest.param("1.3.6.1.2.1.1.3.0", "sysUpTime.0", id="scalar-of-every-poll"),
        pytest.param(f"{IF_HC_IN}7.1", f"{IF_HC_IN}7.1", id="not-by-part-of-an-arc"),
        pytest.param("1.3.6.1.4.1.9.1", "1.3.6.1.4.1.9.1", id="unknown"),
    ],
)
def test_an_oid_is_called_by_the_longest_name_known(oid: Oid, expected: str) -> None:
    assert name_of(oid, NAMES) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param(
            {},
            "getbulk interface.octets_in.9 +40 x7 | 287 values 717 B out 918 B in 3.1 ms try 1 page 1400 B ok",
            id="getbulk",
        ),
        pytest.param(
            {"pdu": "get", "names": 1, "repetitions": 0, "response_bytes": 0, "values": 0, "attempt": 2,
             "outcome": "timeout"},
            "get interface.octets_in.9 | 0 values 717 B out 0 B in 3.1 ms try 3 page 1400 B timeout",
            id="third-try-of-a-get",
        ),
        pytest.param(
            {"engine": "pysnmp"},
            "getbulk interface.octets_in.9 +40 x7 | 287 values 717 B out 918 B in 3.1 ms try 1 page 1400 B ok (pysnmp)",
            id="another-engine",
        ),
    ],
)  # fmt: skip
def test_a_request_is_one_line_with_what_was_asked_and_what_became_of_it(
    changes: dict[str, object], expected: str
) -> None:
    line = exchange_line(GETBULK._replace(**changes), NAMES)  # type: ignore[arg-type]
    assert line.split() == expected.replace("|", "").split()


def test_a_name_that_several_oids_may_give_is_told_once_and_long_lists_are_wrapped() -> None:
    two = {"1.1": "t.a", "1.2": "t.a", "1.3": "t.b"}
    assert asked_line("table", two, two) == "table: t.a, t.b"
    many = {f"1.{n}": f"table.a_column_{n}" for n in range(50)}
    lines = asked_line("table", many, many).splitlines()
    assert max(map(len, lines)) <= 120
    assert {line[:4] for line in lines[1:]} == {"    "}


class Silent:
    """A session that has nothing."""

    stats = Stats(packets_sent=7)
    unreachable_since_ms = 5

    async def get(self, oid: Oid) -> Value:
        raise NotImplementedError

    async def get_many(self, oids: list[Oid]) -> list[Value]:
        return [Value(Type.NO_SUCH_OBJECT, None)] * len(oids)

    async def walk(self, columns: list[Oid]) -> SnmpTable:
        return SnmpTable([], [], [])

    async def table(self, columns: list[Oid]) -> SnmpTable:
        return SnmpTable([], [], [])


async def test_a_told_session_says_what_it_is_asked_for_and_gives_what_the_other_gives() -> None:
    lines: list[str] = []
    told = ToldSession(Silent(), Exchanges(lines.append))  # type: ignore[arg-type]
    assert (await told.get("1.3.6.1.2.1.1.3.0")).type is Type.NO_SUCH_OBJECT
    assert len(await told.get_many(["1.1", "1.2"])) == 2
    assert (await told.walk(["1.1"])).rows == (await told.table(["1.2"])).rows == []
    assert lines == ["scalars: sysUpTime.0", "scalars: 1.1, 1.2", "walk: 1.1", "table: 1.2"]
    assert (told.stats.packets_sent, told.unreachable_since_ms) == (7, 5)
