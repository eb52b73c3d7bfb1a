"""A worker's group is its stage's, or a part of it."""

import pytest

from streams.runtime.kafka.topic_names import group_name
from streams.runtime.settings.loading import Settings
from streams.runtime.settings.sections import PollingSettings


@pytest.mark.parametrize(
    ("stage", "zone", "part", "expected"),
    [
        pytest.param("gauges", "", "", "panoptes-gauges", id="a-stage"),
        pytest.param("sinks", "", "store", "panoptes-sinks-store", id="a-sink"),
        pytest.param("polling", "fra1", "", "panoptes-polling-fra1", id="a-zone"),
        pytest.param("sinks", "fra1", "store", "panoptes-sinks-store", id="a-sink-has-no-zone"),
    ],
)
def test_groups(stage, zone, part, expected):
    settings = Settings(polling=PollingSettings(zone=zone))
    assert group_name(settings, stage, part) == expected
