"""What the sinks call a number is what docs/metrics.md says of it."""

import pytest

from pollers.vocabulary.load import load
from pollers.vocabulary.model import MetricKind
from pollers.vocabulary.prometheus import prometheus_name
from streams.sinks.naming.names import Names


@pytest.mark.parametrize("group", load().groups.values(), ids=lambda group: group.name)
def test_a_number_is_stored_under_the_name_that_is_documented(group):
    numbers = [each for each in group.metrics.values() if each.kind in {MetricKind.LEVEL, MetricKind.RATE}]
    units = [f"{each.unit}/s" if each.kind is MetricKind.RATE else each.unit for each in numbers]
    stored = [Names().number(group.name, each.name, unit)[::2] for each, unit in zip(numbers, units, strict=True)]
    assert stored == [prometheus_name(group.name, each.name, each.unit, each.kind) for each in numbers]
