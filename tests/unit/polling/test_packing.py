"""What is packed in parts is what the whole would be, whichever part of it changed since the last poll."""

import io
from collections.abc import Sequence
from dataclasses import replace

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pollers.plugins.base import Sample
from schemas.codec import parsed_schema, to_avro
from schemas.errors import RecordError
from schemas.records import CounterColumn, EnrichedResource, Job, RawCounters
from streams.polling.packing import Heads, pack, pack_status
from streams.polling.results import raw_counters
from tests.examples import examples
from tests.strategies import records_of
from tests.unit.resources.test_inventory import SWITCH

JOB = Job(plugin="interfaces", profile="if-mib", interval_s=60)
ENRICHED = EnrichedResource(resource=SWITCH, enrichments={}, jobs=[JOB], jobs_since_ms=1)
HEADER = b"\0\0\0\0\7"


def whole(sample: Sample, slot: int) -> bytes:
    body = io.BytesIO(HEADER)
    body.seek(len(HEADER))
    fastavro.schemaless_writer(body, parsed_schema("raw_counters"), to_avro(raw_counters(ENRICHED, JOB, slot, sample)))
    return body.getvalue()


def sample_of(raw: RawCounters) -> Sample:
    names = set(Sample.__slots__)
    return Sample(**{name: getattr(raw, name) for name in RawCounters.__slots__ if name in names})


@settings(max_examples=examples(50), deadline=None)
@given(st.lists(st.tuples(records_of("raw_counters"), st.integers(0, 2**40), st.booleans()), min_size=1, max_size=4))
def test_a_packed_record_is_the_whole_record_whatever_was_packed_before_it(polls):
    heads: Heads = []
    for raw, slot, steady in polls:
        sample = replace(sample_of(raw), unchanged_since=object() if steady else None)
        for at in (slot, slot + 60):
            assert pack(HEADER, ENRICHED, JOB, at, sample, heads) == whole(sample, at)


@settings(deadline=None)
@given(records_of("poll_status"))
def test_a_packed_status_is_what_avro_makes_of_it(status):
    body = io.BytesIO()
    fastavro.schemaless_writer(body, parsed_schema("poll_status"), to_avro(status))
    assert pack_status(HEADER, status) == HEADER + body.getvalue()


def test_what_seldom_changes_is_packed_once_a_group():
    heads: Heads = []
    sample = Sample(group="g", polled_at_ms=1, uptime_cs=1, index=["Gi0/1"], unchanged_since=object())
    pack(HEADER, ENRICHED, JOB, 60, sample, heads)
    unseen = replace(sample, uptime_cs=2, index=Unseen())
    assert pack(HEADER, ENRICHED, JOB, 60, unseen, heads) == whole(replace(sample, uptime_cs=2), 60)
    lacking = replace(sample, absent={"octets_in": "not-answered"})
    assert pack(HEADER, ENRICHED, JOB, 60, lacking, heads) == whole(lacking, 60)
    renamed = replace(sample, index=["Gi0/2"], unchanged_since=object())
    assert pack(HEADER, ENRICHED, JOB, 60, renamed, heads) == whole(renamed, 60)
    assert len(heads) == 1


class Unseen(Sequence[str]):
    """Nobody is to look at it."""

    def __getitem__(self, at):
        raise AssertionError(at)

    def __len__(self):
        raise AssertionError


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([1.5], id="a-fraction-is-not-cut-off"),
        pytest.param([2**63], id="too-large-for-64-bits"),
        pytest.param([None], id="nothing"),
        pytest.param(["1"], id="a-text"),
    ],
)
def test_a_counter_that_is_no_integer_is_refused(values):
    column = CounterColumn(name="octets_in", width=64, unit="octets", values=values)
    sample = Sample(group="g", polled_at_ms=1, index=["Gi0/1"], counters=[column])
    with pytest.raises(RecordError, match="sample of group g"):
        pack(HEADER, ENRICHED, JOB, 60, sample, [])
