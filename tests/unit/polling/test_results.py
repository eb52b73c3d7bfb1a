from pollers.plugins.base import Poll, Sample
from schemas.records import EnrichedResource, Job, Outcome
from streams.polling.results import Timing, missed, polled, raw_counters
from streams.scheduling.slots import SlotRun
from tests.unit.resources.test_inventory import SWITCH

JOB = Job(plugin="interfaces", profile="if-mib", interval_s=60)


def test_a_sample_carries_every_constant_that_its_gauges_need():
    enriched = EnrichedResource(resource=SWITCH, enrichments={}, jobs=[JOB], jobs_since_ms=1)
    raw = raw_counters(enriched, JOB, 120, Sample(group="interface", polled_at_ms=120_250, index=["Gi0/1"]))
    assert (raw.resource, raw.site, raw.endpoint, raw.labels) == (
        "lab|network|switch|cisco|sw1",
        "lab",
        "192.0.2.1",
        {"room": "1"},
    )
    assert (raw.job, raw.group, raw.slot, raw.polled_at_ms) == ("interfaces/if-mib/60", "interface", 120, 120_250)


def test_a_polled_slot_says_how_late_and_how_long_it_was():
    timing = Timing(slot=120, started_at_ms=120_100, ended_at_ms=121_600)
    status = polled(SWITCH, JOB, timing, Poll(outcome=Outcome.TIMEOUT, reason="no answer"), "host:1")
    assert (status.lateness_ms, status.duration_ms, status.outcome) == (100, 1_500, Outcome.TIMEOUT)


def test_a_ranged_missed_status_covers_its_slots():
    status = missed(SWITCH, JOB, SlotRun(120, 5), reason="down", at_ms=500_000, worker="host:1")
    assert (status.slot, status.slots, status.outcome, status.values) == (120, 5, Outcome.MISSED, 0)
