from dataclasses import replace

from schemas.records import Enrichment, Job
from streams.enrichment.merging import NEVER, first_seen, is_news, with_findings, with_resource
from tests.unit.resources.test_inventory import SWITCH

FACTS = Enrichment(plugin="facts", collected_at_ms=1_000, ttl_s=100, facts={"sys_name": "sw1"})
JOBS = [Job(plugin="interfaces", profile="if-mib", interval_s=60)]
KNOWN = with_findings(first_seen(SWITCH), {"device": FACTS}, JOBS, 1_000)


def test_a_resource_that_was_never_enriched_has_no_jobs():
    fresh = first_seen(SWITCH)
    assert (fresh.jobs, fresh.jobs_since_ms) == ((), NEVER)


def test_a_silent_device_gets_its_jobs_all_the_same():
    after = with_findings(first_seen(SWITCH), {}, JOBS, 5_000)
    assert (list(after.jobs), after.jobs_since_ms) == (JOBS, 5_000)
    assert is_news(first_seen(SWITCH), after)


def test_the_same_jobs_keep_the_time_since_which_they_are_wanted():
    assert with_findings(KNOWN, {}, JOBS, 9_000).jobs_since_ms == 1_000


def test_other_jobs_start_their_own_time():
    assert with_findings(KNOWN, {}, [replace(JOBS[0], interval_s=30)], 9_000).jobs_since_ms == 9_000


def test_what_was_not_found_again_stays_until_its_ttl_is_over():
    assert with_findings(KNOWN, {}, JOBS, 100_999).enrichments == {"device": FACTS}
    assert with_findings(KNOWN, {}, JOBS, 101_000).enrichments == {}


def test_finding_the_same_again_is_news_only_when_half_of_its_ttl_is_over():
    soon = with_findings(KNOWN, {"device": replace(FACTS, collected_at_ms=50_000)}, JOBS, 50_000)
    later = with_findings(KNOWN, {"device": replace(FACTS, collected_at_ms=51_000)}, JOBS, 51_000)
    assert (is_news(KNOWN, soon), is_news(KNOWN, later)) == (False, True)


def test_a_changed_fact_is_news():
    renamed = replace(FACTS, facts={"sys_name": "sw1-new"})
    assert is_news(KNOWN, with_findings(KNOWN, {"device": renamed}, JOBS, 2_000))


def test_a_moved_resource_is_news_and_keeps_what_is_known():
    moved = with_resource(KNOWN, replace(SWITCH, endpoint="192.0.2.9"))
    assert is_news(KNOWN, moved)
    assert moved.enrichments == KNOWN.enrichments
