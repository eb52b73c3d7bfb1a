"""What an enrichment knows is taken from it when somebody looks, and is one object where devices have it alike."""

import pytest

from pollers.profiles.memory.facts import known_from_facts
from schemas.records import Enrichment

NAMES = ("name", "mtu", "alias")


def test_devices_with_the_same_interfaces_share_what_is_known_of_them():
    one, other = (known_from_facts({"interface": facts(each)}, "interface", NAMES, {"mtu"}) for each in "ab")
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
    columns = known_from_facts(enrichments, "interface", NAMES, {"mtu"}).columns
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
