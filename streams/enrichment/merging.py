"""Merges new findings into what is known of a resource, and works out its jobs (pure)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from schemas.records import EnrichedResource, Enrichment, Job, Resource

#: `jobs_since_ms` of a resource that was never enriched: it is not published yet
NEVER: Final = 0


def first_seen(resource: Resource) -> EnrichedResource:
    """Return the record of a new resource."""
    return EnrichedResource(resource=resource, enrichments={}, jobs=(), jobs_since_ms=NEVER)


def with_resource(known: EnrichedResource, resource: Resource) -> EnrichedResource:
    """Return the record with the inventory's present resource."""
    return replace(known, resource=resource)


def with_findings(
    known: EnrichedResource, found: Mapping[str, Enrichment], jobs: Sequence[Job], now_ms: int
) -> EnrichedResource:
    """Return the record with new findings; namespaces that were not found again stay until their TTL ends."""
    kept = {name: old for name, old in known.enrichments.items() if now_ms < old.collected_at_ms + old.ttl_s * 1000}
    jobs = tuple(jobs)
    since = known.jobs_since_ms if jobs == tuple(known.jobs) and known.jobs_since_ms != NEVER else now_ms
    return replace(known, enrichments={**kept, **found}, jobs=jobs, jobs_since_ms=since)


def is_news(before: EnrichedResource, after: EnrichedResource) -> bool:
    """Return whether pollers must get the record: anything changed but the times at which the same was found."""
    if before.jobs_since_ms == NEVER or before.jobs_since_ms != after.jobs_since_ms:
        return True
    if _timeless(before) != _timeless(after):
        return True
    # what was found again stays good for longer: say so before the pollers think that it is over
    return any(
        (fresh.collected_at_ms - before.enrichments[name].collected_at_ms) * 2 >= fresh.ttl_s * 1000
        for name, fresh in after.enrichments.items()
    )


def _timeless(enriched: EnrichedResource) -> EnrichedResource:
    enrichments = {name: replace(found, collected_at_ms=0) for name, found in enriched.enrichments.items()}
    return replace(enriched, enrichments=enrichments, resource=replace(enriched.resource, last_seen_ms=0))
