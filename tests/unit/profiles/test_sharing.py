"""What is alike is one object, within bounds."""

from pollers.profiles.facts import known_from_facts
from pollers.profiles.sharing import Sharing
from schemas.records import Enrichment


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

    def known(alias: str):
        rows = {str(row): {"name": f"Gi0/{row}", "mtu": "1500", "alias": f"{alias}{row}"} for row in range(4)}
        enrichment = Enrichment(plugin="interfaces", collected_at_ms=1, ttl_s=60, rows=rows)
        return known_from_facts(enrichment, ("name", "mtu", "alias"), {"mtu"}, sharing)

    one, other = known("a"), known("b")
    assert one.columns["name"] is other.columns["name"]
    assert one.columns["mtu"] is other.columns["mtu"]
    assert one.rows is other.rows
    assert one.columns["alias"] != other.columns["alias"]
    assert one == known("a")
