"""Filters reach what enrichment found, and docs/filters.md says of each example what is so."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from schemas.records import EnrichedResource, Enrichment, Resource
from streams.scheduling.filter_fields import ENRICHED
from streams.scheduling.filters import FilterError, compile_filter, compile_over

PAGE: Final = (Path(__file__).parents[3] / "docs/filters.md").read_text(encoding="utf-8")
EXAMPLES: Final = re.findall(r"^\| `(.+)` \| (yes|no) \|$", PAGE, re.MULTILINE)
OPERATORS: Final = ("=", "==", "eq", "!=", "<>", "ne", "like", "not like", "in", "not in", "not", "and", "or")

SWITCH: Final = EnrichedResource(
    resource=Resource(
        site="fra1",
        resource_class="network",
        resource_subclass="switch",
        resource_type="cisco",
        resource_id="sw1",
        endpoint="192.0.2.1",
        plugins=("file", "netbox"),
        first_seen_ms=0,
        last_seen_ms=0,
        labels={"rack": "7", "owner": "o'hara"},
    ),
    enrichments={
        "device": Enrichment(
            plugin="device-facts",
            collected_at_ms=0,
            ttl_s=60,
            facts={"sys_descr": "Cisco IOS Software, Version 15.2(7)E3"},
        ),
        "interfaces": Enrichment(
            plugin="interfaces",
            collected_at_ms=0,
            ttl_s=60,
            rows={"Gi0/1": {"alias": "uplink to core1"}, "Gi0/2": {"alias": "printer"}, "Gi0/3": {}},
        ),
    },
    jobs=(),
    jobs_since_ms=0,
)


@pytest.mark.parametrize(("text", "picks"), EXAMPLES)
def test_the_page_tells_what_each_example_picks(text, picks):
    assert compile_over(text, ENRICHED)(SWITCH) is (picks == "yes")


@pytest.mark.parametrize("operator", OPERATORS)
def test_the_page_has_an_example_of_each_operator(operator):
    assert any(
        re.search(rf"(?<![\w=<>!]){re.escape(operator)}(?![\w=<>])", text, re.IGNORECASE) for text, _ in EXAMPLES
    )


def test_a_fact_is_found_in_whichever_namespace_it_stands():
    inventory = Enrichment(plugin="inventory", collected_at_ms=0, ttl_s=60, facts={"serial": "FOC1"})
    known = replace(SWITCH, enrichments={**SWITCH.enrichments, "inventory": inventory})
    fits = compile_over("facts.serial = 'FOC1' AND inventory.serial = 'FOC1' AND device.serial = ''", ENRICHED)
    assert fits(known)
    assert not fits(SWITCH)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        pytest.param("resource_sight = 'fra1'", 0, id="no-field-of-a-resource"),
        pytest.param("resource_site = 'x' AND facts. = 'x'", 24, id="no-name"),
        pytest.param("resource_site = 'x' AND facts = 'x'", 24, id="no-dot"),
        pytest.param("interfaces.alias LIKE", 21, id="no-text"),
    ],
)
def test_what_cannot_be_read_is_pointed_at(text, at):
    with pytest.raises(FilterError) as caught:
        compile_over(text, ENRICHED)
    assert caught.value.at == at
    assert str(caught.value).split("\n")[2] == " " * (4 + at) + "^"


def test_where_nothing_of_enrichment_is_known_a_filter_says_so():
    with pytest.raises(FilterError, match="what enrichment found is not known here"):
        compile_filter("facts.sys_descr LIKE '%15.2%'")
