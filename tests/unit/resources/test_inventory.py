from dataclasses import replace

import pytest

from schemas.records import Resource
from streams.resources.inventory import expires_ms, is_news, merged, seen, unexpired

SWITCH = Resource(
    site="lab",
    resource_class="network",
    resource_subclass="switch",
    resource_type="cisco",
    resource_id="sw1",
    endpoint="192.0.2.1",
    plugins=("a",),
    first_seen_ms=1_000,
    last_seen_ms=1_000,
    ttl_s=800,
    labels={"room": "1"},
)
A = SWITCH
B = replace(SWITCH, plugins=("b",), endpoint="192.0.2.2", labels={"room": "2", "rack": "7"}, last_seen_ms=2_000)


def known(*sightings):
    """Return what is known after these sightings, in their order."""
    now = {}
    for sighting in sightings:
        now = seen(now, sighting)
    return now


def published(*sightings, precedence=()):
    return merged(known(*sightings), precedence)


def test_the_first_sighting_is_the_resource():
    assert published(SWITCH) == SWITCH


def test_a_later_sighting_moves_the_endpoint_and_keeps_when_it_was_first_seen():
    sighting = replace(SWITCH, endpoint="192.0.2.2", first_seen_ms=5_000, last_seen_ms=5_000)
    now = published(SWITCH, sighting)
    assert (now.endpoint, now.first_seen_ms, now.last_seen_ms) == ("192.0.2.2", 1_000, 5_000)


def test_it_was_first_seen_when_the_first_of_its_sections_saw_it_whichever_still_do():
    late = replace(B, first_seen_ms=5_000, last_seen_ms=5_000)
    now = known(SWITCH, late)
    del now["a"]
    assert merged(now, ()).first_seen_ms == 1_000
    assert merged(now, ()).plugins == ("b",)


@pytest.mark.parametrize("order", [(A, B), (B, A)], ids=["a-first", "b-first"])
@pytest.mark.parametrize(
    ("precedence", "endpoint", "room"),
    [
        pytest.param((), "192.0.2.1", "1", id="by-name"),
        pytest.param(("b", "a"), "192.0.2.2", "2", id="as-it-is-set"),
        pytest.param(("b",), "192.0.2.2", "2", id="the-one-that-is-named"),
        pytest.param(("c",), "192.0.2.1", "1", id="one-that-has-not-seen-it"),
    ],
)
def test_where_sections_differ_the_one_counts_that_comes_first_whoever_saw_it_last(order, precedence, endpoint, room):
    now = published(*order, precedence=precedence)
    assert (now.endpoint, now.labels) == (endpoint, {"room": room, "rack": "7"})
    assert now.plugins == ("a", "b")
    assert (now.first_seen_ms, now.last_seen_ms) == (1_000, 2_000)


def test_an_endpoint_that_two_sections_see_differently_does_not_change_with_every_sighting():
    sightings = [replace(section, last_seen_ms=1_000 * nth) for nth in range(1, 6) for section in (A, B)]
    endpoints = {published(*sightings[:count]).endpoint for count in range(1, len(sightings) + 1)}
    assert endpoints == {"192.0.2.1"}


def test_labels_of_other_sections_stay_and_those_that_a_section_no_longer_says_go():
    assert published(A, B).labels == {"room": "1", "rack": "7"}
    assert published(A, B, replace(B, last_seen_ms=3_000, labels={"shelf": "3"})).labels == {"room": "1", "shelf": "3"}
    assert published(A, B, replace(A, last_seen_ms=3_000, labels={})).labels == {"room": "2", "rack": "7"}


def test_a_replayed_older_sighting_changes_nothing_newer():
    newer = replace(SWITCH, endpoint="192.0.2.9", last_seen_ms=9_000)
    assert published(newer, SWITCH) == newer


def test_merging_the_same_sighting_again_is_harmless():
    once = known(SWITCH, replace(SWITCH, last_seen_ms=2_000))
    assert seen(once, replace(SWITCH, last_seen_ms=2_000)) == once


def test_an_older_sighting_still_says_since_when_the_resource_is_known():
    newer = replace(SWITCH, first_seen_ms=9_000, last_seen_ms=9_000)
    assert published(newer, SWITCH) == replace(newer, first_seen_ms=1_000)


@pytest.mark.parametrize(
    ("now", "news"),
    [
        pytest.param(replace(SWITCH, last_seen_ms=2_000), False, id="only-seen-again"),
        pytest.param(replace(SWITCH, last_seen_ms=101_000), True, id="an-eighth-of-the-ttl-later"),
        pytest.param(replace(SWITCH, endpoint="192.0.2.2"), True, id="moved"),
        pytest.param(replace(SWITCH, labels={}), True, id="relabelled"),
        pytest.param(replace(SWITCH, plugins=("a", "b")), True, id="another-section-sees-it"),
    ],
)
def test_what_is_news(now, news):
    assert is_news(SWITCH, now) is news


def test_everything_about_an_unknown_resource_is_news():
    assert is_news(None, SWITCH)


@pytest.mark.parametrize(("now_ms", "gone"), [(800_999, False), (801_000, True)])
def test_a_sighting_expires_when_its_ttl_is_over(now_ms, gone):
    assert (unexpired(known(SWITCH), now_ms, {}) == {}) is gone
    assert expires_ms(SWITCH) == 801_000


def test_each_section_has_its_own_time_to_live():
    short = replace(B, ttl_s=10)
    now = known(A, short)
    assert set(unexpired(now, 11_999, {})) == {"a", "b"}
    assert set(unexpired(now, 12_000, {})) == {"a"}
    left = merged(unexpired(now, 12_000, {}), ())
    assert (left.labels, left.plugins, left.ttl_s) == ({"room": "1"}, ("a",), 800)
    assert merged(unexpired(now, 801_000, {}), ()) is None


def test_addresses_are_those_of_all_sightings_and_identifiers_the_first_sections():
    one = replace(SWITCH, addresses=("192.0.2.1", "192.0.2.2"), identifiers={"serial": "1"})
    other = replace(SWITCH, addresses=("192.0.2.2", "192.0.2.3"), identifiers={"serial": "2", "sys_name": "sw1"})
    now = merged({"a": one, "b": other}, ("b",))
    assert now.addresses == ("192.0.2.2", "192.0.2.3", "192.0.2.1")
    assert now.identifiers == {"serial": "2", "sys_name": "sw1"}
