from dataclasses import replace

import pytest

from pollers.plugins.base import Discovery
from streams.discovery.sightings import publishable
from tests.unit.resources.test_inventory import SWITCH


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        pytest.param({"site": ""}, "site is empty", id="empty-part"),
        pytest.param({"resource_id": "a|b"}, "resource_id 'a|b' holds a '|'", id="separator-in-a-part"),
        pytest.param({"endpoint": ""}, "endpoint is empty", id="no-endpoint"),
        pytest.param({"labels": {"1st": "x"}}, "label name '1st'", id="label-name"),
        pytest.param({"labels": {1: "x"}}, "label name 1", id="label-name-is-no-text"),
        pytest.param({"labels": None}, "labels: expected names and values", id="no-labels"),
        pytest.param(
            {"resource_id": 7}, "resource 'lab|network|switch|cisco|7': resource_id: expected text", id="number"
        ),
        pytest.param({"site": None}, "site: expected text, found None", id="part-is-none"),
    ],
)
def test_a_bad_sighting_is_passed_over_with_its_reason_and_the_good_ones_are_kept(wrong, says):
    good, problems = publishable(Discovery(resources=[replace(SWITCH, **wrong), SWITCH], problems=["line 3: no"]))
    assert good == [SWITCH]
    assert problems[0] == "line 3: no"
    assert says in problems[1]


def test_what_is_no_resource_is_passed_over():
    good, problems = publishable(Discovery(resources=[{"site": "lab"}, SWITCH]))
    assert good == [SWITCH]
    assert problems == ["{'site': 'lab'}: expected a Resource"]
