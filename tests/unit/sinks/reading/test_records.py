"""A batch decodes what it is asked for; a section's filters pick the rows."""

import pytest

from schemas.errors import RecordError
from streams.pipeline import Topic
from streams.scheduling.filters import FilterError
from streams.sinks.reading.records import Records, Wanted
from tests.unit.sinks.batches import batch, decoding
from tests.unit.sinks.gauges import encode, gauge
from tests.unit.sinks.rows import row


@pytest.mark.parametrize(
    ("resources", "rows", "expected"),
    [
        pytest.param("", "", True, id="all"),
        pytest.param("resource_site = 'fra1' AND resource_type LIKE 'cis%'", "", True, id="site-and-type"),
        pytest.param("resource_id = 'sw2'", "", False, id="another-device"),
        pytest.param("resource_metadata.rack = 'r7'", "", True, id="label"),
        pytest.param("", "NOT (group = 'interface' AND row = 'Null0')", True, id="not-null0"),
        pytest.param("", "NOT (group = 'interface' AND row LIKE 'Gi%')", False, id="not-gigabit"),
        pytest.param("", "dimension.alias LIKE '%core%'", True, id="dimension"),
        pytest.param("", "dimension.nothing = ''", True, id="dimension-that-is-not-there"),
        pytest.param("", "job LIKE 'interfaces/%'", True, id="job"),
    ],
)
def test_filters_look_at_the_records_own_fields(resources, rows, expected):
    assert Wanted(resources, rows)(row()) is expected


@pytest.mark.parametrize(
    ("resources", "rows", "why"),
    [
        pytest.param(
            "facts.version = '1'", "", "what enrichment found changes, and a record does not carry it", id="facts"
        ),
        pytest.param("resource_plugin = 'x'", "", "a record does not say which sections saw its resource", id="plugin"),
        pytest.param("", "resource_site = 'x'", "that is a matter of the section's filter", id="resource-of-rows"),
        pytest.param("", "colour = 'x'", r"expected a field \(group, row, job, dimension\.<label>\)", id="unknown"),
    ],
)
def test_what_a_record_does_not_have_is_refused_with_the_reason(resources, rows, why):
    with pytest.raises(FilterError, match=why):
        Wanted(resources, rows)


def test_gauges_and_blocks_are_of_the_wanted_rows_and_what_is_no_record_is_told():
    how = decoding(Wanted("", "row != 'Null0'"))
    records = Records(Topic.GAUGES, [encode(gauge()), b"\0\0\0\0\1x", encode(gauge(row="Null0"))], how)
    assert [one.row for one in records.gauges] == ["Gi0/1"]
    assert [one.position for one in records.bad] == [1]
    assert [one.row for block in records.blocks for one in block.rows] == ["Gi0/1"]
    assert isinstance(records.bad[0].error, RecordError)


def test_other_topics_have_other_records():
    records = batch([gauge()], decoding())
    assert (records.poll_statuses, records.raw_counters) == ((), ())
