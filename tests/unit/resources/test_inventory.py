from dataclasses import replace

import pytest

from schemas.records import Resource
from streams.resources.inventory import is_expired, is_news, merge

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


def test_the_first_sighting_is_the_resource():
    assert merge(None, SWITCH) == SWITCH


def test_a_later_sighting_moves_the_endpoint_and_keeps_when_it_was_first_seen():
    sighting = replace(SWITCH, endpoint="192.0.2.2", first_seen_ms=5_000, last_seen_ms=5_000, plugins=("b",))
    merged = merge(SWITCH, sighting)
    assert (merged.endpoint, merged.first_seen_ms, merged.last_seen_ms) == ("192.0.2.2", 1_000, 5_000)
    assert merged.plugins == ("a", "b")


def test_labels_of_other_plugins_stay_unless_the_newer_sighting_has_them():
    sighting = replace(SWITCH, last_seen_ms=2_000, labels={"rack": "7"})
    assert merge(SWITCH, sighting).labels == {"room": "1", "rack": "7"}
    assert merge(SWITCH, replace(sighting, labels={"room": "2"})).labels == {"room": "2"}


def test_a_replayed_older_sighting_changes_nothing_newer():
    newer = replace(SWITCH, endpoint="192.0.2.9", last_seen_ms=9_000)
    assert merge(newer, SWITCH) == newer


def test_merging_the_same_sighting_again_is_harmless():
    once = merge(SWITCH, replace(SWITCH, last_seen_ms=2_000))
    assert merge(once, replace(SWITCH, last_seen_ms=2_000)) == once


@pytest.mark.parametrize(
    ("merged", "news"),
    [
        pytest.param(replace(SWITCH, last_seen_ms=2_000), False, id="only-seen-again"),
        pytest.param(replace(SWITCH, last_seen_ms=101_000), True, id="an-eighth-of-the-ttl-later"),
        pytest.param(replace(SWITCH, endpoint="192.0.2.2"), True, id="moved"),
        pytest.param(replace(SWITCH, labels={}), True, id="relabelled"),
    ],
)
def test_what_is_news(merged, news):
    assert is_news(SWITCH, merged) is news


def test_everything_about_an_unknown_resource_is_news():
    assert is_news(None, SWITCH)


@pytest.mark.parametrize(("now_ms", "gone"), [(800_999, False), (801_000, True)])
def test_a_resource_expires_when_its_ttl_is_over(now_ms, gone):
    assert is_expired(SWITCH, now_ms) is gone
