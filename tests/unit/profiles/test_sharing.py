"""What is alike is one object, within bounds."""

import pytest

from pollers.profiles.memory.facts import known_from_facts
from pollers.profiles.memory.sharing import Sharing
from schemas.records import Enrichment

NAMES = ("name", "mtu", "alias")


def test_equal_values_become_one_object():
    sharing = Sharing()
    first, second = tuple(map(str, (1000, 2000))), tuple(map(str, (1000, 2000)))
    assert sharing.of(first) is first
    assert sharing.of(second) is first


def test_beyond_its_limit_it_begins_anew():
    sharing = Sharing(most=2)
    values = [("a", str(number)) for number in range(100)]
    assert [sharing.of(value) for value in values] == values
    assert len(sharing._shared) <= 2


def test_devices_with_the_same_interfaces_share_what_is_known_of_them():
    sharing = Sharing()

    one, other = (known_from_facts({"interface": facts(each)}, "interface", NAMES, {"mtu"}, sharing) for each in "ab")
    assert one.rows is other.rows
    for _ in range(10):
        looked_at = [(one.columns[name], other.columns[name]) for name in NAMES]
    (name, same_name), (mtu, same_mtu), (alias, other_alias) = looked_at
    assert name is same_name
    assert mtu is same_mtu
    assert list(mtu) == [1500.0] * 4
    assert alias != other_alias


def facts(alias: str) -> Enrichment:
    rows = {str(row): {"name": f"Gi0/{row}", "mtu": "1500", "alias": f"{alias}{row}"} for row in range(4)}
    return Enrichment(plugin="interfaces", collected_at_ms=1, ttl_s=60, rows=rows)


class Counted(dict[str, Enrichment]):
    looks = 0

    def __getitem__(self, namespace: str) -> Enrichment:
        self.looks += 1
        return super().__getitem__(namespace)


def test_what_an_enrichment_knows_is_taken_from_it_when_somebody_looks_and_kept_when_that_is_often():
    enrichments = Counted(interface=facts("a"))
    columns = known_from_facts(enrichments, "interface", NAMES, {"mtu"}, Sharing()).columns
    enrichments.looks = 0
    assert "name" in columns
    assert list(columns) == list(NAMES)
    assert "speed" not in columns
    assert enrichments.looks == 0
    looked_at = [list(columns["name"]) for _ in range(100)]
    assert looked_at == [[f"Gi0/{row}" for row in range(4)]] * 100
    assert enrichments.looks < 20
    with pytest.raises(KeyError):
        columns["speed"]
