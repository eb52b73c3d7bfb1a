"""What the check says of neighbours and links: it finds what is wrong."""

from typing import Any

import pytest

from tests.lab.check.changes import NEWCOMER, with_newcomer
from tests.lab.check.joined import Heard, Joined, cables_of
from tests.lab.lab import read_spec
from tests.lab.spec import Port, parse
from tests.lab.truth import Counters, Link, Neighbour

NONE = Counters(0, 0, 0, 0)
A, B = Port("leaf1", "swp3"), Port("host1", "eth1")
CABLE = frozenset((A, B))


def link(name: str, address: str) -> Link:
    return Link(name, 2, "", True, True, 1500, address, NONE, NONE)


HEARD = {
    "leaf1": Heard([link("swp3", "02:00:00:00:00:01")], [Neighbour("swp3", "host1", "x", "02:00:00:00:00:02", ())]),
    "host1": Heard([link("eth1", "02:00:00:00:00:02")], [Neighbour("eth1", "leaf1", "y", "swp3", ())]),
}


def record(state: str, *ends: Port) -> dict[str, Any]:
    return {
        "state": state,
        "ends": [{"resource": f"lab|network|device|snmp|{end.node}", "row": end.name} for end in ends],
    }


def joined() -> Joined:
    made = Joined()
    for name in HEARD:
        made.take("inventory", f"key-{name}", {"resource_id": name})
    made.take("topology", "a", record("up", B, A))
    return made


def test_a_cable_is_what_lldpd_tells_of_at_both_ends_whether_by_name_or_by_address() -> None:
    assert cables_of(HEARD) == {CABLE}
    assert cables_of({**HEARD, "host1": HEARD["host1"]._replace(neighbours=[])}) == set()


def test_what_agrees_is_not_wrong() -> None:
    assert list(joined().wrong(["leaf1", "host1"], {CABLE})) == []


@pytest.mark.parametrize(
    ("topic", "key", "value", "said"),
    [
        pytest.param("topology", "a", {}, "no link with both ends", id="no-link"),
        pytest.param("topology", "a", record("down", A, B), "no link with both ends", id="a-link-in-another-state"),
        pytest.param("topology", "b", record("up", A, A._replace(name="swp9")), "lldpd does not tell", id="a-ghost"),
        pytest.param("inventory", "c", {"resource_id": "else"}, "else is in the inventory", id="a-stranger"),
        pytest.param("inventory", "d", {"resource_id": "leaf1"}, "several resources", id="a-node-twice"),
    ],
)
def test_what_is_wrong_is_found(topic: str, key: str, value: dict[str, Any], said: str) -> None:
    made = joined()
    made.take(topic, key, value)
    assert any(said in line for line in made.wrong(["leaf1", "host1"], {CABLE}))


def test_who_is_silent_has_to_be_told_of() -> None:
    made = joined()
    assert list(made.lacking(["leaf1"], frozenset({"mute"}))) == ["word that mute is silent"]
    made.take("discovery-runs", "around", {"unfollowed": [{"system_name": "mute", "why": "silent"}]})
    assert list(made.lacking(["leaf1"], frozenset({"mute"}))) == []


@pytest.mark.parametrize("name", ["leaf-spine", "odd", "thirty"])
def test_a_newcomer_changes_nothing_of_who_is_there(name: str) -> None:
    before, after = parse(read_spec(name)), parse(with_newcomer(read_spec(name)))
    assert {**before.nodes, NEWCOMER: after.nodes[NEWCOMER]} == after.nodes
    assert after.cables[:-1] == before.cables
