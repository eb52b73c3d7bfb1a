"""What plugins are told of the inventory is what its last records say."""

from dataclasses import replace

import pytest

from streams.discovery.known import Inventory, host_of
from tests.unit.resources.test_inventory import SWITCH

A = replace(SWITCH, endpoint="192.0.2.1:1161", addresses=("192.0.2.7",), identifiers={"engine_id": "80"})
SITE = A.site


def test_a_resource_is_found_by_endpoint_address_id_and_identifier():
    known = Inventory()
    known.take(A.identity, A)
    assert known.at(SITE, "192.0.2.1") == known.at(SITE, "192.0.2.7") == known.named(SITE, A.resource_id) == A
    assert known.identified(SITE, "engine_id", "80") == [A]
    assert known.sites_at("192.0.2.7") == {SITE}
    assert (known.at("other", "192.0.2.1"), known.sites_at("192.0.2.9")) == (None, frozenset())


def test_what_a_newer_record_no_longer_says_is_no_longer_found():
    known = Inventory()
    known.take(A.identity, A)
    known.take(A.identity, moved := replace(A, endpoint="192.0.2.2", addresses=(), identifiers={}))
    assert known.at(SITE, "192.0.2.2") == moved
    assert (known.at(SITE, "192.0.2.1"), known.at(SITE, "192.0.2.7")) == (None, None)
    assert (known.identified(SITE, "engine_id", "80"), known.sites_at("192.0.2.1")) == ([], frozenset())


def test_a_tombstone_ends_one_and_leaves_the_other_at_the_same_address():
    known, twin = Inventory(), replace(A, resource_id="twin")
    known.take(A.identity, A)
    known.take(twin.identity, twin)
    known.take(A.identity, None)
    assert (known.at(SITE, "192.0.2.1"), known.sites_at("192.0.2.1"), len(known)) == (twin, {SITE}, 1)


def test_another_zones_addresses_are_none_of_ours():
    known = Inventory("dmz")
    known.take(A.identity, A)
    known.take("b", replace(A, zone="dmz", endpoint="192.0.2.3"))
    assert (known.at(SITE, "192.0.2.1"), known.sites_at("192.0.2.3")) == (None, {SITE})


@pytest.mark.parametrize(
    ("endpoint", "host"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:161", "192.0.2.1"),
        ("[2001:DB8:0::1]:161", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("SW1.Example.net.", "sw1.example.net"),
    ],
)
def test_the_host_of_an_endpoint(endpoint, host):
    assert host_of(endpoint) == host
