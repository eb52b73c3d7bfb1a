"""What is kept of a resource follows its record, and is decoded no more often than somebody looks."""

import pytest

from schemas.errors import RecordError
from schemas.records import EnrichedResource, Enrichment, Job
from streams.polling.resource_state import ResourceStates, compressed, decompressed
from tests.unit.resources.test_inventory import SWITCH

JOB = Job(plugin="interfaces", profile="if-mib", interval_s=60)
FACTS = Enrichment(plugin="facts", collected_at_ms=1, ttl_s=60, facts={"vendor": "acme"})


class Decoding:
    def __init__(self) -> None:
        self.decoded: list[bytes] = []

    def __call__(self, stored: bytes) -> EnrichedResource:
        self.decoded.append(stored)
        return EnrichedResource(resource=SWITCH, enrichments={"device": FACTS}, jobs=[JOB], jobs_since_ms=1)


def test_a_record_is_decoded_once_and_looks_like_itself():
    decode = Decoding()
    states = ResourceStates(decode)
    state = states.get("a", b"1")
    again = states.get("a", bytes([49]))
    assert again == state
    assert again.enriched.enrichments is state.enriched.enrichments
    assert again.heads is state.heads
    assert decode.decoded == [b"1"]
    assert state.enriched.resource == SWITCH
    assert list(state.enriched.jobs) == [JOB]
    assert dict(state.enriched.enrichments) == {"device": FACTS}
    assert state.enriched.enrichments.get("interface") is None


def test_another_record_or_a_removal_forgets_what_was_held():
    states = ResourceStates(Decoding())
    state = states.get("a", b"1")
    changed = states.get("a", b"2")
    assert changed.heads is not state.heads
    assert changed.enriched.enrichments is not state.enriched.enrichments
    states.remove("a")
    states.remove("a")
    assert len(states) == 0


def test_enrichments_of_many_resources_do_not_stay_decoded():
    decode = Decoding()
    states = ResourceStates(decode)
    first = states.get("0", b"0")
    for number in range(1, 100):
        states.get(str(number), str(number).encode())
    decode.decoded.clear()
    assert first.enriched.enrichments["device"] == FACTS
    assert decode.decoded == [b"0"]


def test_a_record_in_the_table_is_the_record_that_came():
    record = b"\0\0\0\0\1" + b"interface" * 500
    assert decompressed(compressed(record)) == record
    assert len(compressed(record)) < len(record) / 10


def test_what_is_no_record_of_the_table_says_so():
    with pytest.raises(RecordError, match="not a record of the table"):
        decompressed(b"\0\0\0\0\1")
